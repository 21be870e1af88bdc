"""Imports by page: the uploaded file, the thread that imports it, and its lock."""
