"""Pages. One module for each page, and helpers that begin with an underscore."""
