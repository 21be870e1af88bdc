"""Merging two accounts: all of it, its undo, and each step that fails."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from crm.model.own_tables import FOLLOWS
from crm.model.schema import ACCOUNTS, TABLES, UPDATES, USE_CASES, Table
from crm.repository import operations, steps
from crm.repository.errors import ChangedMeanwhile, HalfDone, Missing
from crm.repository.merge import merging, pair
from crm.repository.merge.merging import Choice
from crm.repository.operations import Operation
from crm.repository.past import history, recent_changes, revert_bulk
from crm.repository.past.history import Wanted
from crm.repository.records import accounts, mine, platforms, updates, use_cases
from crm.repository.steps import NOTHING, Earlier
from crm.repository.transfer import upsert
from crm.warehouse import Warehouse, statements
from crm.warehouse.errors import WarehouseError

from ..broken_rows import insert
from ..conftest import LocalWarehouse, Statements
from ..schemas import CONTENTS
from ..sizes import IS_SOAK, soak


def write_two_accounts(wh: Warehouse) -> None:
    """Write two accounts of one team, and another, with children of each kind."""
    for bsnid, vp in (("B1", "Vera"), ("B2", "Val"), ("B3", "Vic")):
        accounts.create(wh, {"bsnid": bsnid, "team": f"Team {bsnid}", "vp": vp})
        use_cases.create(wh, bsnid, f"u-{bsnid}", {"problem": f"P {bsnid}"})
        updates.create(wh, bsnid, f"d-{bsnid}", {"description": f"D {bsnid}"})
        platforms.set_status(wh, bsnid, "Databricks", "Requested", None)
    platforms.set_status(wh, "B2", "Snowflake", "Completed", None)
    for person, bsnid in (("a", "B2"), ("b", "B1"), ("b", "B2"), ("c", "B3")):
        mine.follow(wh, person, bsnid)


def write_two_in_transactions(wh: Warehouse) -> None:
    CONTENTS["with_transactions"](wh)
    write_two_accounts(wh)


CONTENTS["two_accounts"] = write_two_accounts
CONTENTS["two_in_transactions"] = write_two_in_transactions


@pytest.fixture
def two_accounts(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    monkeypatch.setattr(steps, "PAUSES", (0.0,))
    monkeypatch.setattr(statements, "CONFLICT_ATTEMPTS", 1)
    return warehouse


@pytest.fixture
def two_in_transactions(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """The same, where the tables have the feature that transactions need."""
    monkeypatch.setattr(statements, "CONFLICT_ATTEMPTS", 1)
    return warehouse


def content(wh: Warehouse) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of the tables, and of what people follow, with every column."""
    names = {table.name: wh.namespace.table(table) for table in (*TABLES, FOLLOWS)}
    return {
        name: sorted(wh.query(f"SELECT * FROM {source}"), key=repr)
        for name, source in names.items()
    }


def merge(wh: Warehouse, operation: Operation, earlier: Earlier = NOTHING) -> None:
    """Merge B2 into B1: it takes the VP, and its own status for Databricks advances."""
    found = pair.load(wh, "B1", "B2")
    assert found.kept
    seen = found.other.version if found.other else None
    given = {"Databricks": "Completed", "Snowflake": "Completed"}
    versions = {name: found.kept.versions.get(name) for name in given}
    choice = Choice(found.kept.version, seen, {"vp": "Val"}, given, versions)
    merging.merge(wh, operation, "B1", "B2", choice, earlier)


def require_merged(wh: Warehouse) -> None:
    assert accounts.get(wh, "B2") is None
    detail = accounts.get_detail(wh, "B1")
    assert detail.account.value("vp") == "Val"
    statuses = {row.platform: row.status for row in detail.platforms}
    assert statuses == {"Databricks": "Completed", "Snowflake": "Completed"}
    assert {row.id for row in detail.use_cases} == {"u-B1", "u-B2"}
    assert {row.id for row in detail.updates} == {"d-B1", "d-B2"}
    owners = {
        row["account_bsnid"] for name in ("use_cases", "updates") for row in content(wh)[name]
    }
    assert owners == {"B1", "B3"}
    assert [each.bsnid for each in mine.load(wh, "a").accounts] == ["B1"]


