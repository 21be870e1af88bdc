"""Importing each realistic export gives exactly the tables in ``expected/``."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from crm.importing.findings import REFUSED
from crm.model.changes import values_of
from crm.model.schema import TABLES
from crm.repository.transfer import read_all
from crm.warehouse import Warehouse

from .using import FILES, added, reasons, run

EXPECTED = Path(__file__).parent / "expected"
TIMES = ("created_at", "updated_at")
THIS_YEAR = dt.date.today().year  # the exports are of 2025
SHAPES = {
    "state-keyed": "state-keyed.json",
    "state-lists": "state-lists.json",
    "session-state": "session-state.json",
    "tables": "tables",
    "export": "export.xlsx",
}
# These are imported a second time.
AGAIN = ("state-keyed", "state-lists", "tables")


def stored(wh: Warehouse) -> dict[str, list[dict[str, Any]]]:
    """Return all rows without empty values; times only if the export has them."""
    return {
        table.name: [
            {name: value for name, value in values_of(table, row).items() if value}
            | {name: row[name].isoformat() for name in TIMES if row[name].year < THIS_YEAR}
            for row in read_all.rows(wh, table)
        ]
        for table in TABLES
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_the_tables_are_as_expected(warehouse: Warehouse, shape: str) -> None:
    foreseen = {}
    if shape == "state-keyed":
        outcomes, _ = run(warehouse, FILES / SHAPES[shape], dry_run=True)
        foreseen = {outcome.table.name: outcome.states["new"] for outcome in outcomes}
        assert all(not rows for rows in stored(warehouse).values()), "a dry run writes nothing"
    outcomes, findings = run(warehouse, FILES / SHAPES[shape])
    expected = json.loads((EXPECTED / f"{shape}.json").read_text(encoding="utf-8"))
    assert stored(warehouse) == expected["tables"]
    assert reasons(findings, REFUSED) == expected["refused"]
    assert foreseen in ({}, added(outcomes)), "a dry run foresees what is written"
    if shape in AGAIN:
        before = [list(read_all.rows(warehouse, table)) for table in TABLES]
        outcomes, _ = run(warehouse, FILES / SHAPES[shape], on_conflict="update")
        assert set(added(outcomes).values()) == {0}, "importing twice changes nothing"
        assert [list(read_all.rows(warehouse, table)) for table in TABLES] == before


def test_the_same_export_taken_apart_comes_to_the_same(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """Two imports of one half each end with the same tables as one import."""
    state = json.loads((FILES / "session-state.json").read_text(encoding="utf-8"))
    first = tmp_path / "accounts.json"
    first.write_text(json.dumps({name: state[name] for name in ("accounts", "business_areas")}))
    run(warehouse, first)
    _, findings = run(warehouse, FILES / "session-state.json")
    expected = json.loads((EXPECTED / "session-state.json").read_text(encoding="utf-8"))
    assert stored(warehouse) == expected["tables"]
    assert reasons(findings, REFUSED) == expected["refused"]
