"""check_integrity finds rows that Unity Catalog does not prevent, and repairs them if it can."""

from __future__ import annotations

import datetime as dt
import uuid
from contextlib import suppress
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES, Table
from crm.repository.integrity import checks
from crm.repository.records import accounts
from crm.repository.transfer import read_all
from crm.warehouse import Warehouse

OLD = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
NEW = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)


def insert(wh: Warehouse, table: Table, **values: Any) -> None:
    """Insert a row, as somebody could in a SQL editor, with or without keys."""
    row = dict.fromkeys(table.names) | {"created_at": OLD, "updated_at": OLD} | values
    names = [name for name in table.names if row[name] is not None]
    columns, markers = ", ".join(names), ", ".join(f":{name}" for name in names)
    wh.execute(
        f"INSERT INTO {wh.namespace.table(table)} ({columns}) VALUES ({markers})",
        {name: row[name] for name in names},
        repeatable=False,
    )


@pytest.fixture
def broken(sample: Warehouse) -> Warehouse:
    area = {"business_area": "Finance"}
    insert(sample, ACCOUNTS, bsnid="TWICE", team="Old", **area)
    insert(sample, ACCOUNTS, bsnid="TWICE", team="New", updated_at=NEW, **area)
    for _ in range(3):
        insert(sample, ACCOUNTS, bsnid="SAME", team="Same", **area)
    status = {"account_bsnid": "TWICE", "platform": "Snowflake"}
    insert(sample, PLATFORMS_STATUS, id="s1", status="Requested", **status)
    insert(sample, PLATFORMS_STATUS, id="s2", status="Completed", updated_at=NEW, **status)
    insert(sample, USE_CASES, id="o1", account_bsnid="GONE", problem="P", status="Active")
    insert(sample, USE_CASES, id="o2", account_bsnid="no/address", problem="P", status="Active")
    insert(sample, USE_CASES, id="e1", account_bsnid="BSN001", status="Active")
    insert(sample, USE_CASES, id="w1", account_bsnid="BSN001", problem="P", status=" on hold")
    insert(sample, USE_CASES, id="w2", account_bsnid="BSN001", problem="P", status="Paused")
    insert(
        sample,
        ACCOUNTS,
        bsnid="LINK",
        team="L",
        azure_devops_link="https://ok\nhttps://\nsee wiki",
        **area,
    )
    update = {"author": "A", "date": dt.date(2026, 1, 1), "description": "D"}
    insert(
        sample,
        UPDATES,
        id="t1",
        account_bsnid="BSN001",
        created_at=NEW,
        updated_at=OLD,
        **update,
    )
    insert(sample, UPDATES, id="", account_bsnid="BSN001", **update)
    return sample


def found(wh: Warehouse) -> dict[str, list[str]]:
    return {
        check.name: [problem.key for problem in each.problems]
        for check, each in checks.run_checks(wh).items()
    }


def test_sample_data_are_sound(sample: Warehouse) -> None:
    assert set(map(tuple, found(sample).values())) == {()}
    out = StringIO()
    call_command("check_integrity", stdout=out)
    assert out.getvalue().count(": none") == len(checks.CHECKS)


def test_every_kind_of_problem_is_found(broken: Warehouse) -> None:
    assert found(broken) == {
        "missing-ids": [""],
        "duplicate-keys": ["SAME", "TWICE"],
        "unknown-words": ["w1", "w2"],
        "double-statuses": ["TWICE"],
        "orphans": ["o1", "o2"],
        "empty-fields": ["e1"],
        "bad-links": ["LINK", "LINK"],
        "times": ["t1"],
    }


def test_fix_repairs_what_can_be_and_leaves_the_rest(broken: Warehouse) -> None:
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_integrity", "--fix", "--yes", stdout=out)
    assert ended.value.code == 1
    assert found(broken) == {
        "missing-ids": [],
        "duplicate-keys": [],
        "unknown-words": ["w2"],
        "double-statuses": [],
        "orphans": ["o2"],
        "empty-fields": ["GONE", "e1"],
        "bad-links": ["LINK", "LINK"],
        "times": [],
    }
    assert [case.id for case in accounts.get_detail(broken, "GONE").use_cases] == ["o1"]
    detail = accounts.get_detail(broken, "TWICE")
    assert detail.account.team == "New"
    assert [(status.id, status.status) for status in detail.platforms] == [("s2", "Completed")]
    assert accounts.get(broken, "SAME").team == "Same"
    assert {case.id: case.status for case in accounts.get_detail(broken, "BSN001").use_cases}[
        "w1"
    ] == "On Hold"


def test_repairing_twice_changes_nothing_more(broken: Warehouse) -> None:
    for check in checks.CHECKS:
        checks.repair(broken, check)
    before = found(broken)
    assert sum(checks.repair(broken, check) for check in checks.CHECKS) == 0
    assert found(broken) == before


def test_without_a_yes_nothing_is_repaired(broken: Warehouse, monkeypatch: Any) -> None:
    monkeypatch.setattr("builtins.input", lambda question: "n")
    before = found(broken)
    with pytest.raises(SystemExit):
        call_command("check_integrity", "--fix", stdout=StringIO())
    assert found(broken) == before


def details(wh: Warehouse, name: str) -> dict[str, tuple[str, str]]:
    check = next(check for check in checks.CHECKS if check.name == name)
    problems = checks.run_checks(wh, (check,))[check].problems
    return {problem.key: (problem.detail, problem.repair) for problem in problems}


