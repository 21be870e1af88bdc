"""Exports of the earlier app's successor: a CSV file per table, or its REST lists as JSON."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from crm.importing.findings import CHANGED, NOTED, REFUSED, SKIPPED
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from .using import read, reasons, run, written

ACCOUNT = {
    "uid": "ACC001",
    "team": "Data Analytics",
    "business_it_area": "Finance",
    "vp": "Vera",
    "team_admin": "Ada",
    "use_case": "Churn dashboard",
    "use_case_status": "In Progress",
    "databricks": "y",
    "month_onboarded_db": "2024-03-15",
    "snowflake": "n",
    "month_onboarded_sf": None,
    "git_repo": "https://git.example/churn",
    "unique_identifier": "DA-2024-001",
    "associated_ado_items": "https://dev.azure.com/items/1",
    "team_artifacts": "https://wiki.example/da",
    "current_tech_stack": "Python",
    "notes": "Going well",
    "csm": "Jo",
    "health": "Green",
    "health_reason": None,
}
OTHER = dict.fromkeys(ACCOUNT) | {"uid": "ACC002", "team": "Marketing", "health": "Red"}
OTHER |= {"use_case": "Old reports", "snowflake": "y", "month_onboarded_sf": "2024-01-20"}
TABLES: dict[str, list[dict[str, Any]]] = {
    "accounts": [ACCOUNT, OTHER],
    "use_cases": [
        {
            "id": 1,
            "account_uid": "ACC001",
            "problem": "Churn dashboard",
            "solution": "Build it",
            "value": "$2M",
            "status": "Active",
        }
    ],
    "updates": [
        {
            "id": 1,
            "account_uid": "ACC001",
            "description": "Phase 1",
            "author": "Ada",
            "date": "2024-03-20",
        }
    ],
    "platforms_crm": [
        {
            "id": 7,
            "account_uid": "ACC001",
            "platform_name": "Databricks",
            "onboarding_status": "In Progress",
        }
    ],
    "primary_it_partners": [
        {"id": 1, "account_uid": "ACC001", "primary_it_partner": "Kim"},
        {"id": 2, "account_uid": "ACC002", "primary_it_partner": "Lee"},
        {"id": 3, "account_uid": "ACC002", "primary_it_partner": "Max"},
        {"id": 4, "account_uid": "GONE", "primary_it_partner": "Nia"},
    ],
    "intake_requests": [
        {"id": 1, "title": "Access", "description": "Please", "has_it_partner": False},
        {"id": 2, "title": "More", "description": None, "has_it_partner": True},
    ],
}


def as_csv(folder: Path) -> Path:
    for name, rows in TABLES.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return folder


def as_json(folder: Path) -> Path:
    for name, rows in TABLES.items():
        (folder / f"{name}.json").write_text(json.dumps(rows))
    return folder


def as_state(folder: Path) -> Path:
    (folder / "all.json").write_text(json.dumps(TABLES))
    return folder / "all.json"


@pytest.mark.parametrize("save", [as_csv, as_json, as_state])
def test_everything_that_has_a_place_here_is_read(tmp_path: Path, save: Any) -> None:
    rows, findings = read(save(tmp_path))
    first, second, *others = rows["accounts"]
    assert first == {
        "bsnid": "ACC001",
        "team": "Data Analytics",
        "business_area": "Finance",
        "vp": "Vera",
        "admin": "Ada",
        "primary_it_partner": "Kim",
        "azure_devops_link": "https://dev.azure.com/items/1",
        "artifacts_folder_link": "https://wiki.example/da",
    }
    assert (second["bsnid"], second["primary_it_partner"]) == ("ACC002", "Lee, Max")
    assert others == [{"bsnid": "GONE", "primary_it_partner": "Nia"}]
    since = "2024-03-15T00:00:00+00:00"
    statuses = {(row["account_bsnid"], row["platform"]): row for row in rows["platforms_status"]}
    # The table of platforms says more than the account, which says since when.
    databricks = statuses["ACC001", "Databricks"]
    assert (databricks["status"], databricks["updated_at"]) == ("In Progress", since)
    snowflake = statuses["ACC002", "Snowflake"]
    assert (snowflake["status"], snowflake["created_at"][:10]) == ("Completed", "2024-01-20")
    assert statuses["ACC001", "Snowflake"]["status"] == "Not Started"
    cases = [
        (row["account_bsnid"], row["problem"], row.get("status")) for row in rows["use_cases"]
    ]
    assert cases == [
        ("ACC001", "Churn dashboard", "Active"),
        ("ACC002", "Old reports", None),
    ]
    assert [row["description"] for row in rows["updates"]] == ["Phase 1"]
    assert findings.count(REFUSED) == 0
    assert any("“y” was read as Completed" in reason for reason in reasons(findings, CHANGED))
    assert any("another use case of the source" in r for r in reasons(findings, SKIPPED))


def test_yes_and_no_in_other_languages_and_no_status_at_all(tmp_path: Path) -> None:
    lines = ("bsnid,team,Databricks,Snowflake", "B1,T,Ja,n/a", "B2,T,não,x", "B3,T,✓,–")
    rows, findings = read(written(tmp_path, "accounts.csv", "\n".join(lines)))
    assert [
        (row["account_bsnid"], row["platform"], row["status"]) for row in rows["platforms_status"]
    ] == [
        ("B1", "Databricks", "Completed"),
        ("B2", "Databricks", "Not Started"),
        ("B2", "Snowflake", "x"),
        ("B3", "Databricks", "Completed"),
    ]
    skipped = [
        each for each in reasons(findings, SKIPPED) if "stands for a missing status" in each
    ]
    assert len(skipped) == 2
    assert any("“x” is not one of the known words" in each for each in reasons(findings, NOTED))


@pytest.mark.parametrize("save", [as_csv, as_state])
def test_what_has_no_place_here_is_counted(
    warehouse: Warehouse, tmp_path: Path, save: Any
) -> None:
    path = save(tmp_path)
    _, findings = run(warehouse, path)
    places = {place.rpartition(" ")[2].removesuffix(".csv"): place for place in findings.lost}
    of_accounts = findings.lost[places["accounts"] if save is as_csv else "all.json"]
    wanted = {"health": 2, "csm": 1, "notes": 1, "current_tech_stack": 1, "unique_identifier": 1}
    assert of_accounts | wanted == of_accounts
    of_requests = findings.lost[places["intake_requests"]]
    assert (of_requests["title"], of_requests["description"]) == (2, 1)
    output = io.StringIO()
    call_command("import_legacy", path, dry_run=True, stdout=output)
    assert "health 2" in output.getvalue()
    detail = accounts.get_detail(warehouse, "ACC001")
    # A platform that the account has not is no row.
    assert [(each.platform, each.status) for each in detail.platforms] == [
        ("Databricks", "In Progress")
    ]
    assert detail.platforms[0].updated_at.isoformat() == "2024-03-15T00:00:00+00:00"
    assert reasons(findings, REFUSED) == [
        f"{'primary_it_partners.csv' if save is as_csv else path.name}, row "
        f"{'5' if save is as_csv else '4'}, bsnid: its account GONE does not exist"
    ]


def test_a_second_import_brings_what_changed(warehouse: Warehouse, tmp_path: Path) -> None:
    path = as_csv(tmp_path)
    run(warehouse, path)
    for status in ("Requested", "Completed"):
        text = (path / "platforms_crm.csv").read_text()
        words = ("In Progress", "Requested")
        for word in words:
            text = text.replace(word, status)
        (path / "platforms_crm.csv").write_text(text)
        outcomes, _ = run(warehouse, path, on_conflict="update")
        # The month of the onboarding does not make the row an old one.
        assert [outcome.written for outcome in outcomes] == [0, 1, 0, 0]
        (found,) = accounts.get_detail(warehouse, "ACC001").platforms
        assert found.status == status


def test_a_table_of_it_partners_alone_fills_accounts(warehouse: Warehouse, tmp_path: Path) -> None:
    accounts.create(warehouse, {"bsnid": "ACC002", "team": "T"})
    path = tmp_path / "primary_it_partners.csv"
    lines = "1,ACC002,Lee\n2,ACC002,Max\n3,GONE,Nia\n4,,Zoe\n"
    path.write_text(f"id,account_uid,primary_it_partner\n{lines}")
    _, findings = run(warehouse, path, on_conflict="update")
    account = accounts.get(warehouse, "ACC002")
    assert (account.team, account.primary_it_partner) == ("T", "Lee, Max")
    assert accounts.get(warehouse, "GONE") is None
    assert reasons(findings, REFUSED) == [
        "primary_it_partners.csv, row 5, bsnid: BSNID is missing",
        "primary_it_partners.csv, row 4, bsnid: its account GONE does not exist",
    ]
