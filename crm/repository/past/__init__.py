"""Read history, compare two moments, and revert changes."""
