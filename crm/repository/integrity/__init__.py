"""Check the rules that Unity Catalog does not enforce, and repair what breaks them."""
