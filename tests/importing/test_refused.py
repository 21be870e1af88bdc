"""Refused rows come back as a file of the same kind, which can be corrected and imported."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import CommandError, call_command

from crm.exporting import workbook
from crm.importing import findings as kept
from crm.importing import sources
from crm.importing.findings import REFUSED, SKIPPED, Findings
from crm.importing.linked import Linked
from crm.importing.mapping.chosen import AS_GUESSED
from crm.importing.refused import files
from crm.model.schema import ACCOUNTS
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from .using import read, reasons, written

REASON = "Reason for refusal"


def given_back(path: Path, **options: Any) -> Path:
    """Read the source and return the file of its refused rows."""
    _, findings = read(path, **options)
    to = path.with_name(files.name_for(path))
    assert files.write(path, AS_GUESSED, findings, to)
    return to


def corrected_csv(path: Path, old: str, new: str) -> None:
    """Put a value into the cells that have another, as a person would."""
    rows = list(csv.reader(io.StringIO(path.read_text("utf-8-sig")), delimiter=";"))
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows(
        [new if c == old else c for c in row] for row in rows
    )
    path.write_text(text.getvalue())


def test_a_csv_file_comes_back_with_its_headings_and_the_reasons(tmp_path: Path) -> None:
    content = (
        "BSNID;Team;Databricks;Note\n"
        "B1;Müller;Completed;kept\n;Größe;Completed;x\nnew;=1+1;In Progress;y\n"
    )
    path = written(tmp_path, "accounts.csv", content.encode("cp1252"))
    back = given_back(path)
    assert back.name == "accounts-refused.csv"
    rows = list(csv.reader(io.StringIO(back.read_text("utf-8-sig")), delimiter=";"))
    assert rows[0] == ["BSNID", "Team", "Databricks", "Note", REASON]
    assert [row[:4] for row in rows[1:]] == [
        ["", "Größe", "Completed", "x"],
        ["new", "'=1+1", "In Progress", "y"],
    ]
    assert rows[1][4] == "BSNID is missing; Account is missing"
    corrected_csv(back, "", "B2")
    corrected_csv(back, "new", "B3")
    found, findings = read(back)
    assert [row["team"] for row in found["accounts"]] == ["Größe", "=1+1"]
    assert [row["account_bsnid"] for row in found["platforms_status"]] == ["B2", "B3"]
    assert findings.count(REFUSED) == 0
    assert not any("eason" in each for each in reasons(findings, SKIPPED))


def test_a_workbook_comes_back_with_its_sheets_and_types(tmp_path: Path) -> None:
    updates = [
        ("B1", "A", dt.date(2026, 3, 31), "kept", 1),
        (None, "_x0041_", dt.date(2026, 4, 1), "=1", 1.5),
    ]
    headings = ("BSNID", "Author", "Date", "Description", "Hours")
    sheets = [("Accounts", ("BSNID", "Team"), [("B1", "T")]), ("Updates", headings, updates)]
    with (tmp_path / "crm.xlsx").open("wb") as file:
        workbook.write(file, sheets)
    back = given_back(tmp_path / "crm.xlsx")
    found = openpyxl.load_workbook(back)
    assert found.sheetnames == ["Updates"]
    first, row = found["Updates"].iter_rows()
    assert [cell.value for cell in first][-2:] == ["Hours", REASON]
    assert row[2].value == dt.datetime(2026, 4, 1)
    assert (row[4].value, row[5].value) == (1.5, "Account is missing")
    row[0].value = "B1"
    found.save(back)
    rows, findings = read(back)
    # Dates and texts mean the same as in the first file.
    assert rows["updates"][0] | {"id": ""} == {
        "id": "",
        "account_bsnid": "B1",
        "author": "_x0041_",
        "date": "2026-04-01",
        "description": "=1",
    }
    assert findings.count(REFUSED) == 0


def test_no_heading_becomes_a_formula(tmp_path: Path) -> None:
    headings = ("BSNID", "=1\x01+1", "@Team")
    text = f"{','.join(headings)}\n..,a,b\n"
    back = given_back(written(tmp_path, "accounts.csv", text))
    first, row = csv.reader(io.StringIO(back.read_text("utf-8-sig"), newline=""))
    assert first[:3] == ["BSNID", "'=1\x01+1", "'@Team"]
    back.write_text(back.read_text().replace("..", "B1"))
    assert read(back)[0]["accounts"] == [{"bsnid": "B1", "team": "b"}]
    with (tmp_path / "accounts.xlsx").open("wb") as file:
        workbook.write(file, [("Accounts", headings, [("..", "a", "b")])])
    sheet = openpyxl.load_workbook(given_back(tmp_path / "accounts.xlsx")).active
    assert [cell.data_type for cell in sheet[1]] == ["s"] * 4


def test_a_hyperlink_comes_back(tmp_path: Path) -> None:
    row = (None, Linked("Board", "https://x.example/board"))
    with (tmp_path / "accounts.xlsx").open("wb") as file:
        workbook.write(file, [("Accounts", ("BSNID", "Azure DevOps link"), [row])])
    back = given_back(tmp_path / "accounts.xlsx")
    (cell,) = [c for c in openpyxl.load_workbook(back).active[2] if c.value == "Board"]
    assert cell.hyperlink.target == "https://x.example/board"


def test_json_comes_back_as_json(tmp_path: Path) -> None:
    state = {
        "accounts": {"B1": {"team": "T", "use_cases": [{"problem": ["p"]}]}, "..": {"team": 1.5}},
        "updates": [{"bsnid": "B1", "description": "d"}, {"description": "e", "date": "no date"}],
    }
    back = given_back(written(tmp_path, "state.json", json.dumps(state)))
    found = json.loads(back.read_text())
    assert found.keys() == {"accounts", "updates"}
    (account,), (update,) = found["accounts"], found["updates"]
    assert (account["bsnid"], account["team"]) == ("..", 1.5)
    assert "no address can hold it" in account["reason_for_refusal"]
    assert update["description"] == "e"
    account["bsnid"] = update["account_bsnid"] = "B9"
    back.write_text(json.dumps(found))
    rows, findings = read(back)
    assert [rows[name][0]["account_bsnid"] for name in ("updates",)] == ["B9"]
    assert rows["accounts"] == [{"bsnid": "B9", "team": "1.5"}]
    assert findings.count(REFUSED) == 0


def test_a_heading_of_a_csv_file_is_no_formula(tmp_path: Path) -> None:
    back = given_back(written(tmp_path, "accounts.csv", "bsnid,=1+1,-team\n,x,T\n"))
    heading = back.read_text("utf-8-sig").splitlines()[0]
    assert heading == f"bsnid,'=1+1,'-team,{REASON}"
    _, findings = read(back)
    assert any("“'=1+1” is not a column" in reason for reason in reasons(findings, SKIPPED))


def test_our_own_export_stays_one(tmp_path: Path) -> None:
    """Empty values stay empty, also in the columns that say who wrote a row and when."""
    table = written(tmp_path, "accounts.csv", f"{','.join(ACCOUNTS.names)}\n..{',' * 11}\n")
    with sources.opened(given_back(table)) as source:
        assert [part.is_own for part in source.parts] == [True]
    path = tmp_path / "export.json"
    path.write_text('{"format": "edip-crm", "version": 1, "accounts": [{"bsnid": ".."}]}')
    assert given_back(path).read_text().startswith('{"format": "edip-crm"')


def test_an_archive_comes_back_as_one(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "crm.zip", "w") as archive:
        archive.writestr("a/accounts.csv", "bsnid,team\nB1,T\n")
        archive.writestr("a/updates.csv", "bsnid,description\nB1,d\n,e\n")
        archive.writestr("use_cases.txt", "[{'bsnid': None, 'problem': 'p'}]")
    back = given_back(tmp_path / "crm.zip")
    with zipfile.ZipFile(back) as archive:
        assert archive.namelist() == ["a/updates.csv", "use_cases.json"]
        assert b",e,Account is missing" in archive.read("a/updates.csv")
    (tmp_path / "folder").mkdir()
    assert files.name_for(tmp_path / "folder") == "folder-refused.zip"


def test_without_refused_rows_there_is_no_file(tmp_path: Path) -> None:
    path = written(tmp_path, "accounts.csv", "bsnid,team\nB1,T\n")
    with Findings() as findings:
        assert not files.write(path, AS_GUESSED, findings, tmp_path / "to.csv")
    # The cells of a damaged record are unknown, so there is no row to give back.
    path = written(tmp_path, "accounts.json", '["no record", {"bsnid": "B1", "team": "T"}]')
    _, findings = read(path)
    assert findings.count(REFUSED) == 1
    assert not files.write(path, AS_GUESSED, findings, tmp_path / "to.json")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["accounts.csv", "accounts.json"]


def test_the_number_of_rows_given_back_is_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "REFUSALS", 2)
    path = written(tmp_path, "accounts.csv", "bsnid,team\n,a\n,b\n,c\n")
    assert len(given_back(path).read_text().splitlines()) == 3


def test_the_command_gives_back_also_what_the_warehouse_refuses(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    rows = "".join(f"B1,Text {n}\n" for n in range(3))
    path = written(tmp_path, "updates.csv", f"bsnid,description\nGONE,d\n{rows}")
    accounts.create(warehouse, {"bsnid": "B1", "team": "T", "business_area": "A"})
    back, output = tmp_path / "back.csv", io.StringIO()
    with pytest.raises(CommandError, match="1 row is refused"):
        call_command("import_legacy", path, refused=back, strict=True, stdout=output)
    assert f"The refused rows, with the reasons, are in {back}." in output.getvalue()
    text = back.read_text("utf-8-sig")
    assert "GONE,d,Account: its account GONE does not exist" in text
    back.write_text(text.replace("GONE,d", "B1,d"))
    call_command("import_legacy", back, stdout=output)
    assert "updates: 1 added" in output.getvalue()
    for name, problem in (
        ("back.json", "ends in .csv"),
        ("no/where.csv", "no such folder"),
        ("updates.csv", "another file"),
    ):
        with pytest.raises(CommandError, match=problem):
            call_command("import_legacy", path, refused=tmp_path / name, stdout=output)


def test_the_report_of_ten_thousand_rows_fits_on_a_screen(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """One row in a hundred is bad, in five ways."""
    bad = (",t,2026-01-01,{}", "GONE,t,2026-01-01,{}", "B1,t,no date,{}", "B1,{},,", "B 1/,t,,{}")
    lines = [f"B1,T,2026-06-27,Progress report {n}" for n in range(10_000)]
    for n in range(0, len(lines), 100):
        lines[n] = bad[n // 100 % len(bad)].format(n)
    text = "\n".join(["bsnid,author,date,description", *lines])
    path = written(tmp_path, "updates.csv", text)
    accounts.create(warehouse, {"bsnid": "B1", "team": "T", "business_area": "A"})
    output = io.StringIO()
    call_command("import_legacy", path, dry_run=True, stdout=output)
    said = output.getvalue()
    assert "updates: 9940 would be added" in said
    assert "60 refused" in said
    first = ", ".join(str(2 + 500 * n) for n in range(10))
    line = f"refused, 20 times: updates.csv, Account, rows {first}, …: Account is missing"
    assert line in said
    assert len(said.splitlines()) <= 24


def test_what_cannot_be_written_beside_it_does_not_undo_an_import(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "accounts.csv", "bsnid,team\nB1,T\n,U\n")

    def fail(*_: Any) -> bool:
        raise zipfile.LargeZipFile("too large")

    monkeypatch.setattr(files, "write", fail)
    full = Path("/dev/full")
    output, errors = io.StringIO(), io.StringIO()
    options = {"report": full, "refused": tmp_path / "r.csv", "stdout": output, "stderr": errors}
    with pytest.raises(
        CommandError, match="The import ended, but the report cannot be written to"
    ):
        call_command("import_legacy", path, accept_doubts=True, **options)
    assert accounts.get(warehouse, "B1").team == "T"
    assert "1 added" in output.getvalue()
    assert "row 3, BSNID: BSNID is missing" in output.getvalue()
    assert "The refused rows cannot be written to" in errors.getvalue()
