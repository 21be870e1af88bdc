"""Tests in a browser. One module for each thing that people do."""
