"""History, differences between moments, and reverting to earlier values."""
