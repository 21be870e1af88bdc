"""The legacy app's JSON state becomes the exact expected rows."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from crm.importing.findings import CHANGED, NOTED, REFUSED, SKIPPED
from crm.model.schema import ACCOUNTS
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from .using import FILES, added, reasons, run

SECOND = "3f0e8a52-6a53-4c1c-9c39-4b1f0f5d9e11"


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
    assert any("“enablement_tier” is not a column" in r for r in reasons(findings, SKIPPED))
    assert any("IT partner of Finance" in r for r in reasons(findings, CHANGED))
    assert any("“Paused” is not one of" in r for r in reasons(findings, NOTED))
    assert any("“Tier 1” is not one of" in r for r in reasons(findings, NOTED))


def test_state_as_lists(warehouse: Warehouse) -> None:
    outcomes, findings = run(warehouse, FILES / "state-lists.json")
    assert added(outcomes)["use_cases"] == 2
    detail = accounts.get_detail(warehouse, "BSN001")
    assert {case.problem for case in detail.use_cases} == {"P", "Has no id"}
    assert "uc-1" in {case.id for case in detail.use_cases}
    assert {update.id for update in detail.updates} == {"up-1", "up-2"}
    assert findings.count(REFUSED) == 0
    (reading,) = [reason for reason in reasons(findings, CHANGED) if "date: dates" in reason]
    assert "date: dates such as “27/06/2025” were read like 2025-06-27" in reading


@pytest.mark.parametrize("name", ["state-keyed.json", "state-lists.json"])
def test_importing_twice_changes_nothing(warehouse: Warehouse, name: str) -> None:
    run(warehouse, FILES / name)
    before = accounts.get_detail(warehouse, "BSN001")
    outcomes, _ = run(warehouse, FILES / name, on_conflict="update")
    assert set(added(outcomes).values()) == {0}
    assert accounts.get_detail(warehouse, "BSN001") == before


def test_a_status_that_is_there_under_another_id_is_the_same(warehouse: Warehouse) -> None:
    run(warehouse, FILES / "state-lists.json")
    outcomes, _ = run(warehouse, FILES / "state-keyed.json", on_conflict="update")
    statuses = accounts.get_detail(warehouse, "BSN001").platforms
    assert sorted(status.platform for status in statuses) == ["Databricks", "Snowflake"]
    assert added(outcomes)["platforms_status"] == 3


def test_statuses_in_other_shapes(warehouse: Warehouse, tmp_path: Path) -> None:
    """A list of statuses is read; a value that is no status is refused by its name."""
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
    assert added(outcomes)["accounts"] == 4
    for bsnid in ("BSN001", "BSN002", "BSN003"):
        assert accounts.get(warehouse, bsnid).team == texts[bsnid]
    # A value that is too long does not make its account refused.
    assert accounts.get(warehouse, "BSN004").team is None
    assert any(
        "201 characters; at most 200 fit; left empty" in r for r in reasons(findings, NOTED)
    )
    assert len(reasons(findings, REFUSED)) == 2
