"""Ids tell who made a change: no clock, no stamp and no later copy of a row misleads the history."""

from __future__ import annotations

import datetime as dt
from itertools import permutations
from typing import Any

import pytest

from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, TABLES, USE_CASES, Table
from crm.repository.integrity import checks, repairs
from crm.repository.past import history, recent_changes, restore_tables
from crm.repository.past._attribution import Attributed, name_deleters
from crm.repository.past._row_versions import RowVersion
from crm.repository.past.history import Wanted
from crm.repository.records import accounts, platforms, updates, use_cases
from crm.warehouse import Warehouse

from ..broken_rows import insert
from ..conftest import LocalWarehouse
from .conftest import ANA, BOB, edit

LONG_AGO = "TIMESTAMP'2020-01-01 00:00:00'"


def outside(wh: Warehouse, table: Table, change: str, **params: Any) -> None:
    wh.execute(f"{change.format(table=wh.namespace.table(table))}", params, repeatable=True)


def people(wh: Warehouse, **wanted: Any) -> list[tuple[str, str, str]]:
    """Return who changed which record and how, the latest first; nobody for changes outside."""
    found = history.load(wh, Wanted(**wanted)).changes
    return [(change.person, change.kind, change.key) for change in found]


def recent(wh: Warehouse, seen: dict[str, int]) -> list[tuple[str, str, str]]:
    found = recent_changes.changes_since(wh, seen)
    return [(change.person, change.kind, change.key) for change in reversed(found)]


def now(wh: Warehouse) -> dict[str, int]:
    return {table.name: n for table, n in restore_tables.latest_versions(wh).items()}


def test_a_wrong_clock_hides_nobody(ana: Warehouse) -> None:
    """The stamp is years from the commit, as with a wrong clock or an imported time."""
    accounts.create(ana, {"bsnid": "A", "team": "T"})
    seen = now(ana)
    change = (
        f"UPDATE {{table}} SET team = 'U', updated_at = {LONG_AGO}, updated_by = :by, "
        "change_id = 'an id of its own' WHERE bsnid = 'A'"
    )
    outside(ana, ACCOUNTS, change, by=ANA)
    assert people(ana)[0] == (ANA, "changed", "A")
    assert recent(ana, seen)[0] == (ANA, "changed", "A")


def test_a_copied_stamp_names_nobody(ana: Warehouse) -> None:
    """A statement outside the CRM sets the time and a person, as a script may."""
    accounts.create(ana, {"bsnid": "A", "team": "T"})
    seen = now(ana)
    change = (
        "UPDATE {table} SET team = 'U', updated_at = CURRENT_TIMESTAMP(), updated_by = :by "
        "WHERE bsnid = 'A'"
    )
    outside(ana, ACCOUNTS, change, by=BOB)
    assert people(ana)[0] == ("", "changed", "A")
    assert recent(ana, seen)[0] == ("", "changed", "A")


def test_a_deletion_outside_right_after_an_edit_names_nobody(ana: Warehouse) -> None:
    accounts.create(ana, {"bsnid": "A", "team": "T"})
    use_cases.create(ana, "A", "u", {"problem": "P"})
    seen = now(ana)
    use_cases.update(ana, "u", {"problem": "Q"}, use_cases.get(ana, "u").updated_at)
    outside(ana, USE_CASES, "DELETE FROM {table} WHERE id = 'u'")
    assert people(ana)[0] == ("", "deleted", "u")
    assert recent(ana, seen)[0] == ("", "deleted", "u")


def test_a_restore_is_made_outside(ana: Warehouse, bob: Warehouse) -> None:
    """It brings back Ana's id, right after Ana and Bob wrote."""
    accounts.create(ana, {"bsnid": "A", "team": "T"})
    accounts.create(ana, {"bsnid": "GONE", "team": "T"})
    version = now(ana)[ACCOUNTS.name]
    edit(bob, "A", team="U")
    accounts.delete(bob, "GONE")
    restore_tables.restore_version(bob, ACCOUNTS, version)
    assert set(people(ana)[:2]) == {("", "changed", "A"), ("", "created", "GONE")}
    edit(bob, "A", team="V")
    assert people(ana)[0] == (BOB, "changed", "A")


def test_children_were_deleted_by_who_deleted_the_account(ana: Warehouse, bob: Warehouse) -> None:
    for key in "AB":
        accounts.create(ana, {"bsnid": key, "team": key})
        use_cases.create(ana, key, f"u{key}", {"problem": "P"})
        updates.create(ana, key, f"d{key}", {"description": "D"})
    accounts.delete(bob, "A")
    # Bob did not delete account B: he did not delete a child that somebody deletes outside the
    # CRM.
    edit(bob, "B", team="Bob's")
    outside(ana, USE_CASES, "DELETE FROM {table} WHERE id = 'uB'")
    assert set(people(ana, kind="deleted")) == {
        (BOB, "deleted", "A"),
        (BOB, "deleted", "uA"),
        (BOB, "deleted", "dA"),
        ("", "deleted", "uB"),
    }
    deleted = [c for c in history.load(ana, Wanted(kind="deleted")).changes if c.person]
    assert len({change.operation for change in deleted}) == 1


