"""What the reverts of a record and of a bulk change use."""
