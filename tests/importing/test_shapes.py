"""Every shape of legacy export becomes the exact expected rows."""

from __future__ import annotations

import datetime as dt
import json
import zipfile
from pathlib import Path

import openpyxl
import pytest

from crm.importing import importer
from crm.importing.errors import ImportingError
from crm.importing.findings import CHANGED, NOTED, REFUSED, SKIPPED, Findings
from crm.importing.importer import Options, Outcome
from crm.model.schema import ACCOUNTS
from crm.repository.records import accounts
from crm.warehouse import Warehouse

FILES = Path(__file__).parent / "files"
SECOND = "3f0e8a52-6a53-4c1c-9c39-4b1f0f5d9e11"


def run(wh: Warehouse, path: Path, **options) -> tuple[list[Outcome], Findings]:
    with Findings() as findings:
        outcomes = importer.run(wh, path, Options(**options), findings)
    assert all(outcome.verified for outcome in outcomes)
    return outcomes, findings


def added(outcomes: list[Outcome]) -> dict[str, int]:
    return {outcome.table.name: outcome.written for outcome in outcomes}


def reasons(findings: Findings, outcome: str) -> list[str]:
    return [str(f).removeprefix(f"{outcome}: ") for f in findings.first if f.outcome == outcome]


def test_state_keyed_by_id(warehouse: Warehouse) -> None:
    outcomes, findings = run(warehouse, FILES / "state-keyed.json")
    assert added(outcomes) == {
        "accounts": 2,
        "platforms_status": 4,
        "use_cases": 1,
        "updates": 1,
    }
    first = accounts.get_detail(warehouse, "BSN001")
    assert first.account.primary_it_partner == "Own Partner"
    assert first.account.created_at == dt.datetime(2025, 6, 27, 14, 3, 11, 123456, dt.UTC)
    assert first.account.created_by == warehouse.actor
    assert first.account.artifacts_folder_link is None
    assert {p.platform: p.status for p in first.platforms} == {
        "Databricks": "Completed",
        "Snowflake": "Not Started",
    }
    (case,) = first.use_cases
    assert (case.problem, case.enablement_tier) == ("Nightly job is late", "Tier 1")
    (update,) = first.updates
    assert (update.date, update.description) == (dt.date(2025, 6, 27), "Line one\nLine two")

    second = accounts.get_detail(warehouse, SECOND)
    assert second.account.team == "Treasury Risk"
    assert second.account.primary_it_partner == "Tomás Herrera"
    assert second.account.azure_devops_link == "https://dev.azure.com/a\nhttps://dev.azure.com/b"
    assert {p.platform: p.status for p in second.platforms} == {
        "Databricks": "In Progress",
        "Power Platform": "Paused",
    }

    assert reasons(findings, REFUSED) == [
        "state-keyed.json, row 7a1d9c1e-0000-4000-8000-000000000009, account_bsnid: "
        "its account GONE does not exist"
    ]
    assert any("“current_page” is not imported" in r for r in reasons(findings, SKIPPED))
    assert any("“enablement_tier” is no column" in r for r in reasons(findings, SKIPPED))
    assert any("IT partner of Finance" in r for r in reasons(findings, CHANGED))
    assert any("“Paused” is not one of" in r for r in reasons(findings, NOTED))
    assert any("“Tier 1” is not one of" in r for r in reasons(findings, NOTED))


def test_state_as_lists(warehouse: Warehouse) -> None:
    outcomes, findings = run(warehouse, FILES / "state-lists.json")
    assert added(outcomes)["use_cases"] == 2
    detail = accounts.get_detail(warehouse, "BSN001")
    assert {case.problem for case in detail.use_cases} == {"P", "Has no id"}
    assert "uc-1" in {case.id for case in detail.use_cases}
    assert [update.id for update in detail.updates] == ["up-1"]
    (refused,) = reasons(findings, REFUSED)
    assert "row 2, date: “27/06/2025” is no date" in refused


