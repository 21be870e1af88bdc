"""Guarantees of writes, on every warehouse. One module for each guarantee."""
