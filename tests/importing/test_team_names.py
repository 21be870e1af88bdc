"""Rows that name their account by its team."""

from __future__ import annotations

from pathlib import Path

from crm.importing.findings import CHANGED, REFUSED, SKIPPED
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from .using import added, reasons, run, written


def test_a_teams_name_stands_for_its_account(warehouse: Warehouse, tmp_path: Path) -> None:
    accounts.create(warehouse, {"bsnid": "B1", "team": "Claims / R&D"})
    written(tmp_path, "accounts.csv", "bsnid,team\nB2,Grid\n")
    written(
        tmp_path,
        "platforms_status.csv",
        "account,platform,status\nclaims\u00a0/ r&d ,Databricks,Completed\n"
        "B1,Databricks,Completed\nB1,Snowflake,Requested\nClaims / R&D,Snowflake,Completed\n",
    )
    written(tmp_path, "use_cases.csv", "Team,Problem\nGrid,P\n")
    written(tmp_path, "updates.csv", "account,author,date,update\nNobody,a,2025-06-27,d\n")
    for times in (1, 2):
        _, planned = run(warehouse, tmp_path, dry_run=True)
        outcomes, findings = run(warehouse, tmp_path)
        first = times == 1
        assert [outcome.states["new"] for outcome in outcomes] == [first, first * 2, first, 0]
        assert added(outcomes) == {
            "accounts": first,
            "platforms_status": first * 2,
            "use_cases": first,
            "updates": 0,
        }
        for found in (planned, findings):
            assert [r for r in reasons(found, CHANGED) if "is the team of" in r] == [
                "platforms_status.csv, row 2, account_bsnid: “claims\u00a0/ r&d” is the team of "
                "account B1",
                "platforms_status.csv, row 5, account_bsnid: “Claims / R&D” is the team of "
                "account B1",
                "use_cases.csv, row 2, account_bsnid: “Grid” is the team of account B2",
            ]
            assert reasons(found, SKIPPED) == [
                "platforms_status.csv, row 2: repeats platforms_status.csv, row 3"
            ]
            assert reasons(found, REFUSED) == [
                "platforms_status.csv, row 5, platform: has the same Account and Platform as "
                "platforms_status.csv, row 4, but different values",
                "updates.csv, row 2, account_bsnid: its account Nobody does not exist",
            ]
    assert [case.problem for case in accounts.get_detail(warehouse, "B2").use_cases] == ["P"]


def test_a_name_of_several_teams_is_none_of_theirs(warehouse: Warehouse, tmp_path: Path) -> None:
    for bsnid in ("B1", "B2"):
        accounts.create(warehouse, {"bsnid": bsnid, "team": "Claims"})
    lines = "Claims,a,2025-06-27,d\na/b,a,2025-06-27,d\n" + "x" * 70 + ",a,2025-06-27,d\n"
    path = written(tmp_path, "updates.csv", f"account,author,date,update\n{lines}")
    outcomes, findings = run(warehouse, path)
    assert added(outcomes)["updates"] == 0
    assert reasons(findings, REFUSED) == [
        "updates.csv, row 2, account_bsnid: “Claims” is the team of several accounts; write the "
        "BSNID: B1, B2",
        "updates.csv, row 3, account_bsnid: Account “a/b” cannot be used: no address can hold it",
        "updates.csv, row 4, account_bsnid: Account has 70 characters; at most 64 fit",
    ]
