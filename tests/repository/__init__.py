"""Tests of the repository. One module for each of its modules."""
