"""Checks of the whole project, one module for each, and helpers for the tests of all folders."""
