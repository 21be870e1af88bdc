"""Queries and writes: prepared for the engine, bound to values, and checked for conflicts."""
