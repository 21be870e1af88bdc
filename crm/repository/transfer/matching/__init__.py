"""Find stored rows by texts that people write: texts with the same meaning are folded to one."""
