"""What a person chose about how to read a source: tables, columns, dates, zones, encodings."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from crm.importing.errors import ImportingError, SourceError
from crm.importing.findings import NOTED, REFUSED, SKIPPED
from crm.importing.mapping import entries
from crm.importing.mapping.chosen import SheetMapping, SourceMapping

from .using import read, reasons, written

CASES = Path(__file__).parent / "cases"
HUBSPOT = ["Record ID=bsnid", "Company name=team", "Industry=business_area"]


@pytest.mark.parametrize(
    "entry", ["x", "=team", "x=", "x=boss", "x=status:Nowhere", "x=team\u0000"]
)
def test_a_column_that_no_table_has(entry: str) -> None:
    with pytest.raises(ImportingError):
        entries.mapping([entry])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"headings": ["x=team", "X=vp"]}, "mapped to two columns"),
        ({"headings": ["x=boss"]}, "no table has a column boss.*“-” leaves the heading out"),
        ({"tables": ["a.csv"]}, "--table takes"),
        ({"tables": ["a.csv=people"]}, "no table people. There are: accounts"),
        ({"tables": ["a.csv=accounts", "a.csv=updates"]}, "given two tables"),
        ({"zone": "Berlin"}, "--zone takes"),
        ({"encoding": "base64"}, "--encoding takes"),
        ({"encoding": "latin-17"}, "--encoding takes"),
    ],
)
def test_what_no_source_can_have_is_said(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ImportingError, match=message):
        entries.mapping(**options)


def test_what_holds_for_a_sheet_comes_before_what_holds_for_all() -> None:
    everywhere = SheetMapping(columns={"a": "team", "b": "vp"}, date_order="mdy", zone="UTC")
    own = SheetMapping("accounts", {"a": "admin"}, "dmy")
    mapping = SourceMapping(everywhere, {"Book.xlsx/Sheet2": own, "b.csv": SheetMapping("-")})
    merged = SheetMapping("accounts", {"a": "admin", "b": "vp"}, "dmy", "UTC")
    assert mapping.of("Book.xlsx", "Sheet2") == merged
    assert mapping.of("Book.xlsx", "Sheet1") == everywhere
    assert mapping.of("folder/b.csv").table == "-"
    assert SourceMapping.from_json(json.loads(json.dumps(asdict(mapping)))) == mapping


def test_a_mapping_rescues_a_file_that_no_heading_recognises(tmp_path: Path) -> None:
    path = written(tmp_path, "leads.csv", "Our leads\nNumber,Group\n7,Claims\n")
    with pytest.raises(SourceError, match="is not named after a table"):
        read(path)
    rows, _ = read(path, ["Number=bsnid", "Group=team"], tables=["leads.csv=accounts"])
    assert rows["accounts"] == [{"bsnid": "7", "team": "Claims"}]
    with pytest.raises(SourceError, match="no lead.csv in the source, which has: leads.csv"):
        read(path, tables=["lead.csv=accounts"])


@pytest.mark.parametrize("shape", ["records", "rows", "keyed"])
def test_json_of_which_nobody_knows_the_table(tmp_path: Path, shape: str) -> None:
    content: Any = {
        "records": [{"Number": "7", "Group": "Claims"}],
        "rows": [["Number", "Group"], ["7", "Claims"]],
        "keyed": {"x": {"Number": "7", "Group": "Claims"}},
    }[shape]
    path = written(tmp_path, "leads.json", json.dumps(content))
    with pytest.raises(SourceError):
        read(path)
    rows, findings = read(path, ["Number=bsnid", "Group=team"], tables=["leads.json=accounts"])
    assert rows["accounts"] == [{"bsnid": "7", "team": "Claims"}]
    assert findings.count(REFUSED) == 0


def test_a_sheet_is_read_as_the_table_that_was_chosen_or_left_out(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Accounts"
    book.active.append(["bsnid", "team"])
    book.active.append(["B1", "Old"])
    other = book.create_sheet("2026")
    other.append(["bsnid", "team", "Databricks", "DBX", "vp"])
    other.append(["B1", "New", "Completed", "Requested", "v"])
    path = tmp_path / "book.xlsx"
    book.save(path)
    # The sheet that is named after its table comes first, unless somebody chose.
    assert read(path)[0]["accounts"] == [{"bsnid": "B1", "team": "Old"}]
    rows, findings = read(
        path,
        ["Databricks=-", "DBX=status:Snowflake", "vp=-"],
        tables=["2026=accounts", "book.xlsx/Accounts=-"],
    )
    assert rows["accounts"] == [{"bsnid": "B1", "team": "New"}]
    (status,) = rows["platforms_status"]
    assert (status["platform"], status["status"]) == ("Snowflake", "Requested")
    skipped = reasons(findings, SKIPPED)
    assert "book.xlsx: sheet Accounts is left out, as was chosen" in skipped
    assert any("vp: “vp” is left out, as was chosen; 1 value is not" in each for each in skipped)


def test_tables_of_a_state_can_only_be_left_out(tmp_path: Path) -> None:
    state = {
        "accounts": [{"code": "B1", "team": "T"}],
        "updates": [{"id": "u", "bsnid": "B1", "description": "d"}],
    }
    path = written(tmp_path, "state.json", json.dumps(state))
    rows, _ = read(path, ["code=bsnid"], tables=["state.json/updates=-"])
    assert rows["accounts"] == [{"bsnid": "B1", "team": "T"}]
    assert rows["updates"] == []
    with pytest.raises(SourceError, match="holds several tables"):
        read(path, tables=["state.json=updates"])


def test_a_file_that_is_left_out_of_a_zip(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("accounts.csv", "bsnid,team\nB1,T\n")
        packed.writestr("updates.json", '[{"id": "u", "bsnid": "B1", "description": "d"}]')
    rows, findings = read(path, tables=["updates.json=-"])
    assert len(rows["accounts"]) == 1
    assert rows["updates"] == []
    assert "updates.json: is left out, as was chosen" in reasons(findings, SKIPPED)


def test_the_encoding_that_was_chosen(tmp_path: Path) -> None:
    csv = written(tmp_path, "accounts.csv", "bsnid,team\nB1,Müller\n".encode("cp850"))
    state = '{"accounts": [{"bsnid": "B1", "team": "Müller"}]}'
    for path in (csv, written(tmp_path, "state.json", state.encode("cp850"))):
        assert read(path)[0]["accounts"][0]["team"] != "Müller"
        rows, findings = read(path, encoding="CP850")
        assert rows["accounts"][0]["team"] == "Müller"
        assert not any("as it is not UTF-8" in each for each in reasons(findings, NOTED))
        noted = reasons(read(path, encoding="ascii")[1], NOTED)
        assert any("has bytes that are not ascii" in each for each in noted)


@pytest.mark.parametrize(
    ("dates", "order", "expected"),
    [
        ("26/7/8,26/07/23", "ymd", ["2026-07-08", "2026-07-23"]),
        ("7/8/2026,2026/7/8", "ymd", [None, "2026-07-08"]),
        ("7/8/2026,7/9/26", "mdy", ["2026-07-08", "2026-07-09"]),
    ],
)
def test_the_order_of_dates_that_was_chosen(
    tmp_path: Path, dates: str, order: str, expected: list[str | None]
) -> None:
    lines = [f"u{n},B1,{date},d" for n, date in enumerate(dates.split(","))]
    path = written(tmp_path, "updates.csv", "\n".join(["id,bsnid,date,description", *lines]))
    rows, _ = read(path, date_order=order)
    assert [row.get("date") for row in rows["updates"]] == expected


def test_a_decimal_comma_needs_no_question(tmp_path: Path) -> None:
    """Five digits before the comma are a day in Excel, so the comma does not separate
    thousands."""
    lines = 'bsnid,created_at\nB1,"46331,95"\nB2,46331.95\nB3,"1,78329E+12"\n'
    rows, _ = read(written(tmp_path, "accounts.csv", lines))
    stamps = [row["created_at"] for row in rows["accounts"]]
    assert stamps[0] == stamps[1] == "2026-11-05T22:48:00+00:00"
    assert stamps[2].startswith("2026-07-")
