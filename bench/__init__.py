"""Measurements, which print tables. One module for each bench; those with ``_`` are shared.

docs/performance.md says how to run them.
"""
