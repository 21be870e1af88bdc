"""Merging two accounts: reading both, and making one of them."""
