"""CSV files, workbooks, folders and archives become the exact expected rows."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path

import openpyxl
import pytest

from crm.importing import sources
from crm.importing.findings import NOTED, REFUSED, SKIPPED
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from .using import FILES, added, read, reasons, run

ACCOUNTS_CSV = """BSNID (UID);Business Area;Team Name;Primary IT Partner;Azure DevOps Link;Mood
BSN001;Finance;Müller & Söhne;Tomás;https://a.example/x, https://a.example/y;good
BSN002;Finance;"Two
lines";;;
;Finance;No key;;;
"""


UPDATES_CSV = """update_id,bsnid,author,update_date,platform,description
u1,BSN001,Ana,2025-06-27,Databricks,"He said ""hi"", then left"
u2,NOPE,Ana,2025-06-27,,Orphan
u1,BSN001,Ana,2025-06-27,Databricks,"He said ""hi"", then left"
u1,BSN001,Ana,2025-06-27,Databricks,Something else
"""


def exported(tmp_path: Path, encoding: str) -> Path:
    """A folder with accounts and updates, and a file that is neither."""
    folder = tmp_path / encoding
    folder.mkdir()
    (folder / "accounts.csv").write_bytes(ACCOUNTS_CSV.encode(encoding))
    (folder / "Updates.csv").write_bytes(UPDATES_CSV.replace("\n", "\r\n").encode(encoding))
    (folder / "notes.txt").write_text("anything")
    return folder


def test_csv_per_table(warehouse: Warehouse, tmp_path: Path) -> None:
    outcomes, findings = run(warehouse, exported(tmp_path, "utf-8"))
    assert added(outcomes) == {"accounts": 2, "platforms_status": 0, "use_cases": 0, "updates": 1}
    detail = accounts.get_detail(warehouse, "BSN001")
    assert detail.account.team == "Müller & Söhne"
    assert detail.account.azure_devops_link == "https://a.example/x\nhttps://a.example/y"
    assert detail.updates[0].description == 'He said "hi", then left'
    refused = reasons(findings, REFUSED)
    assert len(refused) == 3
    assert any("row 5, bsnid: BSNID is missing" in reason for reason in refused)
    assert any("its account NOPE does not exist" in reason for reason in refused)
    assert any("has the same Id as" in reason and "row 2" in reason for reason in refused)
    assert any("repeats" in reason for reason in reasons(findings, SKIPPED))
    assert any("“Mood” is not a column" in reason for reason in reasons(findings, SKIPPED))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("zipped", [False, True], ids=["folder", "zip"])
def test_encodings_and_archives_of_csv_files(tmp_path: Path, encoding: str, zipped: bool) -> None:
    plain, _ = read(exported(tmp_path, "utf_8"))
    folder = exported(tmp_path, encoding)
    rows, findings = read(_as_zip(folder, tmp_path, "export/") if zipped else folder)
    assert rows == plain
    assert [row["team"] for row in rows["accounts"]] == ["Müller & Söhne", "Two lines"]
    assert len(reasons(findings, REFUSED)) == 2
    assert any("notes.txt" in reason for reason in reasons(findings, SKIPPED))


def test_headings_can_be_mapped_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    path.write_text("Kürzel,Truppe,VP\nBSN001,Claims,Margaret\n")
    rows, _ = read(path, ["Kürzel=bsnid", "Truppe=team"])
    assert rows["accounts"] == [{"bsnid": "BSN001", "team": "Claims", "vp": "Margaret"}]


def test_workbook_with_a_sheet_per_table(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    sheet = workbook.create_sheet("Accounts")
    sheet.append([])
    sheet.append(["BSNID (UID)", "Team", "Business Area", None])
    sheet.append([1001, "Numbers as keys", "Finance", "beyond the headings"])
    sheet = workbook.create_sheet("Platform Status")
    sheet.append(["BSNID", "Platform", "Onboarding Status"])
    sheet.append([1001, "Snowflake", "Completed"])
    sheet = workbook.create_sheet("Updates")
    sheet.append(["update_id", "bsnid", "Author", "Date", "Description"])
    sheet.append(["u1", 1001, "Ana", dt.datetime(2025, 6, 27, 10), "a real date"])
    sheet.append(["u2", 1001, "Ana", 45835, "Excel's number of a day"])
    sheet.append(["u3", 1001, "Ana", "soon", "no date at all"])
    workbook.create_sheet("Charts")
    path = tmp_path / "export.xlsx"
    workbook.save(path)

    rows, findings = read(path)
    assert [row["bsnid"] for row in rows["accounts"]] == ["1001"]
    days = [(row["account_bsnid"], row.get("date")) for row in rows["updates"]]
    assert days == [("1001", "2025-06-27"), ("1001", "2025-06-27"), ("1001", None)]
    assert [row["status"] for row in rows["platforms_status"]] == ["Completed"]
    assert rows["use_cases"] == []
    assert findings.count(REFUSED) == 0
    (empty,) = [reason for reason in reasons(findings, NOTED) if "left empty" in reason]
    assert "sheet Updates, row 4, date: “soon” is not a date" in empty
    assert any("sheet Charts" in reason for reason in reasons(findings, SKIPPED))


def _as_zip(folder: Path, to: Path, within: str = "") -> Path:
    with zipfile.ZipFile(to / "export.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"{within}{path.name}")
    return to / "export.zip"


def test_the_folder_of_tables(tmp_path: Path) -> None:
    """Four files as people save them: each with an encoding and a delimiter of its own.

    test_exact_tables.py has their rows.
    """
    rows, findings = read(FILES / "tables")
    assert [len(found) for found in rows.values()] == [3, 4, 3, 3]
    assert read(_as_zip(FILES / "tables", tmp_path))[0] == rows
    assert findings.count(REFUSED) == 1
    assert any("“next week” is not a date" in r for r in reasons(findings, NOTED))
    assert any("“Paused” is not one of" in r for r in reasons(findings, NOTED))
    assert any("“see the wiki” cannot be shown as a link" in r for r in reasons(findings, NOTED))


def test_what_a_file_does_not_speak_of_stays(warehouse: Warehouse, tmp_path: Path) -> None:
    """A column that the file lacks keeps its values, even if empty cells clear those of other
    columns."""
    values = {"bsnid": "B1", "team": "Old", "business_area": "Finance", "vp": "Vera"}
    accounts.create(warehouse, {**values, "admin": "Abe"})
    path = tmp_path / "accounts.csv"
    path.write_text("BSNID,Team,Admin\nB1,New,\n")
    outcomes, _ = run(warehouse, path, on_conflict="update", empty="clear")
    assert added(outcomes)["accounts"] == 1
    now = accounts.get(warehouse, "B1")
    assert (now.team, now.admin) == ("New", None)
    assert (now.vp, now.business_area) == ("Vera", "Finance")
    again, _ = run(warehouse, path, on_conflict="update", empty="clear")
    assert again[0].states == {"unchanged": 1}


def test_archives_cannot_reach_outside(tmp_path: Path) -> None:
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../accounts.csv", "bsnid,team\nEVIL,x\n")
        archive.writestr("accounts.csv", "bsnid,team\nBSN001,x\n")
    rows, _ = read(path)
    assert rows["accounts"] == [{"bsnid": "BSN001", "team": "x"}]
    assert not (tmp_path.parent / "accounts.csv").exists()


@pytest.mark.parametrize(
    "hidden", [".accounts.csv", "__MACOSX/._accounts.csv", ".git/accounts.csv", "~$accounts.xlsx"]
)
def test_hidden_files_of_a_folder_are_not_read(tmp_path: Path, hidden: str) -> None:
    (tmp_path / "accounts.csv").write_text("BSNID,Team\nB1,Claims\n")
    (tmp_path / hidden).parent.mkdir(exist_ok=True)
    (tmp_path / hidden).write_text("BSNID,Team\nB2,Trash\n")
    with sources.opened(tmp_path) as source:
        assert [sheet.file for sheet in source.sheets] == ["accounts.csv"]
        assert not source.ignored
