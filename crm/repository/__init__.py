"""All data access of the product: one module per subject, every SQL statement."""
