"""Checks of the rules that Unity Catalog does not enforce, and their repairs."""
