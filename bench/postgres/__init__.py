"""The same pages on Django's ORM and PostgreSQL, for comparison."""
