"""One change of many accounts: a preview of it, and the operation."""
