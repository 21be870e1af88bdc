"""Merging two accounts: reading both, and writing the merged one."""