@pytest.mark.parametrize("name", ["state-keyed.json", "state-lists.json"])
def test_importing_twice_changes_nothing(warehouse: Warehouse, name: str) -> None:
    run(warehouse, FILES / name)
    before = accounts.get_detail(warehouse, "BSN001")
    outcomes, _ = run(warehouse, FILES / name, on_conflict="update")
    assert set(added(outcomes).values()) == {0}
    assert accounts.get_detail(warehouse, "BSN001") == before


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
    assert any("“Mood” is no column" in reason for reason in reasons(findings, SKIPPED))


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
    assert added(outcomes) == {"accounts": 1, "platforms_status": 1, "use_cases": 0, "updates": 2}
    detail = accounts.get_detail(warehouse, "1001")
    assert {update.date for update in detail.updates} == {dt.date(2025, 6, 27)}
    assert detail.platforms[0].status == "Completed"
    (refused,) = reasons(findings, REFUSED)
    assert "sheet Updates, row 4, date: “soon” is no date" in refused
    assert any("sheet Charts" in reason for reason in reasons(findings, SKIPPED))


def test_a_status_that_is_there_under_another_id_is_the_same(warehouse: Warehouse) -> None:
    run(warehouse, FILES / "state-lists.json")
    outcomes, _ = run(warehouse, FILES / "state-keyed.json", on_conflict="update")
    statuses = accounts.get_detail(warehouse, "BSN001").platforms
    assert sorted(status.platform for status in statuses) == ["Databricks", "Snowflake"]
    assert added(outcomes)["platforms_status"] == 3


def changed_state(tmp_path: Path) -> Path:
    state = json.loads((FILES / "state-keyed.json").read_text())
    state["accounts"]["BSN001"]["team"] = "Renamed"
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(state))
    return path


def test_on_conflict_skip_update_fail(warehouse: Warehouse, tmp_path: Path) -> None:
    run(warehouse, FILES / "state-keyed.json")
    path = changed_state(tmp_path)

    outcomes, findings = run(warehouse, path)
    assert added(outcomes)["accounts"] == 0
    assert any("says something else" in reason for reason in reasons(findings, SKIPPED))
    assert accounts.get(warehouse, "BSN001").team == "Claims Analytics"

    with pytest.raises(ImportingError, match="1 row is there already"):
        run(warehouse, path, on_conflict="fail")

    outcomes, _ = run(warehouse, path, on_conflict="update")
    assert added(outcomes)["accounts"] == 1
    assert accounts.get(warehouse, "BSN001").team == "Renamed"


def test_dry_run_writes_nothing_and_foresees_everything(warehouse: Warehouse) -> None:
    outcomes, _ = run(warehouse, FILES / "state-keyed.json", dry_run=True)
    foreseen = {outcome.table.name: outcome.states["new"] for outcome in outcomes}
    assert accounts.get(warehouse, "BSN001") is None
    done, _ = run(warehouse, FILES / "state-keyed.json")
    assert foreseen == added(done)


def test_strict_imports_all_or_nothing(warehouse: Warehouse) -> None:
    with pytest.raises(ImportingError, match="1 row is refused.*its account GONE"):
        run(warehouse, FILES / "state-keyed.json", strict=True)
    assert accounts.get(warehouse, "BSN001") is None


def test_strict_sees_what_many_remarks_stand_before(warehouse: Warehouse, tmp_path: Path) -> None:
    state = {f"B{n:04}": {"azure_devops_link": "no address"} for n in range(600)}
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"accounts": state | {"a/b": {}}}))
    with pytest.raises(ImportingError, match="1 row is refused.*a/b"):
        run(warehouse, path, strict=True)
    assert accounts.get(warehouse, "B0000") is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("broken.json", b'{"accounts": {"BSN', "not valid JSON"),
        ("empty.json", b"{}", "Nothing to import"),
        ("other.json", b'{"things": []}', "“things” is not imported"),
        ("broken.xlsx", b"no workbook", "not a workbook"),
        ("broken.zip", b"no archive", "not a zip archive"),
        ("who-knows.csv", b"a,b\n1,2\n", "is named after no table"),
        ("picture.png", b"\x89PNG", "is not JSON, CSV or XLSX"),
    ],
)
def test_what_cannot_be_read_is_said(
    warehouse: Warehouse, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ImportingError, match=message):
        run(warehouse, path)


