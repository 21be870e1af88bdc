"""Forms: fields derived from the tables, merging of two edits, and the forms of single pages."""
