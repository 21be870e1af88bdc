"""The error classes with which Databricks says that a version of a table cannot be read any more.

https://docs.databricks.com/error-messages/error-classes
"""

from __future__ import annotations

# The log has no such version, or no longer.
NO_VERSION = (
    "DELTA_LOG_FILE_NOT_FOUND",
    "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION",
    "DELTA_VERSION_NOT_FOUND",
)
# Delta refuses versions beyond delta.deletedFileRetentionDuration, whether or not their files
# exist (delta-io/delta, SnapshotManagement.scala).
EXPIRED = "DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION"
# The files of the version were deleted.
FILES = (
    "DELTA_FILE_NOT_FOUND_DETAILED",
    "FAILED_READ_FILE.DBR_FILE_NOT_EXIST",
    "FAILED_READ_FILE.FILE_NOT_EXIST",
)
