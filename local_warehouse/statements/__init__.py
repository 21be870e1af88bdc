"""Queries and writes, from SQL text to what the engine runs."""
