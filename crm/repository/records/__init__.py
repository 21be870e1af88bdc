"""Single records, lists, and pages of figures. One module for each, and shared helpers."""