def test_a_repair_of_times_is_no_stamp_of_a_deletion(ana: Warehouse) -> None:
    insert(ana, ACCOUNTS, bsnid="A", team="T", created_at="2026-02-01", updated_at="2026-01-01")
    insert(ana, USE_CASES, id="u", account_bsnid="A", problem="P")
    (times,) = (check for check in checks.CHECKS if check.name == "times")
    assert repairs.repair(ana, times) == 1
    outside(ana, USE_CASES, "DELETE FROM {table} WHERE id = 'u'")
    outside(ana, ACCOUNTS, "DELETE FROM {table} WHERE bsnid = 'A'")
    assert people(ana, kind="deleted") == [("", "deleted", "A"), ("", "deleted", "u")]


def test_a_repair_that_deletes_names_who_ran_it(ana: Warehouse) -> None:
    accounts.create(ana, {"bsnid": "A", "team": "T"})
    platforms.set_status(ana, "A", "Databricks", "Completed", None)
    insert(ana, PLATFORMS_STATUS, id="old", account_bsnid="A", platform="databricks", status="X")
    (double,) = (check for check in checks.CHECKS if check.name == "double-statuses")
    assert repairs.repair(ana, double) == 1
    assert people(ana)[0] == (ANA, "deleted", "old")
    assert [row.status for row in platforms.list_for(ana, "A")] == ["Completed"]


@pytest.mark.parametrize(("at", "person"), [("CURRENT_TIMESTAMP()", ANA), (LONG_AGO, "")])
def test_rows_without_ids_are_recognized_by_their_times(
    ana: Warehouse, at: str, person: str
) -> None:
    seen = now(ana)
    insert_it = (
        f"INSERT INTO {{table}} (bsnid, team, updated_at, updated_by) VALUES ('A', 'T', {at}, :by)"
    )
    outside(ana, ACCOUNTS, insert_it, by=ANA)
    outside(ana, ACCOUNTS, f"UPDATE {{table}} SET updated_at = {at}, updated_by = :by", by=BOB)
    outside(ana, ACCOUNTS, "DELETE FROM {table}")
    by = BOB if person else ""
    assert people(ana) == [(by, "deleted", "A"), (person, "created", "A")]
    assert recent(ana, seen)[0] == (by, "deleted", "A")


def test_any_of_several_rows_with_one_key_may_show_who_moved_them() -> None:
    """The feed has the rows in any order, and an undo gives one of them back an older time."""
    moment = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
    times = (moment, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None)
    for order in permutations(times):
        deleted = Attributed(RowVersion(2, "u", "A", 6, moment), None, None, returned=False)
        row = {"place": 2, "key": "u", "version": 6, "moment": moment, "type": "insert"}
        stamp = {"updated_by": ANA, "change_id": "undo"}
        name_deleters([deleted], [row | stamp | {"updated_at": time} for time in order])
        assert (deleted.writer, deleted.operation) == (ANA, "undo")


def test_pages_do_not_show_the_column(ana: Warehouse) -> None:
    for table in TABLES:
        assert "change_id" not in (*table.names, *(column.name for column in table.editable))


def test_a_stamp_whose_answer_was_lost_is_one_stamp(
    ana: Warehouse, bob: Warehouse, server: LocalWarehouse
) -> None:
    """The statement is sent again, and its second run must not hide the first."""
    accounts.create(ana, {"bsnid": "A", "team": "T"})
    for id in ("d1", "d2"):
        updates.create(ana, "A", id, {"description": "D"})
    server.fault("drop_after", match=r"^\s*UPDATE .*`updates`")
    updates.delete(bob, "d1")
    assert people(ana)[0] == (BOB, "deleted", "d1")
    server.fault("drop_after", match=r"^\s*UPDATE .*`accounts`")
    accounts.delete(bob, "A")
    gone = [(BOB, "deleted", key) for key in ("A", "d2", "d1")]
    assert people(ana, kind="deleted") == gone


def test_an_id_from_before_the_kept_changes_is_not_new(ana: Warehouse) -> None:
    """A restore brings back the id of a change that the feed no longer has."""
    accounts.create(ana, {"bsnid": "A", "team": "T"})
    for value in ("false", "true"):
        properties = f"TBLPROPERTIES ('delta.enableChangeDataFeed' = '{value}')"
        outside(ana, ACCOUNTS, f"ALTER TABLE {{table}} SET {properties}")
    before = now(ana)[ACCOUNTS.name]
    edit(ana, "A", team="U")
    outside(ana, ACCOUNTS, f"RESTORE TABLE {{table}} TO VERSION AS OF {before}")
    assert people(ana) == [("", "changed", "A"), (ANA, "changed", "A")]
