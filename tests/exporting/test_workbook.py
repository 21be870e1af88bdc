"""Workbooks stay within Excel's limits, list what did not fit, and are read back unchanged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from crm.exporting import tabular, workbook
from crm.importing.findings import NOTED, REFUSED
from crm.model.namespace import Namespace
from crm.model.schema import ACCOUNTS, UPDATES, Table

from ..importing.using import read, reasons


def exported(tmp_path: Path, table: Table, *rows: dict[str, Any]) -> Path:
    def all_rows() -> Iterator[dict[str, Any]]:
        return (dict.fromkeys(table.names) | row for row in rows)

    path = tmp_path / "crm.xlsx"
    with path.open("wb") as file:
        tabular.write_workbook(file, [(table, all_rows)], Namespace("c", "s"))
    return path


@pytest.mark.parametrize(
    "text",
    [
        "_x0041_",
        "_x005F_x0041_",
        "_X0041_ _x41_ _x0041",
        "=1+1",
        "'=1",
        "00123",
        "1.23E+11",
        "TRUE",
        "#N/A",
        "2026-01-01",
        "a\x01b\x0bc\ufffe",
        "😀 \u202e Ä",
        "one\ntwo\tthree",
        "😀" * 16_383,
    ],
)
def test_text_stays_text(tmp_path: Path, text: str) -> None:
    row = {"id": "u", "account_bsnid": "B1", "description": text}
    rows, findings = read(exported(tmp_path, UPDATES, row))
    assert rows["updates"][0]["description"] == text
    assert findings.count(REFUSED) == 0


def test_a_heading_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with path.open("wb") as file:
        workbook.write(file, [("Accounts", ["=1+1", "a\x01b"], [])])
    first, second = openpyxl.load_workbook(path).active[1]
    assert (first.data_type, first.value, second.value) == ("s", "=1+1", "a_x0001_b")


@pytest.mark.parametrize(
    "day", [dt.date(1, 2, 3), dt.date(1899, 12, 31), dt.date(1900, 2, 28), dt.date(1900, 3, 1)]
)
def test_dates_before_excels_calendar(tmp_path: Path, day: dt.date) -> None:
    path = exported(tmp_path, UPDATES, {"id": "u", "account_bsnid": "B1", "date": day})
    assert read(path)[0]["updates"][0]["date"] == day.isoformat()


def test_more_rows_than_a_sheet_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 3)
    path = exported(tmp_path, ACCOUNTS, *({"bsnid": f"B{n}"} for n in range(5)))
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["Accounts", "Accounts (2)", "Accounts (3)", workbook.NOTES]
    assert {sheet.max_row for sheet in book.worksheets[:2]} == {3}
    assert book[workbook.NOTES]["A1"].value == (
        "A sheet holds 3 rows: “Accounts” goes on in another sheet."
    )
    rows, _ = read(path)
    assert [row["bsnid"] for row in rows["accounts"]] == ["B0", "B1", "B2", "B3", "B4"]


def test_exactly_as_many_rows_as_a_sheet_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 3)
    path = exported(tmp_path, ACCOUNTS, {"bsnid": "B0"}, {"bsnid": "B1"})
    assert openpyxl.load_workbook(path).sheetnames == ["Accounts"]


def test_a_longer_text_than_a_cell_holds_is_cut_and_not_read(tmp_path: Path) -> None:
    """Excel counts UTF-16 units: an emoji is two."""
    long = {"id": "u", "account_bsnid": "B1", "author": "A", "description": "😀" * 16_384}
    path = exported(tmp_path, UPDATES, long)
    book = openpyxl.load_workbook(path)
    cell = book["Updates"].cell(2, UPDATES.names.index("description") + 1).value
    assert cell.endswith(workbook.CUT)
    assert len(cell.encode("utf-16-le")) <= 2 * workbook.MOST_UNITS
    assert "in “Updates”, 1 text is longer and cut" in book[workbook.NOTES]["A1"].value
    rows, findings = read(path)
    assert rows["updates"] == [{"id": "u", "account_bsnid": "B1", "author": "A"}]
    assert "description: was cut when it was exported" in "\n".join(reasons(findings, NOTED))
