"""Imports by page.

job       an uploaded file's folder, its state, and the thread that works on it
work      what that thread does: preview the file, or import it
preview   the rows that an import would write
lock      which process works on a folder
"""
