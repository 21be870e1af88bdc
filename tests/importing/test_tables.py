"""CSV files, workbooks, folders and archives become the exact expected rows."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path

import openpyxl
import pytest

from crm.importing.findings import NOTED, REFUSED, SKIPPED
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from .using import FILES, added, reasons, run

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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("zipped", [False, True], ids=["folder", "zip"])
def test_csv_per_table(warehouse: Warehouse, tmp_path: Path, encoding: str, zipped: bool) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "accounts.csv").write_bytes(ACCOUNTS_CSV.encode(encoding))
    (folder / "Updates.csv").write_bytes(UPDATES_CSV.replace("\n", "\r\n").encode(encoding))
    (folder / "notes.txt").write_text("anything")
    path = folder
    if zipped:
        path = tmp_path / "export.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file in folder.iterdir():
                archive.write(file, f"export/{file.name}")
    outcomes, findings = run(warehouse, path)
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


def test_headings_can_be_mapped_by_hand(warehouse: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    path.write_text("Kürzel,Truppe,VP\nBSN001,Claims,Margaret\n")
    outcomes, _ = run(warehouse, path, headings={"kürzel": "bsnid", "truppe": "team"})
    assert added(outcomes)["accounts"] == 1
    assert accounts.get(warehouse, "BSN001").team == "Claims"


def test_workbook_with_a_sheet_per_table(warehouse: Warehouse, tmp_path: Path) -> None:
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

    outcomes, findings = run(warehouse, path)
    assert added(outcomes) == {"accounts": 1, "platforms_status": 1, "use_cases": 0, "updates": 3}
    detail = accounts.get_detail(warehouse, "1001")
    assert {update.date for update in detail.updates} == {dt.date(2025, 6, 27), None}
    assert detail.platforms[0].status == "Completed"
    assert findings.count(REFUSED) == 0
    (empty,) = [reason for reason in reasons(findings, NOTED) if "left empty" in reason]
    assert "sheet Updates, row 4, date: “soon” is not a date" in empty
    assert any("sheet Charts" in reason for reason in reasons(findings, SKIPPED))


def _as_zip(folder: Path, to: Path) -> Path:
    with zipfile.ZipFile(to / "export.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    return to / "export.zip"


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_the_folder_of_tables(warehouse: Warehouse, tmp_path: Path, packed: bool) -> None:
    """Four files as people save them: each with an encoding and a delimiter of its own."""
    path = _as_zip(FILES / "tables", tmp_path) if packed else FILES / "tables"
    outcomes, findings = run(warehouse, path)
    assert added(outcomes) == {
        "accounts": 3,
        "platforms_status": 3,
        "use_cases": 3,
        "updates": 3,
    }
    claims = accounts.get_detail(warehouse, "BSN101")
    assert claims.account.admin == "Abe Öz"
    assert claims.account.azure_devops_link == (
        "https://dev.azure.com/northwind/claims\nhttps://dev.azure.com/northwind/claims-ml"
    )
    assert {p.platform: p.status for p in claims.platforms} == {
        "Databricks": "Completed",
        "Snowflake": "In Progress",
    }
    (case,) = claims.use_cases
    assert (case.id, case.problem) == ("uc-101", "Fraud is found late,\nweeks after payment")
    assert (case.enablement_tier, case.leader) == ("Guided", "Dana Fox")
    (update,) = claims.updates
    assert update.description == "Kick-off – “went well”, cost 5 €"
    assert update.date == dt.date(2025, 6, 27)

    flow = accounts.get(warehouse, "3f0e8a52-6a53-4c1c-9c39-4b1f0f5d9e12")
    assert (flow.team, flow.vp) == ('Supply; Demand & "Flow"', "Søren Åkesson")
    risk = accounts.get_detail(warehouse, "BSN102")
    assert {p.platform: p.status for p in risk.platforms} == {"Power Platform": "Paused"}
    assert {c.problem for c in risk.use_cases} == {"Month-end takes nine days", "No id of its own"}
    assert {(u.author, u.description) for u in risk.updates} == {
        ("José", "Naïve façade"),
        ("José", "Wrong day"),
    }

    refused = "\n".join(reasons(findings, REFUSED))
    assert "BSN999 does not exist" in refused
    assert "use_cases.csv, row" in refused
    assert findings.count(REFUSED) == 2
    assert any("“next week” is not a date" in r for r in reasons(findings, NOTED))
    assert any("“Paused” is not one of" in r for r in reasons(findings, NOTED))
    assert any("“see the wiki” is not an http(s) address" in r for r in reasons(findings, NOTED))
    again, _ = run(warehouse, path)
    assert set(added(again).values()) == {0}


def test_what_a_file_does_not_speak_of_stays(warehouse: Warehouse, tmp_path: Path) -> None:
    """A column that is not in the file keeps its values; an empty cell empties the value."""
    values = {"bsnid": "B1", "team": "Old", "business_area": "Finance", "vp": "Vera"}
    accounts.create(warehouse, {**values, "admin": "Abe"})
    path = tmp_path / "accounts.csv"
    path.write_text("BSNID,Team,Admin\nB1,New,\n")
    outcomes, _ = run(warehouse, path, on_conflict="update")
    assert added(outcomes)["accounts"] == 1
    now = accounts.get(warehouse, "B1")
    assert (now.team, now.admin) == ("New", None)
    assert (now.vp, now.business_area) == ("Vera", "Finance")
    again, _ = run(warehouse, path, on_conflict="update")
    assert again[0].states == {"unchanged": 1}


def test_archives_cannot_reach_outside(warehouse: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../accounts.csv", "bsnid,team\nEVIL,x\n")
        archive.writestr("accounts.csv", "bsnid,team\nBSN001,x\n")
    outcomes, _ = run(warehouse, path)
    assert added(outcomes)["accounts"] == 1
    assert accounts.get(warehouse, "EVIL") is None
    assert not (tmp_path.parent / "accounts.csv").exists()
