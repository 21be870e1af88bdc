"""Many rows at once: import, copies of other tables, export, sample data."""
