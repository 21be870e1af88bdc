"""Benchmarks, which print tables. One module for each; modules with ``_`` are shared helpers.

docs/performance.md says how to run them.
"""