def test_archives_cannot_reach_outside(warehouse: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../accounts.csv", "bsnid,team\nEVIL,x\n")
        archive.writestr("accounts.csv", "bsnid,team\nBSN001,x\n")
    outcomes, _ = run(warehouse, path)
    assert added(outcomes)["accounts"] == 1
    assert accounts.get(warehouse, "EVIL") is None
    assert not (tmp_path.parent / "accounts.csv").exists()


def test_hostile_values_go_in_as_they_are(warehouse: Warehouse, tmp_path: Path) -> None:
    texts = {
        "BSN001": "'; DROP TABLE accounts; --",
        "BSN002": "\\' \" ` :rows ? %s _ 😀 \u202e",
        "BSN003": "x" * ACCOUNTS.column("team").max_length,
        "BSN004": "x" * (ACCOUNTS.column("team").max_length + 1),
        "a/b": "a key that no address can hold",
        "..": "nor this",
    }
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"accounts": {k: {"team": v} for k, v in texts.items()}}))
    outcomes, findings = run(warehouse, path)
    assert added(outcomes)["accounts"] == 3
    for bsnid in ("BSN001", "BSN002", "BSN003"):
        assert accounts.get(warehouse, bsnid).team == texts[bsnid]
    assert len(reasons(findings, REFUSED)) == 3


def test_statuses_in_other_shapes(warehouse: Warehouse, tmp_path: Path) -> None:
    """A list of statuses is understood; what is no status at all is refused by name."""
    shapes = {
        "BSN001": [{"platform": "Databricks", "status": "Requested"}, "Snowflake"],
        "BSN002": "Databricks: Completed",
        "BSN003": [],
    }
    path = tmp_path / "state.json"
    path.write_text(
        json.dumps({"accounts": {k: {"platforms_status": v} for k, v in shapes.items()}})
    )
    outcomes, findings = run(warehouse, path)
    assert added(outcomes)["platforms_status"] == 1
    assert reasons(findings, REFUSED) == [
        "state.json, row BSN001/?, platform: Platform is missing",
        "state.json, row BSN002/?, platform: Platform is missing",
    ]


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
        "updates": 2,
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
    assert [(u.author, u.description) for u in risk.updates] == [("José", "Naïve façade")]

    refused = "\n".join(reasons(findings, REFUSED))
    assert "BSN999 does not exist" in refused
    assert "“next week” is no date" in refused
    assert "use_cases.csv, row" in refused
    assert findings.count(REFUSED) == 3
    assert any("“Paused” is not one of" in r for r in reasons(findings, NOTED))
    assert any("“see the wiki” is no http(s) address" in r for r in reasons(findings, NOTED))
    again, _ = run(warehouse, path)
    assert set(added(again).values()) == {0}


def test_what_a_file_does_not_speak_of_stays(warehouse: Warehouse, tmp_path: Path) -> None:
    """A column that is not in the file says nothing; an empty cell says that it is empty."""
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


def test_records_that_speak_of_different_things(warehouse: Warehouse, tmp_path: Path) -> None:
    for n in range(3):
        accounts.create(warehouse, {"bsnid": f"B{n}", "team": "T", "vp": "V", "admin": "A"})
    path = tmp_path / "state.json"
    state = {"B0": {"team": "New"}, "B1": {"vp": None}, "B2": {"team": "New", "admin": "B"}}
    path.write_text(json.dumps({"accounts": state}))
    run(warehouse, path, on_conflict="update")
    rows = [accounts.get(warehouse, f"B{n}") for n in range(3)]
    assert [(row.team, row.vp, row.admin) for row in rows] == [
        ("New", "V", "A"),
        ("T", None, "A"),
        ("New", "V", "B"),
    ]