def import_teams(wh: Warehouse) -> Operation:
    imported = operations.new(wh, operations.IMPORT)
    given = [{"bsnid": bsnid, "team": "Imported"} for bsnid in ("B1", "B2")]
    rows = json.dumps([[each.get(name) for name in ACCOUNTS.names] for each in given])
    upsert.upsert(wh, ACCOUNTS, rows, imported, overwrite=True)
    return imported


def insert_odd_rows(wh: Warehouse) -> None:
    """Insert a row without a stamp, and two rows with one key."""
    sql = f"UPDATE {wh.namespace.table(UPDATES)} SET updated_at = NULL, updated_by = NULL"
    wh.execute(f"{sql}, change_id = NULL WHERE id = 'd-B2'", repeatable=True)
    insert(wh, USE_CASES, id="u-B2", account_bsnid="B2", problem="Twice", updated_by="zoe")


def require_the_undo_by(una: Warehouse, after: dict[Table, int], merger: str) -> None:
    """Require that the history names this person: the rows have their old stamps again, but the
    feed shows who undid the merge."""
    for bsnid in ("B1", "B2"):
        changes = history.load(una, Wanted(bsnid)).changes
        people = [change.person for change in changes if not change.outside]
        assert people[:6] == [*[una.actor] * 5, merger]
    live = recent_changes.changes_since(una, after)
    assert {change.person for change in live if change.key not in ("u-B2", "d-B2")} == {una.actor}


def test_a_merge_is_one_operation_and_its_undo_leaves_the_tables_byte_identical(
    two_accounts: Warehouse, server: LocalWarehouse
) -> None:
    wh, una = two_accounts, replace(two_accounts, actor="una@example.com")
    first = revert_bulk.current_versions(wh)
    imported = import_teams(wh)
    insert_odd_rows(wh)
    before, versions = content(wh), revert_bulk.current_versions(wh)
    operation = operations.new(wh, operations.MERGE)
    merge(wh, operation)
    require_merged(wh)
    for bsnid in ("B1", "B2"):
        told = history.load(wh, Wanted(bsnid, operation=operation.id)).changes
        assert {change.person for change in told} == {wh.actor}
        moved = "moved the update “D B2” from the account B2 to B1"
        assert moved in [change.what for change in told]
    after = revert_bulk.current_versions(wh)
    # Half-way, somebody edits a row in an SQL editor: it keeps the stamp of the undo until its
    # values are as before.
    server.fault("http_status", times=None, match="_copies", status=400)
    with pytest.raises(HalfDone):
        revert_bulk.revert(una, operation.id, versions, after)
    server.clear_faults()
    for text in ("Edited", "D B2"):
        sql = f"UPDATE {wh.namespace.table(UPDATES)} SET description = :text WHERE id = 'd-B2'"
        wh.execute(sql, {"text": text}, repeatable=True)
        done = revert_bulk.revert(una, operation.id, versions, after)
        assert (done.count, done.total) == (0, 0)
        assert (content(wh) == before) is (text == "D B2")
        assert (updates.get(wh, "d-B2").updated_by is None) is (text == "D B2")
    require_the_undo_by(una, after, wh.actor)
    # An earlier operation can be undone as if there had been no merge.
    done = revert_bulk.revert(una, imported.id, first, revert_bulk.current_versions(wh))
    assert (done.count, done.total) == (2, 0)
    assert accounts.get(wh, "B2").value("team") == "Team B2"


FAULTS = [(fault, at) for at in range(1, 9) for fault in ("http_status", "drop_after")]
FEW = [("http_status", 1), ("http_status", 6), ("drop_after", 7)]


@soak
def test_it_goes_on_after_each_statement_that_fails(
    two_accounts: Warehouse, server: LocalWarehouse
) -> None:
    wh, before = two_accounts, content(two_accounts)
    for fault, at in FAULTS if IS_SOAK else FEW:
        versions = revert_bulk.current_versions(wh)
        operation = operations.new(wh, operations.MERGE)
        more = {"status": 400} if fault == "http_status" else {}
        server.fault(fault, times=None, at=at, match=r"^\s*(MERGE|DELETE)", **more)
        with pytest.raises(WarehouseError) as failed:
            merge(wh, operation)
        server.clear_faults()
        half = failed.value
        assert isinstance(half, HalfDone) is (at > 1)
        if accounts.get(wh, "B2") is None:
            merging.finish(wh, operation, "B1", "B2")
        elif isinstance(half, HalfDone):
            merge(wh, operation, Earlier(operation.id, half.finished, half.changed))
        else:
            merge(wh, operation)
        require_merged(wh)
        revert_bulk.revert(wh, operation.id, versions, revert_bulk.current_versions(wh))
        assert content(wh) == before, (fault, at)


