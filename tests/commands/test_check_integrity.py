"""What Unity Catalog does not prevent is found, and repaired where it can be."""

from __future__ import annotations

import datetime as dt
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from crm.repository import accounts, integrity
from crm.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES, Table
from crm.warehouse import Warehouse

OLD = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
NEW = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)


def insert(wh: Warehouse, table: Table, **values: Any) -> None:
    """A row as somebody in an SQL editor could add it, keys or not."""
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
        sample, ACCOUNTS, bsnid="LINK", team="L", azure_devops_link="https://ok\nsee wiki", **area
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
    return sample


def found(wh: Warehouse) -> dict[str, list[str]]:
    return {
        check.name: [problem.key for problem in problems]
        for check, problems in integrity.look(wh).items()
    }


def test_sample_data_are_sound(sample: Warehouse) -> None:
    assert set(map(tuple, found(sample).values())) == {()}
    out = StringIO()
    call_command("check_integrity", stdout=out)
    assert out.getvalue().count(": none") == len(integrity.CHECKS)


def test_every_kind_of_problem_is_found(broken: Warehouse) -> None:
    assert found(broken) == {
        "duplicate-keys": ["SAME", "TWICE"],
        "double-statuses": ["TWICE"],
        "orphans": ["o1", "o2"],
        "empty-fields": ["e1"],
        "unknown-words": ["w1", "w2"],
        "bad-links": ["LINK"],
        "times": ["t1"],
    }


def test_fix_repairs_what_can_be_and_leaves_the_rest(broken: Warehouse) -> None:
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_integrity", "--fix", "--yes", stdout=out)
    assert ended.value.code == 1
    assert found(broken) == {
        "duplicate-keys": [],
        "double-statuses": [],
        "orphans": ["o2"],
        "empty-fields": ["GONE", "e1"],
        "unknown-words": ["w2"],
        "bad-links": ["LINK"],
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
    for check in integrity.CHECKS:
        integrity.repair(broken, check)
    before = found(broken)
    assert sum(integrity.repair(broken, check) for check in integrity.CHECKS) == 0
    assert found(broken) == before


def test_without_a_yes_nothing_is_repaired(broken: Warehouse, monkeypatch: Any) -> None:
    monkeypatch.setattr("builtins.input", lambda question: "n")
    before = found(broken)
    with pytest.raises(SystemExit):
        call_command("check_integrity", "--fix", stdout=StringIO())
    assert found(broken) == before
