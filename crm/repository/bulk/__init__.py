"""One change of many rows of a table: a preview of it, and the operation."""
