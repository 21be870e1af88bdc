"""Undoing a change of several rows that have one key: each gets its own values back."""

from __future__ import annotations

import json
from typing import Any

from crm.model.schema import ACCOUNTS
from crm.repository import operations
from crm.repository.operations import Operation
from crm.repository.past import revert_bulk
from crm.repository.transfer import upsert
from crm.warehouse import Warehouse

from ..broken_rows import NEW, insert

NAMES = ("bsnid", "team", "vp", "created_at", "updated_at")
IMPORTED = {"team": "Imported", "vp": "Vera"}
EDIT = "UPDATE {table} SET admin = 'A', updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, "


ROWS = (
    {"bsnid": "TWICE", "team": "Old", "vp": "V"},
    {"bsnid": "TWICE", "team": "New", "updated_at": NEW},
    # The import writes one of these, because the other has its values already.
    {"bsnid": "HALF", "team": "Old"},
    {"bsnid": "HALF", **IMPORTED},
    {"bsnid": "EDITED", "team": "Old"},
    {"bsnid": "EDITED", "team": "New"},
    {"bsnid": "GONE", "team": "Old"},
    {"bsnid": "GONE", "team": "New"},
    # Two statements of the operation write one each.
    {"bsnid": "STEPS", "team": "Old"},
    {"bsnid": "STEPS", "team": "New"},
    {"bsnid": "MIXED", "team": "Old"},
    {"bsnid": "MIXED", "team": "New"},
)


def rows(wh: Warehouse, *keys: str) -> list[tuple[Any, ...]]:
    sql = f"SELECT {', '.join(NAMES)} FROM {wh.namespace.table(ACCOUNTS)} ORDER BY 1, 2"
    found = [tuple(row[name] for name in NAMES) for row in wh.query(sql)]
    return [row for row in found if row[0] in keys]


def write(wh: Warehouse, operation: Operation) -> None:
    """Import rows, and edit others by two statements."""
    given = [
        [{"bsnid": key, **IMPORTED}.get(name) for name in ACCOUNTS.names]
        for key in ("TWICE", "HALF", "EDITED", "GONE", "NEW")
    ]
    upsert.upsert(wh, ACCOUNTS, json.dumps(given), operation, overwrite=True)
    for team in ("Old", "New"):
        edit(wh, operation, f"bsnid IN ('STEPS', 'MIXED') AND team = '{team}'")


def edit(wh: Warehouse, operation: Operation, condition: str) -> None:
    sql = f"{EDIT.format(table=wh.namespace.table(ACCOUNTS))} change_id = :change_id"
    operations.run(wh, operation, f"{sql} WHERE {condition}", repeatable=True)


def change_some_afterwards(wh: Warehouse) -> None:
    edit(wh, operations.new(wh, "edit"), "bsnid = 'MIXED' AND team = 'Old'")
    table = wh.namespace.table(ACCOUNTS)
    for outside in (
        f"UPDATE {table} SET admin = 'SQL' WHERE bsnid = 'EDITED' AND created_by IS NULL",
        f"DELETE FROM {table} WHERE bsnid = 'GONE'",
        f"INSERT INTO {table} (bsnid, team, change_id) VALUES ('GONE', 'Back', NULL)",
    ):
        wh.execute(outside, repeatable=True)


def test_each_row_of_a_key_gets_its_own_values_back(warehouse: Warehouse) -> None:
    insert(warehouse, ACCOUNTS, *ROWS)
    reverted = rows(warehouse, "TWICE", "HALF", "STEPS")
    operation = operations.new(warehouse, operations.IMPORT)
    before = revert_bulk.current_versions(warehouse)
    write(warehouse, operation)
    change_some_afterwards(warehouse)
    left = rows(warehouse, "EDITED", "GONE", "MIXED")
    after = revert_bulk.current_versions(warehouse)
    done = revert_bulk.revert(warehouse, operation.id, before, after)
    assert rows(warehouse, "TWICE", "STEPS") == [r for r in reverted if r[0] != "HALF"]
    assert [row[:3] for row in rows(warehouse, "HALF")] == [
        r[:3] for r in reverted if r[0] == "HALF"
    ]
    assert rows(warehouse, "EDITED", "GONE", "MIXED") == left
    assert rows(warehouse, "NEW") == []
    assert done.count == 6
    assert [(each.record.key, each.has_children) for each in done.left] == [
        ("EDITED", False),
        ("GONE", False),
        ("MIXED", False),
    ]
    again = revert_bulk.revert(warehouse, operation.id, before, after)
    assert (again.count, again.total) == (0, 3)
