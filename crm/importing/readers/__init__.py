"""Readers: one per file format, each yields sheets of raw rows."""
