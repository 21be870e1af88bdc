"""Workbooks that other programs wrote, or that are damaged."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from crm.importing.errors import ImportingError
from crm.importing.findings import NOTED, SKIPPED
from crm.importing.readers import own_export
from crm.importing.readers.xlsx.strings import SharedStrings

from .using import read, reasons

Change = Callable[[str, bytes], bytes | None]


def changed(path: Path, change: Change) -> Path:
    """Return the workbook with some parts changed; None removes a part."""
    to = path.with_name(f"changed-{path.name}")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return to


def workbook(tmp_path: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Accounts"
    sheet.append(["Our accounts, June"])
    sheet.append([])
    sheet.append(["BSNID", "Team", "VP", "Team", "Admin"])
    sheet.append(["X1", "Alpha", '="V"&"P"', "Second", "#N/A"])
    sheet.append(["X2", None, None, "Filled", 7, "beyond"])
    sheet = book.create_sheet("Updates")
    sheet.append(["id", "BSNID", "Author", "Date", "Description"])
    for number, day in enumerate((45835, "45835", 60, 59, 61, dt.date(2025, 6, 27)), start=1):
        sheet.append([f"u{number}", "X1", "A", day, "d"])
    book.create_chartsheet("Chart")
    path = tmp_path / "book.xlsx"
    book.save(path)
    return path


def with_wrong_size(name: str, part: bytes) -> bytes:
    return re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1"', part)


def test_what_excel_would_show(tmp_path: Path) -> None:
    rows, findings = read(changed(workbook(tmp_path), with_wrong_size))
    first, second = rows["accounts"]
    assert first == {"bsnid": "X1", "team": "Alpha"}
    assert second["team"] == "Filled"
    assert {update["id"]: update.get("date") for update in rows["updates"]} == {
        "u1": "2025-06-27",
        "u2": "2025-06-27",
        "u3": None,
        "u4": "1900-02-28",
        "u5": "1900-03-01",
        "u6": "2025-06-27",
    }
    noted = "\n".join(reasons(findings, NOTED))
    assert "sheet Updates, row 4, date: 60 is not a date; left empty" in noted
    assert "row 4, vp: is a formula whose result was not saved with it; not imported" in noted
    assert "row 4, admin: is Excel’s error #N/A; not imported" in noted
    assert "“Team” stands over several columns" in noted
    assert "row 4, team: “Team” has another value, “Second”" in noted
    assert "row 5: has a cell without a heading; not imported: “beyond”" in noted
    skipped = "\n".join(reasons(findings, SKIPPED))
    assert "row 1: is above the headings" in skipped
    assert "sheet Chart is a chart" in skipped


def test_every_row_of_a_long_sheet_is_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Accounts"
    book.active.append(["bsnid", "team"])
    for number in range(60):
        book.active.append([f"X{number}", "T"])
    book.save(tmp_path / "book.xlsx")
    rows, _ = read(tmp_path / "book.xlsx")
    assert [row["bsnid"] for row in rows["accounts"]] == [f"X{number}" for number in range(60)]


def test_a_formula_whose_result_is_an_empty_text_is_empty(tmp_path: Path) -> None:
    def with_result(name: str, part: bytes) -> bytes:
        if name != "xl/worksheets/sheet1.xml":
            return part
        return re.sub(rb'<c r="C4"[^>]*>.*?</c>', b'<c r="C4" t="str"><f>A1</f><v></v></c>', part)

    rows, findings = read(changed(workbook(tmp_path), with_result))
    assert "vp" not in rows["accounts"][0]
    assert not any("formula" in reason for reason in reasons(findings, NOTED))


def test_days_from_1904_on(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    book.active.title = "Accounts"
    book.active.append(["bsnid", "team", "created_at"])
    book.active.append(["X1", "a", 44373])
    book.active.append(["X2", "a", dt.datetime(2025, 6, 27)])
    book.save(tmp_path / "mac.xlsx")
    rows, _ = read(tmp_path / "mac.xlsx")
    times = [account["created_at"] for account in rows["accounts"]]
    assert times == ["2025-06-27T00:00:00+00:00"] * 2


def test_a_broken_cell_stops_no_other(tmp_path: Path) -> None:
    path = changed(workbook(tmp_path), lambda name, part: part.replace(b"<v>61<", b"<v>6x<"))
    rows, findings = read(path)
    assert len(rows["updates"]) == 6
    assert any("row 6, date: “6x” cannot be read" in reason for reason in reasons(findings, NOTED))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda name, part: part[: len(part) // 2] if "sheet1" in name else part,
            "cannot be read",
        ),
        (lambda name, part: part[:200] if "styles" in name else part, "not a workbook"),
        (
            lambda name, part: None if "Content" in name else part,
            "not a workbook",
        ),
        (lambda name, part: b"<a/>" if "workbook.xml" in name else part, "book.xlsx"),
    ],
    ids=["sheet", "styles", "contents", "workbook"],
)
def test_damaged_workbooks_are_refused_in_words(
    tmp_path: Path, change: Change, message: str
) -> None:
    with pytest.raises(ImportingError, match=message):
        read(changed(workbook(tmp_path), change))


def test_a_workbook_whose_properties_are_damaged(tmp_path: Path) -> None:
    path = workbook(tmp_path)
    with zipfile.ZipFile(path) as book:
        properties = book.getinfo("docProps/core.xml")
    content = bytearray(path.read_bytes())
    start = properties.header_offset + 30 + len(properties.filename)
    content[start : start + 20] = b"\xff" * 20
    path.write_bytes(content)
    assert not own_export.is_own_export(path)
    with pytest.raises(ImportingError, match="not a workbook"):
        read(path)


def test_shared_strings_are_found_by_number() -> None:
    texts = [f"{number} ü\n" for number in range(1000)]
    strings = SharedStrings(iter(texts))
    assert [strings[number] for number in (999, 0, 512, 255, 256)] == [
        texts[number] for number in (999, 0, 512, 255, 256)
    ]
    for number in (-1, 1000, 5000):
        with pytest.raises(IndexError):
            strings[number]
    strings.close()
