"""What Unity Catalog knows: objects, privileges, people, types, properties."""
