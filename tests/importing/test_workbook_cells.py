"""Cells of workbooks mean what a person sees in them, and no file fills the memory."""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.xml.constants import SHEET_MAIN_NS

from crm.importing.errors import SourceError
from crm.importing.findings import CHANGED, NOTED
from crm.importing.readers.xlsx.cells import formatted
from crm.importing.readers.xlsx.limits import MAX_PIECE, Pieces
from crm.importing.readers.xlsx.merged import MergedCells
from crm.importing.readers.xlsx.strings import texts_in

from .using import read, reasons

HEADINGS = ["BSNID", "Team", "VP", "Azure DevOps link"]


def workbook(tmp_path: Path, fill: Callable[[Worksheet], None], *rows: list[Any]) -> Path:
    book = openpyxl.Workbook()
    book.active.title = "Accounts"
    for row in (HEADINGS, *rows):
        book.active.append(row)
    fill(book.active)
    book.save(tmp_path / "book.xlsx")
    return tmp_path / "book.xlsx"


@pytest.mark.parametrize(
    ("number_format", "value", "seen"),
    [
        ("00000", 123, "00123"),
        ("00000", 1234567, "1234567"),
        ("000-00-0000", 12345678, "012-34-5678"),
        ('"BSN"000', 7, "BSN007"),
        ("\\B\\-0", 12, "B-12"),
        ("0000-00-00", 20250627, "2025-06-27"),
        ("0%", 0.5, "50%"),
        ("0.0%", 0.12345, "12.345%"),
        ("00000", 1.5, 1.5),
        ("00000", -1, -1),
        ("00000", math.inf, math.inf),
        # These show a quantity.
        ("0", 5, 5),
        ("0.00", 5, 5),
        ("#,##0", 5, 5),
        ('00000;"none"', 5, 5),
        ("General", 5, 5),
    ],
)
def test_a_number_whose_format_makes_a_code_of_it(
    number_format: str, value: float, seen: Any
) -> None:
    assert formatted(value, number_format) == seen


def calculated(path: Path) -> Path:
    """Copy a workbook, with the result of the formula in D5, as Excel stores it."""
    to = path.with_stem("calculated")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            part = re.sub(rb'<c r="D5"[^>]*>', b'<c r="D5" t="str">', old.read(name))
            new.writestr(name, re.sub(rb"</f><v\s*(/>|></v>)", b"</f><v>Board</v>", part))
    return to


def test_formats_links_and_merged_cells_of_a_sheet(tmp_path: Path) -> None:
    def fill(sheet: Worksheet) -> None:
        for row in (2, 3, 4):
            sheet[f"A{row}"].number_format = "00000"
        sheet["D2"].hyperlink = "https://dev.azure.com/a?b=1&c=2"
        sheet["D3"].hyperlink = "https://elsewhere.example/"
        sheet["B2"].hyperlink = "https://team.example/"
        sheet["D4"].hyperlink = "mailto:a@b.c"
        sheet["D5"] = '=HYPERLINK("https://x.example/board","Board")'
        sheet.merge_cells("B2:B3")
        sheet.merge_cells("C2:D2")
        sheet.merge_cells("C4:C6")

    path = workbook(
        tmp_path,
        fill,
        [1, "Claims", True, "Board"],
        [2, None, None, "https://own.example/"],
        [3, "Fraud", "Ann", "Board"],
        ["B4", "Sales", None, None],
        [],
        [1234567890123456789, "Long", None, None],
    )

    rows, findings = read(calculated(path))
    first, second, third, fourth, _ = rows["accounts"]
    assert (first["bsnid"], first["team"], first["vp"]) == ("00001", "Claims", "true")
    assert (second["bsnid"], second["team"]) == ("00002", "Claims")
    assert "vp" not in second
    assert (third["vp"], fourth["vp"], fourth["bsnid"]) == ("Ann", "Ann", "B4")
    links = [row.get("azure_devops_link") for row in rows["accounts"]]
    assert "cells are merged over several rows" in "".join(reasons(findings, CHANGED))
    assert links[1:4] == ["https://own.example/", "Board", "https://x.example/board"]
    (shortened,) = (reason for reason in reasons(findings, NOTED) if "Excel shortened" in reason)
    assert "row 7" in shortened


def test_a_heading_that_is_merged_is_no_value(tmp_path: Path) -> None:
    path = workbook(tmp_path, lambda sheet: sheet.merge_cells("C1:C2"), ["B1", "T", None, None])
    rows, findings = read(path)
    assert rows["accounts"] == [{"bsnid": "B1", "team": "T"}]
    assert not any("merged" in reason for reason in reasons(findings, CHANGED))


def test_merged_cells_leave_a_row_its_own_value() -> None:
    merged = MergedCells([(2, 4, 0)])
    assert [merged.fill(2, ["all"]), merged.fill(3, ["own"]), merged.is_any] == [
        ["all"],
        ["own"],
        False,
    ]
    assert [merged.fill(4, []), merged.is_any] == [["all"], True]
    empty = MergedCells([(2, 3, 0)])
    assert [empty.fill(2, [None]), empty.fill(3, []), empty.is_any] == [[None], [], False]


