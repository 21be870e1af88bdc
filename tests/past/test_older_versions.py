"""Which records of a window need their older versions; no warehouse."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from crm.model.namespace import Namespace
from crm.model.schema import ACCOUNTS, TABLES, USE_CASES
from crm.repository.past import _history_sql
from crm.repository.past._history_sql import Part
from crm.repository.past._older_versions import needed
from crm.repository.past._row_versions import RowVersion
from crm.repository.versions import CLOCKS_DIFFER

BEGINS = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
NOW, LONG_AGO = BEGINS + dt.timedelta(hours=1), BEGINS - dt.timedelta(days=9)
CREATED = {"after": "{}", "first_at": NOW, "new_at": NOW, "new_id": "new"}
CHANGED = {"before": "{}", "after": "{}", "old_id": "old", "new_at": NOW, "new_id": "new"}
DELETED = {"before": "{}", "old_id": "old"}


def version(of: Any = USE_CASES, key: str = "u", number: int = 5, **more: Any) -> RowVersion:
    place = 0 if of is ACCOUNTS else 2
    return RowVersion(place, key, "A", number, NOW, **({"team": "T"} | more))


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([version(**CREATED)], {}),
        ([version(**CHANGED)], {}),
        # A restore brought an id back, or a clock was wrong.
        ([version(**CHANGED | {"new_at": LONG_AGO})], {USE_CASES: {"u"}}),
        ([version(**CHANGED | {"new_at": NOW + dt.timedelta(days=1)})], {USE_CASES: {"u"}}),
        # The clock of an earlier version may have been a little fast.
        ([version(**CHANGED | {"new_at": BEGINS + dt.timedelta(seconds=4)})], {USE_CASES: {"u"}}),
        ([version(**CHANGED | {"new_at": BEGINS + dt.timedelta(seconds=6)})], {}),
        # A statement outside keeps the id.
        ([version(**CHANGED | {"new_id": "old", "new_at": LONG_AGO})], {}),
        # The record may have been deleted and created again.
        ([version(**CREATED | {"first_at": LONG_AGO})], {USE_CASES: {"u"}}),
        # The version before the deletion has the stamp, or the account's version has it.
        ([version(**DELETED)], {USE_CASES: {"u"}, ACCOUNTS: {"A"}}),
        ([version(number=4, **CHANGED), version(**DELETED)], {ACCOUNTS: {"A"}}),
        ([version(ACCOUNTS, "A", **DELETED)], {ACCOUNTS: {"A"}}),
        ([version(ACCOUNTS, "A", 4, **CHANGED), version(ACCOUNTS, "A", **DELETED)], {}),
        # Only a version of the account has its team.
        ([version(**CREATED, team=None)], {ACCOUNTS: {"A"}}),
    ],
)
def test_only_what_older_versions_may_show_is_needed(rows: Any, found: Any) -> None:
    assert needed(rows, BEGINS, has_newer=False).records == found


def test_versions_are_read_since_the_time_of_an_id_unless_others_matter() -> None:
    """With an id, a restore also brings back its time, which is that of the id's commit or
    earlier."""
    brought_back = version(**CHANGED | {"new_at": LONG_AGO})
    since = needed([brought_back], BEGINS, has_newer=False).since
    assert LONG_AGO - dt.timedelta(minutes=1) < since <= LONG_AGO - CLOCKS_DIFFER
    deleted = version(ACCOUNTS, "A", **DELETED)
    for others in (deleted, version(key="v", **CHANGED | {"new_at": None})):
        older = needed([brought_back, others], BEGINS, has_newer=False)
        assert older.since < since.replace(year=2)


def test_only_the_rows_that_a_page_shows_need_older_versions() -> None:
    rows = [version(key=key, **CHANGED | {"new_at": LONG_AGO}) for key in "uv"]
    older = needed(rows, BEGINS, has_newer=False, is_asked=lambda row: row.key == "u")
    assert older.records == {USE_CASES: {"u"}}


def test_a_later_page_does_not_know_of_an_account_that_was_deleted_since() -> None:
    rows = [version(ACCOUNTS, "A", **CREATED, team=None)]
    assert needed(rows, BEGINS, has_newer=False).records == {}
    assert needed(rows, BEGINS, has_newer=True).records == {ACCOUNTS: {"A"}}


def test_rows_are_sorted_whatever_order_the_warehouse_returns_them_in() -> None:
    """The statement joins the accounts' teams to rows that it sorted."""

    class Shuffled:
        namespace = Namespace("c", "s")

        def query(self, sql: str, params: Any) -> list[dict[str, Any]]:
            keys = ((0, 4, None), (3, 5, "b"), (3, 5, "a"), (1, 7, "c"))
            return [
                {"moment": NOW, "place": place, "version": version, "key": key}
                for place, version, key in keys
            ]

    rows, _ = _history_sql.read(
        Shuffled(), Part({table.name: 0 for table in TABLES}, 9), has_notes=False
    )
    assert [row["key"] for row in rows] == ["a", "b", "c", None]


def test_a_note_that_ended_a_little_before_its_last_commit_is_read() -> None:
    """The clocks of the application and of the warehouse differ."""
    asked: list[dict[str, Any]] = []

    class Recording:
        namespace = Namespace("c", "s")

        def query(self, sql: str, params: Any) -> list[dict[str, Any]]:
            asked.append(params)
            return []

    part = Part({table.name: 0 for table in TABLES}, 9, begins=BEGINS)
    _history_sql.read(Recording(), part, has_notes=True)
    assert BEGINS - dt.timedelta(hours=1) < asked[0]["ended_since"] < BEGINS - CLOCKS_DIFFER
