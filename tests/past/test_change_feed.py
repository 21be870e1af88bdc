"""Where a table's change feed starts, by its history; no warehouse."""

from __future__ import annotations

import datetime as dt

import pytest

from crm.repository import _stamps
from crm.repository.tables import change_feed
from crm.repository.versions import Commit
from crm.warehouse.errors import StatementFailed

NOW = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)


def commit(version: int, operation: str = "WRITE", **more: bool) -> Commit:
    """Return the commit of a table that is changed every day; version 30 is of today."""
    return Commit(version, NOW - dt.timedelta(days=30 - version), operation, **more)


COMMITS = (
    commit(2),
    commit(3, enables_feed=True),
    commit(4, "RENAME COLUMN"),
    commit(5, "CHANGE COLUMN"),
    commit(8, "CHANGE COLUMN", forbids_null=True),
    commit(9, "VACUUM END"),
    commit(20),
    commit(30),
)


@pytest.mark.parametrize(
    ("days", "reasons", "first"),
    [
        (365, ["interrupted"], 4),
        (365, ["nullable"], 8),
        (365, ["files"], 9),
        (25, ["interrupted", "expired"], 5),
        (25, ["expired", "nullable"], 8),
        (15, ["expired"], 20),
        (5, ["expired"], 30),
        (0, ["expired"], 30),
    ],
)
def test_where_a_feed_starts(days: int, reasons: list[str], first: int) -> None:
    kept_since = NOW - dt.timedelta(days=days)
    assert change_feed._start(COMMITS, kept_since, reasons) == first


@pytest.mark.parametrize(
    ("interval", "kept"),
    [
        ("interval 30 days", dt.timedelta(30)),
        ("interval 1 week", dt.timedelta(7)),
        ("INTERVAL 1 week 2 Days 3 hours", dt.timedelta(9, hours=3)),
        ("168 HOURS", dt.timedelta(7)),
        ("a while", dt.timedelta(7)),
        ("", dt.timedelta(7)),
    ],
)
def test_how_long_a_table_keeps_versions(interval: str, kept: dt.timedelta) -> None:
    assert change_feed._interval(interval) == kept


@pytest.mark.parametrize(
    ("error_class", "is_too_early"),
    [
        ("DELTA_MISSING_CHANGE_DATA", True),
        ("DELTA_LOG_FILE_NOT_FOUND", True),
        ("FAILED_READ_FILE.FILE_NOT_EXIST", True),
        ("FAILED_READ_FILE.DBR_FILE_NOT_EXIST", True),
        ("DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION", True),
        ("TABLE_OR_VIEW_NOT_FOUND", False),
        (None, False),
    ],
)
def test_only_errors_of_the_feeds_start_lead_to_another_start(
    error_class: str | None, is_too_early: bool
) -> None:
    error = StatementFailed("it failed")
    error.error_class = error_class
    assert change_feed.is_too_early(error) is is_too_early


@pytest.mark.parametrize(
    ("minutes", "is_ours"), [(0, True), (9, True), (-9, True), (10, False), (-10, False)]
)
def test_a_stamp_is_ours_if_it_is_close_to_the_commit(minutes: int, is_ours: bool) -> None:
    assert _stamps.is_ours(NOW, NOW - dt.timedelta(minutes=minutes)) is is_ours
    assert not _stamps.is_ours(NOW, None)
