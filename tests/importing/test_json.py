"""The legacy app's JSON state becomes the exact expected rows; texts and values that no column or
no JSON has are found across the blocks that are read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crm.importing.findings import CHANGED, NOTED, REFUSED, SKIPPED
from crm.importing.readers import json_text
from crm.model.schema import ACCOUNTS
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from .using import FILES, added, read, reasons, run, written


def test_remarks_on_a_state_keyed_by_id() -> None:
    """test_exact_tables.py has its rows."""
    _, findings = read(FILES / "state-keyed.json")
    assert any("“current_page” is not imported" in r for r in reasons(findings, SKIPPED))
    assert any("“enablement_tier” is not a column" in r for r in reasons(findings, SKIPPED))
    assert any("IT partner of Finance" in r for r in reasons(findings, CHANGED))
    assert any("“Paused” is not one of" in r for r in reasons(findings, NOTED))
    assert any("“Tier 1” is not one of" in r for r in reasons(findings, NOTED))


def test_remarks_on_a_state_of_lists() -> None:
    _, findings = read(FILES / "state-lists.json")
    assert findings.count(REFUSED) == 0
    (reading,) = [reason for reason in reasons(findings, CHANGED) if "date: dates" in reason]
    assert "date: dates such as “27/06/2025” were read like 2025-06-27" in reading


def test_a_status_that_is_there_under_another_id_is_the_same(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    (tmp_path / "accounts.csv").write_text("bsnid,team\nB1,T\n")
    statuses = "id,bsnid,platform,status\nanother,B1,Databricks,Requested\n"
    (tmp_path / "platforms_status.csv").write_text(statuses)
    run(warehouse, tmp_path)
    path = tmp_path / "state.json"
    path.write_text(
        json.dumps({"accounts": {"B1": {"platforms_status": {"Databricks": "Paused"}}}})
    )
    outcomes, _ = run(warehouse, path, on_conflict="update")
    assert added(outcomes)["platforms_status"] == 1
    (status,) = accounts.get_detail(warehouse, "B1").platforms
    assert (status.id, status.platform, status.status) == ("another", "Databricks", "Paused")


def test_statuses_in_other_shapes(tmp_path: Path) -> None:
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
    rows, findings = read(path)
    (status,) = rows["platforms_status"]
    assert (status["platform"], status["status"]) == ("Databricks", "Requested")
    assert reasons(findings, REFUSED) == [
        "state.json, row BSN001/?: “Snowflake” is not like {'Databricks': 'Completed'}",
        "state.json, row BSN002/?: “Databricks: Completed” is not like {'Databricks': 'Completed'}",
    ]


def test_records_that_speak_of_different_things(warehouse: Warehouse, tmp_path: Path) -> None:
    for n in range(3):
        accounts.create(warehouse, {"bsnid": f"B{n}", "team": "T", "vp": "V", "admin": "A"})
    path = tmp_path / "state.json"
    state = {"B0": {"team": "New"}, "B1": {"vp": None}, "B2": {"team": "New", "admin": "B"}}
    path.write_text(json.dumps({"accounts": state}))
    run(warehouse, path, on_conflict="update", empty="clear")
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


@pytest.mark.parametrize("part", ["x", "a\\n", '\\"', "\\\\", "\\ud83d\\ude00", "ä"])
def test_a_text_that_no_column_holds_does_not_delay_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr(json_text, "_BLOCK", 64)
    monkeypatch.setattr(json_text, "_LONGEST_TEXT", 128)
    for shift in range(4):
        text = "y" * shift + part * 300
        start = f'{{"updates": [{{"id": "u1", "bsnid": "B1", "description": "{text}"}}, '
        end = '{"id": "u2", "bsnid": "B1", "description": "d"}]}'
        rows, findings = read(written(tmp_path, "state.json", start + end))
        assert [(row["id"], row.get("description")) for row in rows["updates"]] == [
            ("u1", None),
            ("u2", "d"),
        ]
        length = len(text.encode()) + 2
        reason = f"description: is a text of {length:,} bytes, which is too long; not imported"
        assert any(reason in each for each in reasons(findings, NOTED))


def test_values_that_json_does_not_have_are_found_across_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_text, "_BLOCK", 16)
    for blanks in range(16):
        content = '{"accounts": [{"bsnid": "B1",' + " " * blanks + '"vp": NaN}]}'
        rows, findings = read(written(tmp_path, "state.json", content))
        assert rows["accounts"] == [{"bsnid": "B1"}]
        assert any("vp: is NaN" in reason for reason in reasons(findings, NOTED))


def test_texts_and_links_within_objects_and_lists(tmp_path: Path) -> None:
    account = {
        "bsnid": {"S": "B1"},
        "team": {"string": "T"},
        "business_area": {"NULL": True},
        "vp": {"id": 7, "displayName": "Zoë"},
        "admin": ["Ann", {"name": "Bob"}],
        "primary_it_partner": {"id": 7},
        "azure_devops_link": {"Url": "https://a.example", "Description": "Board"},
        "artifacts_folder_links": ["[Files](https://b.example)", {"href": "https://c.example"}],
        "platforms": [
            {"name": "Databricks", "status": True},
            {"name": "Snowflake", "status": "n"},
        ],
        "use_cases": ["Churn"],
    }
    rows, findings = read(written(tmp_path, "state.json", json.dumps({"accounts": [account]})))
    assert rows["accounts"] == [
        {
            "bsnid": "B1",
            "team": "T",
            "vp": "Zoë",
            "admin": "Ann, Bob",
            "primary_it_partner": '{"id": 7}',
            "azure_devops_link": "https://a.example",
            "artifacts_folder_link": "https://b.example\nhttps://c.example",
        }
    ]
    statuses = {row["platform"]: row["status"] for row in rows["platforms_status"]}
    assert statuses == {"Databricks": "Completed", "Snowflake": "Not Started"}
    changed = "\n".join(reasons(findings, CHANGED))
    assert 'admin: “["Ann", {"name": "Bob"}]” was read as “Ann, Bob”' in changed
    assert "“{'Url': 'https://a.example', 'Description': 'Board'}” was read as https://" in changed
    (skipped,) = reasons(findings, SKIPPED)
    assert "“Churn” is no record, and the file has no other use cases" in skipped