def test_a_sheet_is_named_after_a_table_rather_than_guessed(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "use_cases (1)"
    for row in (["BSNID", "Platform", "Status"], ["B1", "Databricks", "Live"]):
        book.active.append(row)
    book.save(tmp_path / "book.xlsx")
    rows, _ = read(tmp_path / "book.xlsx")
    assert [(name, len(each)) for name, each in rows.items() if each] == [("use_cases", 1)]


_BOMBS = {
    "a row": ("xl/worksheets/sheet1.xml", b"<sheetData>", b'<sheetData><row r="1"><c t="inlineStr"><is><t>'),
    "before the rows": ("xl/worksheets/sheet1.xml", b"<sheetData>", b"<!--"),
    "after the rows": ("xl/worksheets/sheet1.xml", b"</sheetData>", b"</sheetData><!--"),
    "many cells": ("xl/worksheets/sheet1.xml", b"<sheetData>", b'<sheetData><row r="1">'),
    "many after the rows": ("xl/worksheets/sheet1.xml", b"</sheetData>", b"</sheetData>"),
    "formats": ("xl/styles.xml", b"<cellXfs", b"<!--"),
    "elements": ("xl/styles.xml", b'<cellXfs count="1">', b'<cellXfs count="1">'),
}  # fmt: skip
_MANY = ("many cells", "many after the rows", "elements")
PROBLEMS = (
    "A row of a row.xlsx, sheet Accounts is larger than any",
    "A row of before the rows.xlsx, sheet Accounts is larger",
    "",
    "A row of many cells.xlsx, sheet Accounts is larger",
    "The part after the rows is larger",
    "its part xl/styles.xml is larger than any sensible workbook has",
    "its part xl/styles.xml is larger",
)
_STATUS = Path("/proc/self/status")


def peak() -> int:
    """Return the most memory that this process has had, in MiB."""
    return int(_STATUS.read_text().partition("VmHWM:")[2].split()[0]) >> 10


@pytest.mark.skipif(not _STATUS.exists(), reason="reads Linux’ /proc")
def test_a_small_file_that_unpacks_to_much_fills_no_memory(tmp_path: Path) -> None:
    """Each of these would take hundreds of megabytes."""
    path = workbook(tmp_path, lambda sheet: None, ["B1", "T", None, None])
    bombs = []
    for name, (part, before, after) in _BOMBS.items():
        much = b"<c/>" * 450_000 if name in _MANY else b"x" * 200_000_000
        to = tmp_path / f"{name}.xlsx"
        with (
            zipfile.ZipFile(path) as old,
            zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
        ):
            for each in old.namelist():
                content = old.read(each)
                if each == part:
                    assert before in content, name
                    content = content.replace(before, after + much, 1)
                new.writestr(each, content)
        assert to.stat().st_size < 2_000_000
        bombs.append(to)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = peak()
    for bomb, problem in zip(bombs, PROBLEMS, strict=True):
        with pytest.raises(SourceError, match=problem) if problem else nullcontext():
            rows, _ = read(bomb)
            assert len(rows["accounts"]) == 1  # what stands after the rows is not needed
    assert peak() - before < 150


def test_a_long_comment_is_read_in_few_blocks() -> None:
    """Expat reads it again from its beginning after each block, which took 11 seconds."""
    source, reads = Pieces(io.BytesIO(b"<!--" + b"x" * (2 * MAX_PIECE)), "A row"), 0
    with pytest.raises(SourceError, match="A row is larger"):
        while source.read(16 * 1024):
            reads += 1
    assert 16 < reads < 40


def test_the_rows_after_a_wide_one_do_not_count_as_its_own() -> None:
    """A block of what follows a long row may have thousands of short rows."""
    wide = (
        b"<row>"
        + b"<c><is><t>A heading of a usual length, or a bit longer than that</t></is></c>" * 16_384
    )
    rest = b"</row>" + b"<row><c><v>1</v></c></row>" * 50_000
    source = Pieces(io.BytesIO(wide + rest), "A row")
    read = b""
    while len(read) < len(wide):
        read += source.read(16 * 1024)
    source.next_piece()
    while block := source.read(16 * 1024):
        read += block
        source.next_piece()
    assert read == wide + rest


def test_a_shared_text_has_a_limit() -> None:
    start = f'<sst xmlns="{SHEET_MAIN_NS}"><si><t>short</t></si><si><t>'.encode()
    texts = texts_in(Pieces(io.BytesIO(start + b"x" * (2 * MAX_PIECE)), "A text"))
    assert next(texts) == "short"
    with pytest.raises(SourceError, match="A text is larger than any sensible workbook has"):
        next(texts)


def test_a_workbook_that_unpacks_to_more_than_a_disk_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm.importing.readers.zip_file.MAX_UNPACKED", 1000)
    path = workbook(tmp_path, lambda sheet: None)
    with pytest.raises(SourceError, match="unpacks to more than"):
        read(path)
