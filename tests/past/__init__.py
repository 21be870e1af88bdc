"""Tests of the history and of reverts. One module for each of their pages and modules."""
