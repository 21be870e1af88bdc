"""Deleting many accounts with all that belongs to them, and its undo."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
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
from ..schemas import CONTENTS
from ..sizes import IS_SOAK, soak

KEYS = ("B1", "B2")
CHOSEN = Selection(Listing(), KEYS)


def write_families(wh: Warehouse) -> None:
    """Write three accounts with a child of each kind."""
    for bsnid in ("B1", "B2", "B3"):
        accounts.create(wh, {"bsnid": bsnid, "team": f"Team {bsnid}"})
        platforms.set_status(wh, bsnid, "Databricks", "Requested", None)
        use_cases.create(wh, bsnid, f"u-{bsnid}", {"problem": "P"})
        updates.create(wh, bsnid, f"d-{bsnid}", {"description": "D"})


def write_families_in_transactions(wh: Warehouse) -> None:
    CONTENTS["with_transactions"](wh)
    write_families(wh)


CONTENTS["three_families"] = write_families
CONTENTS["families_in_transactions"] = write_families_in_transactions


@pytest.fixture(autouse=True)
def _few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "PAUSES", (0.0,))
    monkeypatch.setattr(statements, "CONFLICT_ATTEMPTS", 1)


@pytest.fixture
def three_families(warehouse: Warehouse) -> Warehouse:
    return warehouse


@pytest.fixture
def families_in_transactions(warehouse: Warehouse) -> Warehouse:
    """The same, where the tables have the feature that transactions need."""
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


def test_a_preview_counts_what_is_deleted_with_them(three_families: Warehouse) -> None:
    updates.create(three_families, "B1", "d-more", {"description": "D"})
    found = preview(three_families, CHOSEN, Delete())
    assert [row.key for row in found.changes] == list(KEYS)
    assert list(found.children.values()) == [2, 2, 3]
    assert tuple(found.children) == CHILDREN


def test_they_are_deleted_by_one_operation_and_come_back(three_families: Warehouse) -> None:
    before = revert_bulk.current_versions(three_families)
    operation = operations.new(three_families, operations.BULK)
    planned = preview(three_families, CHOSEN, Delete()).changes
    assert delete(three_families, operation, planned) == Outcome(2)
    assert rows(three_families) == all_of("B3")
    changes = history.load(three_families, Wanted(operation=operation.id)).changes
    assert {(c.table.name, c.kind, c.person) for c in changes} == {
        (table.name, "deleted", three_families.actor) for table in TABLES
    }
    assert len(changes) == 8
    after = revert_bulk.current_versions(three_families)
    assert revert_bulk.revert(three_families, operation.id, before, after).count == 8
    assert rows(three_families) == all_of("B1", "B2", "B3")
    assert accounts.get(three_families, "B1").team == "Team B1"
    assert revert_bulk.revert(three_families, operation.id, before, after).count == 0
    assert rows(three_families) == all_of("B1", "B2", "B3")


def test_what_changed_since_the_preview_is_kept_whole(three_families: Warehouse) -> None:
    planned = preview(three_families, CHOSEN, Delete()).changes
    accounts.update(
        three_families, "B1", {"vp": "V"}, accounts.get(three_families, "B1").updated_at
    )
    accounts.delete(three_families, "B2")
    left = (LeftAlone("B1", "Team B1", False), LeftAlone("B2", "Team B2", True))
    operation = operations.new(three_families, operations.BULK)
    assert delete(three_families, operation, planned) == Outcome(0, left)
    assert rows(three_families) == all_of("B1", "B3")


def test_all_rows_of_a_key_are_deleted(three_families: Warehouse) -> None:
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    insert(three_families, ACCOUNTS, bsnid="B1", team="Twin", updated_at=later)
    planned = preview(three_families, CHOSEN, Delete()).changes
    assert [row.name for row in planned] == ["Team B2", "Twin"]
    assert delete(
        three_families, operations.new(three_families, operations.BULK), planned
    ) == Outcome(2)
    assert rows(three_families) == all_of("B3")


FAULTS = list(product(("http_status", "drop_after"), range(1, 9)))
FEW = [("http_status", 1), ("drop_after", 4), ("http_status", 8)]


@soak
@pytest.mark.parametrize(("fault", "at"), FAULTS if IS_SOAK else FEW)
def test_it_goes_on_after_each_statement_that_fails(
    three_families: Warehouse, server: LocalWarehouse, fault: str, at: int
) -> None:
    before = revert_bulk.current_versions(three_families)
    planned = preview(three_families, CHOSEN, Delete()).changes
    operation = operations.new(three_families, operations.BULK)
    more = {"status": 400} if fault == "http_status" else {}
    server.fault(fault, times=None, at=at, match=r"^\s*(MERGE|DELETE)", **more)
    earlier = Earlier()
    try:
        outcome = delete(three_families, operation, planned)
    except HalfDone as half:
        assert at > 1
        notes = {"stamped": half.notes["stamped"]}
        earlier = Earlier(operation.id, half.finished, half.changed, notes)
        server.clear_faults()
        outcome = delete(three_families, operation, planned, earlier)
    except WarehouseError:
        assert at == 1
        server.clear_faults()
        outcome = delete(three_families, operation, planned)
    assert outcome == Outcome(2)
    assert rows(three_families) == all_of("B3")
    after = revert_bulk.current_versions(three_families)
    revert_bulk.revert(three_families, operation.id, before, after)
    assert rows(three_families) == all_of("B1", "B2", "B3")


@pytest.mark.parametrize("at", [1, 2])
def test_use_cases_are_deleted_alone_though_an_answer_is_lost(
    three_families: Warehouse, server: LocalWarehouse, at: int
) -> None:
    before = revert_bulk.current_versions(three_families)
    chosen = Selection(Listing(), ("u-B1", "u-B2"), USE_CASES)
    found = preview(three_families, chosen, Delete(USE_CASES))
    assert [(row.name, row.account) for row in found.changes] == [
        ("P", "Team B1"),
        ("P", "Team B2"),
    ]
    assert not any(found.children.values())
    operation = operations.new(three_families, operations.BULK)
    server.fault("drop_after", at=at, match=r"^\s*(MERGE|DELETE)")
    assert delete(three_families, operation, found.changes, of=USE_CASES) == Outcome(2)
    assert rows(three_families) == all_of("B1", "B2", "B3") | {"use_cases": ["B3"]}
    after = revert_bulk.current_versions(three_families)
    assert revert_bulk.revert(three_families, operation.id, before, after).count == 2
    assert rows(three_families) == all_of("B1", "B2", "B3")


def test_an_account_that_changed_half_way_loses_its_children_until_the_undo(
    three_families: Warehouse, server: LocalWarehouse
) -> None:
    before = revert_bulk.current_versions(three_families)
    planned = preview(three_families, CHOSEN, Delete()).changes
    operation = operations.new(three_families, operations.BULK)
    server.fault("http_status", times=None, at=8, match=r"^\s*(MERGE|DELETE)", status=400)
    with pytest.raises(HalfDone) as half:
        delete(three_families, operation, planned)
    server.clear_faults()
    now = accounts.get(three_families, "B1")
    accounts.update(three_families, "B1", {"team": "Edited"}, now.updated_at)
    notes = {"stamped": half.value.notes["stamped"]}
    earlier = Earlier(operation.id, half.value.finished, half.value.changed, notes)
    outcome = delete(three_families, operation, planned, earlier)
    assert outcome == Outcome(1, (LeftAlone("B1", "Edited", False, is_emptied=True),))
    assert rows(three_families) == all_of("B3") | {"accounts": ["B1", "B3"]}
    after = revert_bulk.current_versions(three_families)
    for count in (7, 0):
        undone = revert_bulk.revert(three_families, operation.id, before, after)
        assert (undone.count, undone.total) == (count, 1)
        assert rows(three_families) == all_of("B1", "B2", "B3")
    assert accounts.get(three_families, "B1").team == "Edited"


def test_what_somebody_else_deleted_half_way_is_not_counted(
    three_families: Warehouse, server: LocalWarehouse
) -> None:
    bob = replace(three_families, actor="bob@example.com")
    found = preview(three_families, CHOSEN, Delete())
    operation = replace(operations.new(three_families, operations.BULK), began=found.moment)
    server.fault("http_status", times=None, at=8, match=r"^\s*(MERGE|DELETE)", status=400)
    with pytest.raises(HalfDone) as half:
        delete(three_families, operation, found.changes)
    server.clear_faults()
    accounts.delete(bob, "B1")
    notes = {"stamped": half.value.notes["stamped"]}
    for done in (half.value.finished, len(half.value.done)):
        earlier = Earlier(operation.id, done, half.value.changed, notes)
        outcome = delete(three_families, operation, found.changes, earlier)
        assert outcome == Outcome(1, (LeftAlone("B1", "Team B1", True),))
    assert rows(three_families) == all_of("B3")


def test_children_do_not_come_back_under_another_account(three_families: Warehouse) -> None:
    before = revert_bulk.current_versions(three_families)
    operation = operations.new(three_families, operations.BULK)
    delete(three_families, operation, preview(three_families, CHOSEN, Delete()).changes)
    accounts.create(three_families, {"bsnid": "B1", "team": "Another"})
    after = revert_bulk.current_versions(three_families)
    undone = revert_bulk.revert(three_families, operation.id, before, after)
    assert (undone.count, undone.total) == (4, 4)
    assert accounts.get(three_families, "B1").team == "Another"
    assert rows(three_families)[UPDATES.name] == ["B2", "B3"]


def test_with_transactions_they_go_in_two_statements(
    families_in_transactions: Warehouse,
    statements: Statements,
    server: LocalWarehouse,
) -> None:
    before = revert_bulk.current_versions(families_in_transactions)
    planned = preview(families_in_transactions, CHOSEN, Delete()).changes
    operation = operations.new(families_in_transactions, operations.BULK)
    with statements() as done:
        assert delete(families_in_transactions, operation, planned) == Outcome(2)
    assert sum("BEGIN ATOMIC" in text for text in done) == 2
    assert not [text for text in done if re.match(r"\s*(MERGE|DELETE|UPDATE)", text)]
    assert rows(families_in_transactions) == all_of("B3")
    found = history.load(families_in_transactions, Wanted(operation=operation.id)).changes
    assert {(c.kind, c.person) for c in found} == {("deleted", families_in_transactions.actor)}
    assert len(found) == 8
    after = revert_bulk.current_versions(families_in_transactions)
    assert revert_bulk.revert(families_in_transactions, operation.id, before, after).count == 8
    assert rows(families_in_transactions) == all_of("B1", "B2", "B3")
    # A conflict with another write: the second statement goes on step by step.
    planned = preview(families_in_transactions, CHOSEN, Delete()).changes
    server.fault("conflict", at=2, match="BEGIN ATOMIC")
    assert delete(
        families_in_transactions,
        operations.new(families_in_transactions, operations.BULK),
        planned,
    ) == Outcome(2)
    assert rows(families_in_transactions) == all_of("B3")
