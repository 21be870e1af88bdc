"""Reads and edits of single records, and the lists and overview made of them."""