def fix() -> str:
    out = StringIO()
    with suppress(SystemExit):
        call_command("check_integrity", "--fix", "--yes", stdout=out)
    return out.getvalue()


def rows(wh: Warehouse, table: Table) -> list[dict]:
    return list(read_all.rows(wh, table))


def test_records_that_share_an_id_all_stay(sample: Warehouse, settings: Any) -> None:
    """One is an orphan, none has a time; the row whose account exists keeps the id."""
    case = {"id": "c", "status": "Active", "created_at": None, "updated_at": None}
    insert(sample, USE_CASES, account_bsnid="AAA", problem="Orphan’s", **case)
    insert(sample, USE_CASES, account_bsnid="BSN001", problem="Known one’s", **case)
    insert(sample, USE_CASES, account_bsnid="BSN001", problem="Known one’s", **case)
    assert details(sample, "duplicate-keys") == {
        "c": (
            "3 rows have this key; another row has Account “AAA” instead of “BSN001”, "
            "Problem “Orphan’s” instead of “Known one’s”",
            "give each row with other values an id of its own",
        )
    }
    printed = fix()
    assert "Keys that more than one row has: repaired, 1 keys" in printed
    found = {row["problem"]: row for row in rows(sample, USE_CASES)}
    assert found["Known one’s"]["id"] == "c"
    assert found["Known one’s"]["updated_at"] is None
    other = found["Orphan’s"]
    assert other["account_bsnid"] == "AAA"
    assert other["updated_by"] == settings.EDIP_USER
    assert uuid.UUID(other["id"])
    assert len(rows(sample, USE_CASES)) == 11 + 2


def test_what_is_dropped_of_accounts_is_said(sample: Warehouse) -> None:
    area = {"business_area": "Finance"}
    insert(sample, ACCOUNTS, bsnid="TWICE", team="Old", vp="V", **area)
    insert(sample, ACCOUNTS, bsnid="TWICE", team="New", updated_at=NEW, **area)
    for _ in range(3):
        insert(sample, ACCOUNTS, bsnid="SAME", team="Same", **area)
    found = details(sample, "duplicate-keys")
    assert found["SAME"] == ("3 rows have this key, all with the same values", "keep one of them")
    detail, repair = found["TWICE"]
    assert detail == (
        "2 rows have this key; another row has Team “Old” instead of “New”, VP “V” instead of “”"
    )
    assert "drop these values of the others" in repair
    assert "repaired, 2 keys" in fix()
    assert accounts.get(sample, "TWICE").team == "New"
    assert len(rows(sample, ACCOUNTS)) == 5 + 2


@pytest.mark.parametrize("one_by_one", [False, True])
def test_no_repair_changes_which_status_is_the_latest(sample: Warehouse, one_by_one: bool) -> None:
    status = {"account_bsnid": "BSN001"}
    sample.execute(f"DELETE FROM {sample.namespace.table(PLATFORMS_STATUS)}", repeatable=True)
    insert(sample, PLATFORMS_STATUS, id="a", platform=" snowflake", status="requested", **status)
    insert(
        sample,
        PLATFORMS_STATUS,
        id="b",
        platform="SNOWFLAKE ",
        status="Completed",
        updated_at=NEW,
        **status,
    )
    # Two rows with one id for the same platform: both stay until somebody deletes one.
    for word, moment in (("Requested", OLD), ("In Progress", NEW)):
        insert(
            sample,
            PLATFORMS_STATUS,
            id="d",
            platform="Databricks",
            status=word,
            updated_at=moment,
            **status,
        )
    detail, _ = details(sample, "double-statuses")["BSN001"]
    assert detail == (
        "2 statuses for SNOWFLAKE: “Completed” was set last, before that “requested”"
    )
    if one_by_one:
        for name in ("unknown-words", "double-statuses", "duplicate-keys", "double-statuses"):
            check = next(check for check in checks.CHECKS if check.name == name)
            checks.repair(sample, check)
    else:
        fix()
    found = {(r["platform"], r["status"]) for r in rows(sample, PLATFORMS_STATUS)}
    assert found == {("Snowflake", "Completed"), ("Databricks", "In Progress")}


def test_statuses_without_a_platform_or_account_are_no_doubles(sample: Warehouse) -> None:
    for place, word in enumerate(("Requested", "Completed")):
        insert(sample, PLATFORMS_STATUS, id=f"n{place}", account_bsnid="BSN001", status=word)
    assert details(sample, "double-statuses") == {}


def test_all_are_counted_and_the_first_are_shown(
    sample: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "SHOWN", 3)
    for number in range(5):
        insert(
            sample,
            USE_CASES,
            id=f"w{number}",
            account_bsnid="BSN001",
            problem="P",
            status="active",
        )
    printed = fix()
    assert "Words that are not in the vocabulary: 5" in printed
    assert "… and 2 more" in printed
    assert "Words that are not in the vocabulary: repaired, 5 rows" in printed


def test_problems_with_a_repair_are_counted(broken: Warehouse) -> None:
    found = checks.run_checks(broken)
    for each in found.values():
        assert each.total == len(each.problems)
        assert each.repairable == sum(bool(problem.repair) for problem in each.problems)
    assert any(0 < each.repairable < each.total for each in found.values())