def merge_half(wh: Warehouse, server: LocalWarehouse, fails: str) -> tuple[Operation, Earlier]:
    """Begin a merge of which the write that ``fails`` matches fails; return what is needed to go
    on."""
    operation = operations.new(wh, operations.MERGE)
    server.fault("http_status", times=None, match=fails, status=400)
    with pytest.raises(HalfDone) as half:
        merge(wh, operation)
    server.clear_faults()
    return operation, Earlier(operation.id, half.value.finished)


def test_what_somebody_changed_meanwhile_is_no_casualty(
    two_accounts: Warehouse, server: LocalWarehouse
) -> None:
    wh = two_accounts
    found, before = pair.load(wh, "B1", "B2"), content(wh)
    choice = Choice(found.kept.version, found.other.version)
    masked = Operation("m", operations.MERGE, "a@example.com", {"accounts": frozenset({"vp"})})
    with pytest.raises(ValueError, match="vp is masked"):
        merging.merge(wh, masked, "B1", "B3", Choice(None, None, {"vp": "***"}))
    accounts.update(wh, "B3", {"vp": "Vi"}, accounts.get(wh, "B3").updated_at)
    for bsnid in ("B1", "B2"):
        seen = accounts.get(wh, bsnid).updated_at
        accounts.update(wh, bsnid, {"vp": "Later"}, seen)
        with pytest.raises(ChangedMeanwhile):
            merging.merge(wh, operations.new(wh, operations.MERGE), "B1", "B2", choice)
    assert content(wh)["use_cases"] == before["use_cases"], "nothing was done"
    # Half-way: the other account is edited.
    half_done = merge_half(wh, server, r"MERGE INTO \S*use_cases")
    accounts.update(wh, "B2", {"vp": "Edited"}, accounts.get(wh, "B2").updated_at)
    with pytest.raises(ChangedMeanwhile):
        merge(wh, *half_done)
    assert {row.id for row in accounts.get_detail(wh, "B2").use_cases} == {"u-B2"}
    # Right before the other account is deleted, somebody adds a row of it.
    half_done = merge_half(wh, server, "THEN DELETE")
    assert not pair.load(wh, "B1", "B2").other.is_double
    added = "SELECT 'B2', 'Added', CURRENT_TIMESTAMP(), 'theirs'"
    target = f"{wh.namespace.table(ACCOUNTS)} (bsnid, vp, updated_at, change_id)"
    wh.execute(f"INSERT INTO {target} {added}", repeatable=False)
    assert pair.load(wh, "B1", "B2").other.is_double
    with pytest.raises(ChangedMeanwhile):
        merge(wh, *half_done)
    assert accounts.get(wh, "B2").value("vp") == "Added"
    merge(wh, again := operations.new(wh, operations.MERGE))
    require_merged(wh)
    accounts.delete(wh, "B1")
    with pytest.raises(Missing):
        merging.merge(wh, again, "B1", "B3", Choice(None, None))
    assert accounts.get(wh, "B3")


def test_with_transactions_it_takes_two(
    two_in_transactions: Warehouse,
    statements: Statements,
    server: LocalWarehouse,
) -> None:
    wh, before = two_in_transactions, content(two_in_transactions)
    for is_refused in (False, True):
        versions = revert_bulk.current_versions(wh)
        operation = operations.new(wh, operations.MERGE)
        if is_refused:  # a conflict with another write: the rest goes step by step
            server.fault("conflict", at=2, match="BEGIN ATOMIC")
        with statements() as done:
            merge(wh, operation)
        blocks = [text for text in done if "BEGIN ATOMIC" in text]
        assert len(blocks) == 2
        require_merged(wh)
        assert (
            revert_bulk.revert(wh, operation.id, versions, revert_bulk.current_versions(wh)).total
            == 0
        )
        assert content(wh) == before
