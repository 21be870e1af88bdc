"""Tests of pages, without a browser. One module for each page, or for what all pages have."""
