"""Exports of generated, hostile rows are read as the same rows."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crm.exporting import exporter
from crm.exporting.text import plain
from crm.importing import sources
from crm.importing.findings import REFUSED, Findings
from crm.importing.reader import Reader
from crm.model.namespace import Namespace
from crm.model.schema import ACCOUNTS, TABLES, Column, Table
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from ..importing.using import run
from ..schemas import EMPTY, Schemas
from ..sizes import size, soak

Rows = dict[Table, list[dict[str, Any]]]

# Texts that formats, spreadsheets and SQL are known to break.
NASTY = (
    *("=1+1", "'=1", "''", "-", "+", "@x", "\t=1", "\r=1", " around ", "a\r\nb", "a\rb", "a\nb"),
    *(
        "NULL",
        "nan",
        "N/A",
        "[]",
        "{}",
        "['https://a']",
        "1.0",
        "0012",
        "1E5",
        "TRUE",
        "2025-06-27",
    ),
    *(
        "_x0041_",
        "_x000D_",
        "\ufeff",
        "\u200b",
        "\u2028",
        "\x00",
        "\x0b",
        "\x1f",
        "\ufffe",
        "databricks",
    ),
    *(
        '"',
        "'",
        "`",
        ";",
        ",",
        "\\",
        "${x}",
        "{{x}}",
        ":id",
        "%s",
        "-- ",
        "/*",
        "😀",
        "e\u0301",
        "\u202e",
    ),
    *(
        "https://a.example, https://b.example",
        "https://a\nhttps://a",
        "Total",
        "bsnid",
        "Databricks",
    ),
)
characters = st.characters(exclude_categories=["Cs"])
texts = st.one_of(
    st.sampled_from(NASTY),
    st.lists(st.sampled_from(NASTY), min_size=2, max_size=3).map("".join),
    st.text(characters, min_size=1, max_size=12),
)
# What a URL can hold: see cleaning.check_key.
keys = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp", "Cf"], exclude_characters="/"),
    min_size=1,
    max_size=12,
).filter(lambda key: key.lower() not in (".", "..", "new") and key.strip() == key)
moments = st.datetimes(dt.datetime(2, 1, 1), dt.datetime(9998, 1, 1), timezones=st.just(dt.UTC))


def values(table: Table, column: Column) -> st.SearchStrategy[Any]:
    if column.name in (table.key, table.parent_key):
        return keys
    if column.name in table.match:
        return texts
    kinds = {"DATE": st.dates(), "TIMESTAMP": moments}
    return st.one_of(st.none(), kinds.get(column.type, texts))


def rows_of(table: Table) -> st.SearchStrategy[list[dict[str, Any]]]:
    row = st.fixed_dictionaries({column.name: values(table, column) for column in table.columns})
    return st.lists(
        row,
        max_size=4,
        unique_by=(lambda row: row[table.key], lambda row: tuple(row[n] for n in table.match)),
    )


all_rows = st.fixed_dictionaries({table: rows_of(table) for table in TABLES})
GENERATED = settings(
    derandomize=True,
    deadline=None,
    database=None,
    # A failure is shown as it was found, because shrinking the example takes minutes.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def read(path: Path) -> dict[Table, list[dict[str, str | None]]]:
    with Findings() as findings, sources.opened(path) as source:
        reader = Reader(source, findings)
        found = {table: [row for _, row, _ in reader.rows(table)] for table in TABLES}
    assert findings.count(REFUSED) == 0, findings.first
    return found


def expected(row: dict[str, Any]) -> dict[str, str | None]:
    return {name: plain(value) for name, value in row.items()}


def comparable(table: Table, row: dict[str, str | None]) -> dict[str, Any]:
    """Return the row with its times as times: they may be written in several ways."""
    return {
        column.name: dt.datetime.fromisoformat(value)
        if (value := row[column.name]) and column.type == "TIMESTAMP"
        else value
        for column in table.columns
    }


@soak
@pytest.mark.parametrize(
    ("form", "name"), [("json", "a.json"), ("csv", "a.zip"), ("xlsx", "a.xlsx")]
)
def test_what_was_exported_is_read_as_it_was(form: str, name: str) -> None:
    @settings(GENERATED, max_examples=size(20, 200))
    @given(all_rows)
    def check(rows: Rows) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            tables = [(table, lambda table=table: iter(rows[table])) for table in TABLES]
            with path.open("wb") as file:
                exporter.FORMATS[form](file, tables, Namespace("c", "s"))
            found = read(path)
        for table in TABLES:
            wanted = [comparable(table, expected(row)) for row in rows[table]]
            assert [comparable(table, row) for row in found[table]] == wanted

    check()


def many_rows() -> Rows:
    """Return rows of many examples, whose children belong to accounts among them."""
    found: Rows = {table: [] for table in TABLES}

    @settings(GENERATED, max_examples=size(20, 60))
    @given(all_rows)
    def collect(rows: Rows) -> None:
        for table in TABLES:
            found[table] += rows[table]

    collect()
    bsnids = sorted({row[ACCOUNTS.key] for row in found[ACCOUNTS]})
    for table in TABLES:
        for n, row in enumerate(found[table]):
            row[table.owner] = bsnids[n % len(bsnids)] if table.parent_key else row[table.owner]
        unique = {tuple(row[name] for name in table.match): row for row in found[table]}
        found[table] = list({row[table.key]: row for row in unique.values()}.values())
    return found


@pytest.fixture
def filled(warehouse: Warehouse) -> Warehouse:
    for table, rows in many_rows().items():
        # Generated rows also hold constants of the modules that are loaded, so their number
        # varies.
        assert len(rows) >= 10
        insert_missing(warehouse, table, rows)
    return warehouse


def run_sql(wh: Warehouse, path: Path, schema: str) -> None:
    text = path.read_text().replace(schema, wh.namespace.quoted_schema)
    for statement in filter(str.strip, text.split(";\n")):
        wh.execute(statement, repeatable=False)


@soak
def test_every_format_goes_round(filled: Warehouse, schemas: Schemas, tmp_path: Path) -> None:
    """Exported, taken into empty tables and exported again, the tables are the same."""
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    exporter.export(filled, "json", first)
    for form, name in (("json", "a.json"), ("csv", "a.zip"), ("xlsx", "a.xlsx"), ("sql", "a.sql")):
        exporter.export(filled, form, tmp_path / name)
        with schemas.lend(EMPTY) as namespace:
            other = schemas.open(namespace)
            if form == "sql":
                run_sql(other, tmp_path / name, filled.namespace.quoted_schema)
            else:
                run(other, tmp_path / name)
            exporter.export(other, "json", second)
        assert first.read_text() == second.read_text(), form
