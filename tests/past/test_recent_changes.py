"""Recent changes as the repository returns them; no warehouse."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from crm.model.changes import CHANGED, CREATED, DELETED
from crm.model.schema import ACCOUNTS, TABLES, UPDATES
from crm.repository import versions
from crm.repository.past import recent_changes, restore_tables
from crm.repository.tables import change_feed
from crm.repository.versions import Commit, Timelines

NOW = dt.datetime(2026, 1, 2, 10, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
WAREHOUSE: Any = None


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [(False, True, CREATED), (True, True, CHANGED), (True, False, DELETED)],
)
def test_a_change_has_its_kind(before: bool, after: bool, kind: str) -> None:
    assert change(existed_before=before, exists_after=after).kind == kind


def test_only_a_change_with_a_fresh_stamp_names_a_person() -> None:
    assert change(updated_at=NOW - MINUTE).person == "ana"
    assert change(updated_at=NOW - 11 * MINUTE).person == ""
    assert change(updated_at=None).person == ""
    assert change(updated_by=None).person == ""


@pytest.mark.parametrize(
    ("values", "person"),
    [
        ({"old_id": "a", "new_id": "b"}, "ana"),
        ({"old_id": None, "new_id": "b"}, "ana"),
        # A statement outside the CRM keeps the id that it finds.
        ({"old_id": "a", "new_id": "a"}, ""),
        # A restore deletes and inserts the row, with an earlier id.
        ({"old_id": "b", "new_id": "a", "is_update": False}, ""),
        # The undo of a merge gives a row its earlier stamp again.
        ({"old_id": "b", "new_id": "a", "is_stamp": True, "updated_by": "bo"}, "ana"),
        ({"old_id": "b", "new_id": None, "is_stamp": True, "updated_by": "bo"}, "ana"),
        # A deletion belongs to the operation of its stamp.
        ({"exists_after": False, "old_id": "a", "earlier_version": 6, "stamp_id": "a"}, "ana"),
        ({"exists_after": False, "old_id": "a", "earlier_version": 6}, ""),
    ],
)
def test_ids_show_who_made_a_change_whatever_the_clocks_say(
    values: dict[str, Any], person: str
) -> None:
    moments = (NOW,) if person == "" else (NOW, NOW - 11 * MINUTE)
    for moment in moments:
        assert change(updated_at=moment, **values).person == person


def change(**values: Any) -> recent_changes.RecentChange:
    row = {
        "place": TABLES.index(UPDATES),
        "key": "u1",
        "version": 7,
        "existed_before": True,
        "exists_after": True,
        "account": "B1",
        "moment": NOW,
        "updated_at": NOW,
        "updated_by": "ana",
        "old_id": None,
        "new_id": None,
        "is_update": True,
        "is_stamp": None,
        "old_at": NOW,
        "old_by": "ana",
        "earlier_version": None,
        "stamp_id": None,
    }
    found = recent_changes._change(row | values)
    assert (found.table, found.key, found.bsnid, found.version) == (UPDATES, "u1", "B1", 7)
    return found


def test_versions_before_a_time_are_the_latest_then_or_the_feeds_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def commits(*minutes_ago: int) -> tuple[Commit, ...]:
        moments = (NOW - ago * MINUTE for ago in minutes_ago)
        return tuple(Commit(n, moment, "WRITE") for n, moment in enumerate(moments))

    by_name = {
        "accounts": commits(9, 5, 1),
        "platforms_status": commits(3, 2),
        "use_cases": commits(9, 4, 2, 1),
        "updates": commits(9),
    }
    lines = Timelines({table: by_name[table.name] for table in TABLES}, NOW, NOW)
    starts = {table.name: 0 for table in TABLES} | {"use_cases": 2}
    monkeypatch.setattr(versions, "latest", lambda _: lines)
    monkeypatch.setattr(change_feed, "starts", lambda _: starts)
    assert recent_changes.versions_before(WAREHOUSE, 4 * MINUTE) == {
        "accounts": 1,
        "platforms_status": 0,
        "use_cases": 2,
        "updates": 0,
    }


def test_accounts_are_restored_before_their_children() -> None:
    assert restore_tables.in_order({UPDATES: 1, ACCOUNTS: 2}) == [ACCOUNTS, UPDATES]
