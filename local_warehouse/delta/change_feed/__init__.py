"""The change data feed, computed from the files that each commit added and removed."""
