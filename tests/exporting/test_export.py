"""Exports are complete and harmless, and an import of them restores the data."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import openpyxl
import pytest
from django.core.management import CommandError, call_command

from crm.exporting import exporter, tabular
from crm.importing import importer
from crm.importing.findings import REFUSED, Findings
from crm.model.schema import ACCOUNTS, TABLES, UPDATES, Table
from crm.repository.records import accounts, updates
from crm.repository.transfer import read_all
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from ..broken_rows import insert
from ..conftest import LocalWarehouse
from ..schemas import CONTENTS, EMPTY, Schemas

HOSTILE = [
    '=HYPERLINK("http://evil","x")',
    "+1+cmd|' /C calc'!A0",
    "-2",
    "@SUM(A1)",
    'it\'s \\ a "test"; -- 😀 \u202e',
    "two\nlines\tand a tab",
    "'quoted'",
    "${catalog} $ {x} ${{{{name}}}} {{ q }} \\{{{",
    "'=1+1",
    "''-1",
    "#REF!",
]


def insert_hostile_sample(wh: Warehouse) -> None:
    """Insert the sample data, with texts that a careless format would break."""
    CONTENTS["sample"](wh)
    values = {"account_bsnid": "BSN001", "author": "Alice", "date": dt.date(2026, 3, 31)}
    rows = [values | {"id": str(uuid.uuid4()), "description": text} for text in HOSTILE]
    insert_missing(wh, UPDATES, rows)


CONTENTS["hostile_sample"] = insert_hostile_sample


@pytest.fixture
def hostile_sample(warehouse: Warehouse) -> Warehouse:
    """The tables after ``insert_hostile_sample``."""
    return warehouse


@pytest.fixture
def empty(schemas: Schemas) -> Iterator[Callable[[], Warehouse]]:
    """Make the same tables again, empty, elsewhere."""
    with ExitStack() as stack:
        yield lambda: schemas.open(stack.enter_context(schemas.lend(EMPTY)))


def everything(wh: Warehouse) -> dict[str, list[dict]]:
    return {table.name: list(read_all.rows(wh, table)) for table in TABLES}


def content(wh: Warehouse) -> dict[str, list[dict]]:
    """Return all columns except who wrote the row, and when."""
    own = {table.name: {column.name for column in table.own_columns} for table in TABLES}
    return {
        name: [{k: v for k, v in row.items() if k in own[name]} for row in rows]
        for name, rows in everything(wh).items()
    }


def take_back(wh: Warehouse, path: Path) -> None:
    with Findings() as findings:
        outcomes = importer.run(wh, path, importer.Options(), findings)
    assert all(outcome.verified for outcome in outcomes)
    assert findings.count(REFUSED) == 0


def test_json_goes_round_byte_for_byte(
    hostile_sample: Warehouse, empty: Callable[[], Warehouse], tmp_path: Path
) -> None:
    """With blanks around a text, all line breaks and empty texts: SQL can write these."""
    texts = [
        "  around\t",
        "two\r\nlines\rthree",
        "",
        "  ",
        "a\x00b",
        "'=1",
        "a, https://b",
        "\ufffd",
    ]
    rows = ({"bsnid": f"Z{n}", "team": t, "azure_devops_link": t} for n, t in enumerate(texts))
    insert(hostile_sample, ACCOUNTS, *rows, business_area="A")
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    counts = exporter.export(hostile_sample, "json", first)
    assert (counts["accounts"], counts["updates"]) == (5 + len(texts), 28 + len(HOSTILE))
    other = empty()
    take_back(other, first)
    assert everything(other) == everything(hostile_sample)
    exporter.export(other, "json", second)
    assert first.read_bytes() == second.read_bytes()
    assert json.loads(first.read_text())["accounts"][0]["bsnid"] == "BSN001"


@pytest.mark.parametrize(("form", "name"), [("csv", "x.zip"), ("xlsx", "x.xlsx")])
def test_tables_come_back_with_the_same_content(
    hostile_sample: Warehouse, empty: Callable[[], Warehouse], tmp_path: Path, form: str, name: str
) -> None:
    exporter.export(hostile_sample, form, tmp_path / name)
    other = empty()
    take_back(other, tmp_path / name)
    assert content(other) == content(hostile_sample)


def test_sql_runs_on_the_warehouse(
    hostile_sample: Warehouse, empty: Callable[[], Warehouse], tmp_path: Path
) -> None:
    path = tmp_path / "x.sql"
    exporter.export(hostile_sample, "sql", path)
    other = empty()
    text = path.read_text().replace(
        hostile_sample.namespace.quoted_schema, other.namespace.quoted_schema
    )
    statements = [part for part in text.split(";\n") if part.strip()]
    assert len(statements) == 4
    for statement in statements:
        other.execute(statement, repeatable=False)
    assert everything(other) == everything(hostile_sample)


def test_sql_knows_early_years_and_holds_no_parameters(
    hostile_sample: Warehouse, empty: Callable[[], Warehouse], tmp_path: Path
) -> None:
    moment = dt.datetime(1, 2, 3, 4, 5, 6, 7, dt.UTC)
    hostile_sample.execute(
        f"UPDATE {hostile_sample.namespace.table(ACCOUNTS)} SET created_at = :moment WHERE bsnid = 'BSN001'",
        {"moment": moment},
        repeatable=True,
    )
    path = tmp_path / "x.sql"
    exporter.export(hostile_sample, "sql", path)
    assert "TIMESTAMP'0001-02-03 04:05:06.000007+00:00'" in path.read_text()
    assert "${" not in path.read_text()
    assert "{{" not in path.read_text()


def test_texts_that_xml_cannot_hold_leave_the_workbook_readable() -> None:
    file = io.BytesIO()
    value = "a\x0bb\ufffec\uffffd\ud800e"
    tabular.write_sheet(file, "Sheet", ["x"], [{"x": value}])
    sheet = openpyxl.load_workbook(file).active
    assert sheet["A2"].value == "a_x000B_b_xFFFE_c_xFFFF_de"  # as Excel writes them


def test_what_others_change_meanwhile_is_not_half_in_it(
    hostile_sample: Warehouse, tmp_path: Path
) -> None:
    """The account and its child are created after the export has begun."""
    rows = read_all.rows

    def changed(wh: Warehouse, table: Table) -> Iterator[dict]:
        yield from rows(wh, table)
        if table is ACCOUNTS:
            accounts.create(hostile_sample, {"bsnid": "BSN999", "team": "T", "business_area": "A"})
            values = {"author": "A", "date": dt.date(2026, 1, 1), "description": "D"}
            updates.create(hostile_sample, "BSN999", "late", values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_all, "rows", changed)
        exporter.export(hostile_sample, "json", tmp_path / "x.json")
    found = json.loads((tmp_path / "x.json").read_text())
    assert "late" not in {row["id"] for row in found["updates"]}
    assert accounts.get(hostile_sample, "BSN999") is not None


def test_tables_whose_past_cannot_be_read_are_exported(
    hostile_sample: Warehouse, server: LocalWarehouse, tmp_path: Path
) -> None:
    name = f"{hostile_sample.namespace.quoted_schema}.`everybody`"
    hostile_sample.execute(
        f"CREATE FUNCTION {name}(x STRING) RETURNS BOOLEAN RETURN TRUE", repeatable=False
    )
    hostile_sample.execute(
        f"ALTER TABLE {hostile_sample.namespace.table(ACCOUNTS)} SET ROW FILTER {name} ON (bsnid)",
        repeatable=False,
    )
    counts = exporter.export(hostile_sample, "json", tmp_path / "x.json")
    assert counts["accounts"] == 5


def test_csv_holds_no_formula(hostile_sample: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    exporter.export(hostile_sample, "csv", path)
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == sorted(f"{table.name}.csv" for table in TABLES)
        text = archive.read("updates.csv").decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert '\'=HYPERLINK("http://evil","x")' in cells


def test_workbook_holds_no_formula(hostile_sample: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    exporter.export(hostile_sample, "xlsx", path)
    workbook = openpyxl.load_workbook(path)
    assert workbook.sheetnames == ["Accounts", "Platform Statuses", "Use Cases", "Updates"]
    cells = [cell for row in workbook["Updates"].iter_rows() for cell in row if cell.value]
    assert {cell.data_type for cell in cells} == {"s", "d"}
    assert HOSTILE[0] in {cell.value for cell in cells}


def test_tables_larger_than_a_chunk(hostile_sample: Warehouse) -> None:
    whole = list(read_all.rows(hostile_sample, UPDATES))
    assert list(read_all.rows(hostile_sample, UPDATES, chunk=3)) == whole
    assert [row["id"] for row in whole] == sorted(row["id"] for row in whole)


def test_a_failure_leaves_no_half_file(hostile_sample: Warehouse, server, tmp_path: Path) -> None:
    server.fault("expired_token", times=None, match="updates")
    with pytest.raises(CommandError):
        call_command("export_data", "--output", str(tmp_path / "x.json"))
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_the_file(
    hostile_sample: Warehouse, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    output = io.StringIO()
    call_command("export_data", stdout=output)
    assert "accounts: 5" in output.getvalue()
    assert json.loads((tmp_path / "edip-crm.json").read_text())["format"] == "edip-crm"
    accounts.delete(hostile_sample, "BSN001")
    back = ("import_legacy", "edip-crm.json", "--accept-doubts")  # what was deleted comes back
    call_command(*back, stdout=io.StringIO())
    assert accounts.get(hostile_sample, "BSN001") is not None
    with pytest.raises(CommandError, match="is a folder"):
        call_command("export_data", "--output", str(tmp_path))
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_data", "--output", str(tmp_path / "no" / "where.json"))
    assert ACCOUNTS.names[0] == "bsnid"
