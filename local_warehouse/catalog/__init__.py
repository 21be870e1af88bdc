"""The catalog: its objects, their privileges and properties, and the users who have them."""
