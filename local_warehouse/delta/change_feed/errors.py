"""The errors of ``table_changes`` for ranges whose changes cannot be read."""

from __future__ import annotations

from local_warehouse.catalog.objects import Table
from local_warehouse.errors import SqlError


def missing_changes(start: int, end: int, version: int) -> SqlError:
    return SqlError(
        "DELTA_MISSING_CHANGE_DATA",
        f"Error getting change data for range [{start} , {end}] as change data was not recorded "
        f"for version [{version}]. If you've enabled change data feed on this table, use "
        "`DESCRIBE HISTORY` to see when it was first enabled.",
        "KD002",
    )


def log_file_not_found(table: Table, version: int) -> SqlError:
    return SqlError(
        "DELTA_LOG_FILE_NOT_FOUND",
        f"Unable to retrieve the delta log files to construct table version {version} starting "
        f"from checkpoint version NONE of {table.full_name}.",
        "42K03",
    )


def renamed_columns(start: int, end: int, version: int) -> SqlError:
    return SqlError(
        "DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_SCHEMA_CHANGE",
        f"Retrieving table changes between version {start} and {end} failed because of an "
        f"incompatible schema change at version {version}. Read changes of later versions.",
        "0AKDC",
    )


def tightened_columns(start: int, end: int, version: int) -> SqlError:
    return SqlError(
        "DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_DATA_SCHEMA",
        f"Retrieving table changes between version {start} and {end} failed because of an "
        f"incompatible data schema: at version {version} a column became NOT NULL.",
        "0AKDC",
    )


def invalid_timestamp(text: str) -> SqlError:
    return SqlError(
        "DELTA_TIMESTAMP_INVALID",
        f"The provided timestamp ({text}) cannot be converted to a valid timestamp.",
        "42816",
    )


def invalid_range(start: int, end: int) -> SqlError:
    return SqlError(
        "DELTA_INVALID_CDC_RANGE",
        f"CDC range from start {start} to end {end} was invalid. End cannot be before start.",
        "22003",
    )


def start_after_latest(start: int, latest: int) -> SqlError:
    return SqlError(
        "DELTA_CDC_START_VERSION_AFTER_LATEST",
        f"Start version {start} for change data feed exceeds the latest table version {latest}.",
        "22003",
    )


def null_boundary() -> SqlError:
    return SqlError(
        "DELTA_CDC_READ_NULL_RANGE_BOUNDARY",
        "CDC read start/end parameters cannot be null. Please provide a valid version or "
        "timestamp.",
        "22004",
    )
