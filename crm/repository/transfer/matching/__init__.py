"""Finds stored rows by what people write: texts that mean the same are folded to one."""
