"""Where a table's change feed starts, by its history; no warehouse."""

from __future__ import annotations

import datetime as dt

import pytest

from crm.repository import _stamps
from crm.repository.past import change_feed
from crm.repository.versions import Commit
from crm.warehouse.errors import StatementFailed

KEPT_SINCE = dt.datetime(2026, 1, 10, tzinfo=dt.UTC)


def commit(version: int, day: int, operation: str = "WRITE", *, on: bool = False) -> Commit:
    moment = dt.datetime(2026, 1, day, tzinfo=dt.UTC)
    return Commit(version, moment, operation, enables_feed=on)


@pytest.mark.parametrize(
    ("commits", "first", "after_vacuum"),
    [
        ([commit(0, 11, on=True), commit(1, 12)], 0, 0),
        ([commit(0, 11), commit(1, 12, on=True), commit(2, 13)], 1, 1),
        ([commit(0, 8, on=True), commit(1, 9), commit(2, 10), commit(3, 11)], 2, 2),
        ([commit(0, 7, on=True), commit(1, 8)], 1, 1),
        ([commit(4, 11), commit(5, 12)], 4, 4),
        ([commit(0, 11), commit(1, 12, "VACUUM END"), commit(2, 13)], 0, 1),
        ([commit(0, 11), commit(1, 12, "RENAME COLUMN"), commit(2, 13)], 1, 1),
        ([commit(0, 11), commit(1, 12, "DROP COLUMNS"), commit(2, 13)], 1, 1),
    ],
)
def test_the_feed_starts_after_all_that_interrupts_it(
    commits: list[Commit], first: int, after_vacuum: int
) -> None:
    found = [
        change_feed._start(tuple(commits), KEPT_SINCE, after_vacuum=after)
        for after in (False, True)
    ]
    assert found == [first, after_vacuum]


@pytest.mark.parametrize(
    ("error_class", "is_too_early"),
    [("DELTA_MISSING_CHANGE_DATA", True), ("TABLE_OR_VIEW_NOT_FOUND", False), (None, False)],
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
    assert _stamps.is_ours(KEPT_SINCE, KEPT_SINCE - dt.timedelta(minutes=minutes)) is is_ours
    assert not _stamps.is_ours(KEPT_SINCE, None)
