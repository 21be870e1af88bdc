"""Tests of imports. One module for each kind of source, and for each step of an import."""
