"""Check the rules that Unity Catalog does not enforce, and repair rows that break them."""
