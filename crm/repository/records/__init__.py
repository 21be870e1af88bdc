"""Read and edit single records, lists and the overview."""
