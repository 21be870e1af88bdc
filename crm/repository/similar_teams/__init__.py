"""Find accounts that may be one team under two keys: similar names in one business area."""
