"""Migrate, back up and inspect the tables, and grant rights on them."""
