"""Delta tables on disk: logs, commits, versions, change feeds, upkeep."""
