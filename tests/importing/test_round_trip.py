"""Our own export, imported and exported again, is the same: also where nobody is known to have
created a row, as in tables that are older than those columns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crm.exporting import exporter
from crm.importing import importer
from crm.importing.findings import Findings
from crm.importing.importer import Options
from crm.importing.readers import own_export
from crm.model.schema import TABLES, Table
from crm.repository.records import accounts
from crm.warehouse import Warehouse


def empty(wh: Warehouse) -> None:
    for table in TABLES:
        wh.execute(f"DELETE FROM {wh.namespace.table(table)}", repeatable=True)


def import_file(wh: Warehouse, path: Path) -> None:
    with Findings() as findings:
        outcomes = importer.run(wh, path, Options(), findings)
    assert all(outcome.verified for outcome in outcomes)


# Columns without a value, in each third of the rows.
UNKNOWN = (
    ("created_by", "updated_by"),
    ("created_at",),
    ("created_at", "updated_at", "created_by"),
)


def forget_who_and_when(wh: Warehouse, table: Table) -> None:
    assignments = []
    for name in sorted({name for names in UNKNOWN for name in names}):
        thirds = ", ".join(str(n) for n, names in enumerate(UNKNOWN) if name in names)
        third = f"PMOD(XXHASH64(`{table.key}`), {len(UNKNOWN)})"
        assignments.append(f"`{name}` = CASE WHEN {third} NOT IN ({thirds}) THEN `{name}` END")
    sql = f"UPDATE {wh.namespace.table(table)} SET {', '.join(assignments)}"
    wh.execute(sql, repeatable=True)


def test_nobody_stays_nobody(sample: Warehouse, tmp_path: Path) -> None:
    for table in TABLES:
        forget_who_and_when(sample, table)
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    exporter.export(sample, "json", first)
    empty(sample)
    import_file(sample, first)
    exporter.export(sample, "json", second)
    assert first.read_bytes() == second.read_bytes()
    names = sorted({name for names in UNKNOWN for name in names})
    for table in TABLES:
        rows = json.loads(first.read_text())[table.name]
        unknown = {tuple(name for name in names if row[name] is None) for row in rows}
        assert unknown == {tuple(sorted(each)) for each in UNKNOWN}


def test_in_a_legacy_file_null_is_now_and_whoever_imports(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    path = tmp_path / "state.json"
    record = {"team": "T", "created_at": None, "updated_at": None, "created_by": None}
    path.write_text(json.dumps({"accounts": {"B1": record, "B2": {"team": "U"}}}))
    import_file(warehouse, path)
    for bsnid in ("B1", "B2"):
        account = accounts.get(warehouse, bsnid)
        assert account.created_by == account.updated_by == warehouse.actor
        assert account.created_at
        assert account.updated_at


@pytest.mark.parametrize(
    ("text", "is_ours"),
    [
        ('{"format": "edip-crm", "version": 1, "accounts": []}', True),
        ('{"version": 1, "format": "edip-crm", "accounts": []}', True),
        ('{"accounts": {"format": "edip-crm"}}', False),
        ('{"accounts": [], "format": "edip-crm"}', False),
        ('{"format": "other", "accounts": []}', False),
        ('["format", "edip-crm"]', False),
        ("not JSON", False),
        ("", False),
    ],
)
def test_whether_a_file_is_ours(tmp_path: Path, text: str, is_ours: bool) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    assert own_export.is_own_export(path) is is_ours
