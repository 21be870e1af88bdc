"""Deleting many accounts with all that belongs to them, and its undo."""

from __future__ import annotations

import datetime as dt
import re
from itertools import product

import pytest

from crm.model.records import Listing
from crm.model.schema import ACCOUNTS, CHILDREN, TABLES, UPDATES, USE_CASES
from crm.repository import operations, steps
from crm.repository.bulk.change import preview
from crm.repository.bulk.delete_action import Delete
from crm.repository.bulk.deletion import delete
from crm.repository.bulk.outcome import LeftAlone, Outcome
from crm.repository.bulk.selection import Selection
from crm.repository.errors import HalfDone
from crm.repository.past import history, revert_bulk
from crm.repository.past.history import Wanted
from crm.repository.records import accounts, platforms, updates, use_cases
from crm.repository.steps import Earlier
from crm.warehouse import Warehouse, statements
from crm.warehouse.errors import WarehouseError

from ..broken_rows import insert
from ..conftest import LocalWarehouse, Statements
from ..sizes import IS_SOAK, soak

KEYS = ("B1", "B2")
CHOSEN = Selection(Listing(), KEYS)


@pytest.fixture
def families(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """Three accounts with a child of each kind."""
    monkeypatch.setattr(steps, "PAUSES", (0.0,))
    monkeypatch.setattr(statements, "CONFLICT_ATTEMPTS", 1)
    for bsnid in ("B1", "B2", "B3"):
        accounts.create(warehouse, {"bsnid": bsnid, "team": f"Team {bsnid}"})
        platforms.set_status(warehouse, bsnid, "Databricks", "Requested", None)
        use_cases.create(warehouse, bsnid, f"u-{bsnid}", {"problem": "P"})
        updates.create(warehouse, bsnid, f"d-{bsnid}", {"description": "D"})
    return warehouse


def rows(wh: Warehouse) -> dict[str, list[str]]:
    """Return the keys in each table."""
    return {
        table.name: sorted(
            row["key"]
            for row in wh.query(f"SELECT {table.owner} AS key FROM {wh.namespace.table(table)}")
        )
        for table in TABLES
    }


def all_of(*keys: str) -> dict[str, list[str]]:
    return {table.name: list(keys) for table in TABLES}


def test_a_preview_counts_what_is_deleted_with_them(families: Warehouse) -> None:
    updates.create(families, "B1", "d-more", {"description": "D"})
    found = preview(families, CHOSEN, Delete())
    assert [row.key for row in found.changes] == list(KEYS)
    assert list(found.children.values()) == [2, 2, 3]
    assert tuple(found.children) == CHILDREN


def test_they_are_deleted_by_one_operation_and_come_back(families: Warehouse) -> None:
    before = revert_bulk.current_versions(families)
    operation = operations.new(families, operations.BULK)
    planned = preview(families, CHOSEN, Delete()).changes
    assert delete(families, operation, planned) == Outcome(2)
    assert rows(families) == all_of("B3")
    changes = history.load(families, Wanted(operation=operation.id)).changes
    assert {(c.table.name, c.kind, c.person) for c in changes} == {
        (table.name, "deleted", families.actor) for table in TABLES
    }
    assert len(changes) == 8
    after = revert_bulk.current_versions(families)
    assert revert_bulk.revert(families, operation.id, before, after).count == 8
    assert rows(families) == all_of("B1", "B2", "B3")
    assert accounts.get(families, "B1").team == "Team B1"
    assert revert_bulk.revert(families, operation.id, before, after).count == 0
    assert rows(families) == all_of("B1", "B2", "B3")


def test_what_changed_since_the_preview_is_kept_whole(families: Warehouse) -> None:
    planned = preview(families, CHOSEN, Delete()).changes
    accounts.update(families, "B1", {"vp": "V"}, accounts.get(families, "B1").updated_at)
    accounts.delete(families, "B2")
    left = (LeftAlone("B1", "Team B1", False), LeftAlone("B2", "Team B2", True))
    operation = operations.new(families, operations.BULK)
    assert delete(families, operation, planned) == Outcome(0, left)
    assert rows(families) == all_of("B1", "B3")


def test_all_rows_of_a_key_are_deleted(families: Warehouse) -> None:
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    insert(families, ACCOUNTS, bsnid="B1", team="Twin", updated_at=later)
    planned = preview(families, CHOSEN, Delete()).changes
    assert [row.name for row in planned] == ["Team B2", "Twin"]
    assert delete(families, operations.new(families, operations.BULK), planned) == Outcome(2)
    assert rows(families) == all_of("B3")


FAULTS = list(product(("http_status", "drop_after"), range(1, 9)))
FEW = [("http_status", 1), ("drop_after", 4), ("http_status", 8)]


@soak
@pytest.mark.parametrize(("fault", "at"), FAULTS if IS_SOAK else FEW)
def test_it_goes_on_after_each_statement_that_fails(
    families: Warehouse, server: LocalWarehouse, fault: str, at: int
) -> None:
    before = revert_bulk.current_versions(families)
    planned = preview(families, CHOSEN, Delete()).changes
    operation = operations.new(families, operations.BULK)
    more = {"status": 400} if fault == "http_status" else {}
    server.fault(fault, times=None, at=at, match=r"^\s*(MERGE|DELETE)", **more)
    earlier = Earlier()
    try:
        outcome = delete(families, operation, planned)
    except HalfDone as half:
        assert at > 1
        notes = {"stamped": half.notes["stamped"]}
        earlier = Earlier(operation.id, half.finished, half.changed, notes)
        server.clear_faults()
        outcome = delete(families, operation, planned, earlier)
    except WarehouseError:
        assert at == 1
        server.clear_faults()
        outcome = delete(families, operation, planned)
    assert outcome == Outcome(2)
    assert rows(families) == all_of("B3")
    after = revert_bulk.current_versions(families)
    revert_bulk.revert(families, operation.id, before, after)
    assert rows(families) == all_of("B1", "B2", "B3")


@pytest.mark.parametrize("at", [1, 2])
def test_use_cases_are_deleted_alone_though_an_answer_is_lost(
    families: Warehouse, server: LocalWarehouse, at: int
) -> None:
    before = revert_bulk.current_versions(families)
    chosen = Selection(Listing(), ("u-B1", "u-B2"), USE_CASES)
    found = preview(families, chosen, Delete(USE_CASES))
    assert [(row.name, row.account) for row in found.changes] == [
        ("P", "Team B1"),
        ("P", "Team B2"),
    ]
    assert not any(found.children.values())
    operation = operations.new(families, operations.BULK)
    server.fault("drop_after", at=at, match=r"^\s*(MERGE|DELETE)")
    assert delete(families, operation, found.changes, of=USE_CASES) == Outcome(2)
    assert rows(families) == all_of("B1", "B2", "B3") | {"use_cases": ["B3"]}
    after = revert_bulk.current_versions(families)
    assert revert_bulk.revert(families, operation.id, before, after).count == 2
    assert rows(families) == all_of("B1", "B2", "B3")


def test_an_account_that_changed_half_way_loses_its_children_until_the_undo(
    families: Warehouse, server: LocalWarehouse
) -> None:
    before = revert_bulk.current_versions(families)
    planned = preview(families, CHOSEN, Delete()).changes
    operation = operations.new(families, operations.BULK)
    server.fault("http_status", times=None, at=8, match=r"^\s*(MERGE|DELETE)", status=400)
    with pytest.raises(HalfDone) as half:
        delete(families, operation, planned)
    server.clear_faults()
    now = accounts.get(families, "B1")
    accounts.update(families, "B1", {"team": "Edited"}, now.updated_at)
    notes = {"stamped": half.value.notes["stamped"]}
    earlier = Earlier(operation.id, half.value.finished, half.value.changed, notes)
    outcome = delete(families, operation, planned, earlier)
    assert outcome == Outcome(1, (LeftAlone("B1", "Edited", False, is_emptied=True),))
    assert rows(families) == all_of("B3") | {"accounts": ["B1", "B3"]}
    after = revert_bulk.current_versions(families)
    for count in (7, 0):
        undone = revert_bulk.revert(families, operation.id, before, after)
        assert (undone.count, undone.total) == (count, 1)
        assert rows(families) == all_of("B1", "B2", "B3")
    assert accounts.get(families, "B1").team == "Edited"


def test_children_do_not_come_back_under_another_account(families: Warehouse) -> None:
    before = revert_bulk.current_versions(families)
    operation = operations.new(families, operations.BULK)
    delete(families, operation, preview(families, CHOSEN, Delete()).changes)
    accounts.create(families, {"bsnid": "B1", "team": "Another"})
    after = revert_bulk.current_versions(families)
    undone = revert_bulk.revert(families, operation.id, before, after)
    assert (undone.count, undone.total) == (4, 4)
    assert accounts.get(families, "B1").team == "Another"
    assert rows(families)[UPDATES.name] == ["B2", "B3"]


def test_with_transactions_they_go_in_two_statements(
    with_transactions: Warehouse,
    families: Warehouse,
    statements: Statements,
    server: LocalWarehouse,
) -> None:
    before = revert_bulk.current_versions(families)
    planned = preview(families, CHOSEN, Delete()).changes
    operation = operations.new(families, operations.BULK)
    with statements() as done:
        assert delete(families, operation, planned) == Outcome(2)
    assert sum("BEGIN ATOMIC" in text for text in done) == 2
    assert not [text for text in done if re.match(r"\s*(MERGE|DELETE|UPDATE)", text)]
    assert rows(families) == all_of("B3")
    found = history.load(families, Wanted(operation=operation.id)).changes
    assert {(c.kind, c.person) for c in found} == {("deleted", families.actor)}
    assert len(found) == 8
    after = revert_bulk.current_versions(families)
    assert revert_bulk.revert(families, operation.id, before, after).count == 8
    assert rows(families) == all_of("B1", "B2", "B3")
    # A conflict with another write: the second statement goes on step by step.
    planned = preview(families, CHOSEN, Delete()).changes
    server.fault("conflict", at=2, match="BEGIN ATOMIC")
    assert delete(families, operations.new(families, operations.BULK), planned) == Outcome(2)
    assert rows(families) == all_of("B3")
