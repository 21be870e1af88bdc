"""Forms: their fields, derived from the tables, the merging of two edits, and the import form."""
