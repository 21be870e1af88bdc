"""Tests of commands. One module for each command, and helpers."""
