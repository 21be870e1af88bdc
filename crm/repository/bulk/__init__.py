"""One change of many rows of a table: its preview and its operation."""
