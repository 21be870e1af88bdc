"""The table properties that the local warehouse knows: read and check their values."""

from __future__ import annotations

import re

from local_warehouse.errors import SqlError

from .objects import CHANGE_FEED, Table

MAPPING = "delta.columnmapping.mode"
RETENTION = "delta.deletedfileretentionduration"
LOG_RETENTION = "delta.logretentionduration"
_WEEK, _MONTH = 7 * 24, 30 * 24
_MODES = ("none", "name", "id")
_RESERVED = ("_change_type", "_commit_version", "_commit_timestamp")
_HOURS = {"second": 1 / 3600, "minute": 1 / 60, "hour": 1, "day": 24, "week": 7 * 24}


def value(table: Table, name: str) -> str | None:
    """Return a property's value, or None; ``name`` is in lower case."""
    return next((v for k, v in table.properties.items() if k.lower() == name), None)


def hours(interval: str) -> float:
    """Return the hours of an interval such as ``interval 1 week``. Raises SqlError."""
    text = interval.lower().strip().removeprefix("interval")
    unit = rf"(\d+)\s+({'|'.join(_HOURS)})s?"
    if not re.fullmatch(rf"\s*{unit}(\s+{unit})*\s*", text):
        raise SqlError("DELTA_INVALID_INTERVAL", f"{interval} is not a valid INTERVAL.", "22006")
    return sum(int(number) * _HOURS[name] for number, name in re.findall(unit, text))


def retention_hours(table: Table) -> float:
    """Return the hours for which the table keeps deleted files; a week without its property.

    https://docs.databricks.com/delta/history
    """
    interval = value(table, RETENTION)
    return _WEEK if interval is None else hours(interval)


def log_retention_hours(table: Table) -> float:
    """Return the hours for which the table keeps its commits; 30 days without its property."""
    interval = value(table, LOG_RETENTION)
    return _MONTH if interval is None else hours(interval)


def check(table: Table, before: Table | None = None) -> None:
    """Raise SqlError for invalid properties.

    ``before`` is the table before a change; only properties that differ from it are checked.
    """
    known = before.properties if before else {}
    for name, given in table.properties.items():
        if known.get(name) != given:
            _check_one(name, given)
    if before is not None:
        _check_mapping(value(before, MAPPING) or "none", value(table, MAPPING) or "none")
    reserved = [name for name in _RESERVED if table.column(name)]
    if table.has_change_feed and reserved:
        raise SqlError(
            "DELTA_TABLE_ALREADY_CONTAINS_CDC_COLUMNS",
            "Unable to enable Change Data Capture on the table. The table already contains "
            f"reserved columns {', '.join(reserved)} that will be used internally as metadata for "
            "the table's Change Data Feed. To enable Change Data Feed on the table rename/drop "
            "these columns.",
            "42711",
        )


def _check_one(name: str, given: str) -> None:
    lower = given.lower()
    if name.lower() == MAPPING and lower not in _MODES:
        raise SqlError(
            "DELTA_MODE_NOT_SUPPORTED",
            f"Specified mode '{given}' is not supported. Supported modes are: {', '.join(_MODES)}",
            "0AKDC",
        )
    if name.lower() == CHANGE_FEED and lower not in ("true", "false"):
        raise SqlError(
            "INVALID_PARAMETER_VALUE", f'For input string: "{given}" ({name}).', "22023"
        )
    if name.lower() in (RETENTION, LOG_RETENTION):
        hours(given)


def _check_mapping(old: str, new: str) -> None:
    if (old.lower(), new.lower()) in (("none", "id"), ("name", "id"), ("id", "name")):
        raise SqlError(
            "DELTA_UNSUPPORTED_COLUMN_MAPPING_MODE_CHANGE",
            f"Changing column mapping mode from '{old}' to '{new}' is not supported.",
            "0AKDC",
        )
