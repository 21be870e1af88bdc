"""Read and write many rows at once: imports, copies of other tables, exports, sample data."""
