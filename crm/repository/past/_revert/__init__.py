"""Code shared by the reverts of a record and of a bulk change."""
