"""Delta tables on disk: their logs, commits, versions, change data feeds and upkeep."""
