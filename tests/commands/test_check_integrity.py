"""check_integrity finds rows that Unity Catalog does not prevent, and repairs them if it can."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings

from crm.model.own_tables import OPERATIONS
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, TABLES, USE_CASES, Table
from crm.repository.integrity import checks, repairs
from crm.repository.records import accounts
from crm.repository.transfer import read_all
from crm.warehouse import Warehouse

from ..broken_rows import NEW, OLD, break_rules, broken, insert  # noqa: F401
from ..conftest import Statements
from ..schemas import READ, Schemas

SETTER = "setter@example.com"


def rows(wh: Warehouse, table: Table) -> list[dict]:
    return list(read_all.rows(wh, table))


def check_named(name: str) -> checks.Check:
    return next(check for check in checks.CHECKS if check.name == name)


def test_sample_data_are_sound(sample: Warehouse) -> None:
    out = StringIO()
    call_command("check_integrity", stdout=out)
    assert out.getvalue().count(": none") == len(checks.CHECKS)


def test_every_kind_of_problem_is_found_and_counted(
    broken: Warehouse,  # noqa: F811
    statements: Statements,
    monkeypatch: Any,
) -> None:
    found = checks.run_checks(broken)
    assert {check.name: [each.key for each in f.problems] for check, f in found.items()} == {
        "missing-ids": [""],
        "duplicate-keys": ["SAME", "TWICE"],
        "similar-bsnids": ["LINK"],
        "unknown-words": ["w1", "w2"],
        "double-statuses": ["TWICE"],
        "orphans": ["o1", "o2"],
        "empty-fields": ["e1"],
        "bad-links": ["LINK"] * 3,
        "times": ["t1"],
    }
    for each in found.values():
        assert each.total == len(each.problems)
        assert each.repairable == sum(bool(problem.repair) for problem in each.problems)
    assert any(0 < each.repairable < each.total for each in found.values())
    # Without a yes nothing is repaired.
    monkeypatch.setattr("builtins.input", lambda question: "n")
    with statements() as done, pytest.raises(SystemExit) as ended:
        call_command("check_integrity", "--fix", stdout=StringIO())
    assert ended.value.code == 1
    assert done
    assert all(READ.match(text) for text in done)


@dataclass
class Fixed:
    """What ``check_integrity --fix`` printed before and after the repairs, and the tables then."""

    wh: Warehouse
    before: str
    after: str
    code: object

    def found(self) -> list[str]:
        """Return the table and key of each problem that is left."""
        lines = self.after.splitlines()
        return sorted(line.strip().split(":")[0] for line in lines if line.startswith("  "))


@pytest.fixture(scope="module")
def fixed(schemas: Schemas) -> Iterator[Fixed]:
    """One schema with every problem, repaired by one run of the command, which shows three of
    each."""
    with schemas.lend("sample") as home:
        wh = schemas.open(home)
        break_rules(wh)
        _add_rows_that_share_an_id(wh)
        _add_statuses(wh)
        words = [{"id": f"w{n}"} for n in range(3, 8)]
        insert(wh, USE_CASES, *words, account_bsnid="BSN001", problem="P", status="active")
        out = StringIO()
        config = schemas.server.config()
        with (
            override_settings(WAREHOUSE=config, NAMESPACE=home, EDIP_USER=SETTER),
            pytest.MonkeyPatch.context() as patch,
            pytest.raises(SystemExit) as ended,
        ):
            patch.setattr(checks, "SHOWN", 3)
            call_command("check_integrity", "--fix", "--yes", stdout=out)
        before, after = out.getvalue().split("\nChecking again:")
        yield Fixed(wh, before, after, ended.value.code)


def _add_rows_that_share_an_id(wh: Warehouse) -> None:
    """Add three use cases that share an id: one is an orphan, none has a time."""
    insert(
        wh,
        USE_CASES,
        {"account_bsnid": "AAA", "problem": "Orphan’s"},
        *[{"account_bsnid": "BSN001", "problem": "Known one’s"}] * 2,
        id="c",
        status="Active",
        created_at=None,
        updated_at=None,
    )


def _add_statuses(wh: Warehouse) -> None:
    insert(wh, ACCOUNTS, bsnid="S", team="Statuses", business_area="Finance")
    insert(
        wh,
        PLATFORMS_STATUS,
        {"id": "a", "platform": " snowflake", "status": "requested"},
        {"id": "b", "platform": "SNOWFLAKE ", "status": "Completed", "updated_at": NEW},
        # Two rows with one id for the same platform: both stay until somebody deletes one.
        {"id": "d", "platform": "Databricks", "status": "Requested", "updated_at": OLD},
        {"id": "d", "platform": "Databricks", "status": "In Progress", "updated_at": NEW},
        # Statuses without a platform are no doubles.
        {"id": "n1", "account_bsnid": "BSN001", "status": "Requested"},
        {"id": "n2", "account_bsnid": "BSN001", "status": "Completed"},
        account_bsnid="S",
    )


def test_what_can_be_repaired_is_and_the_rest_is_left(fixed: Fixed) -> None:
    assert fixed.code == 1
    assert fixed.found() == sorted(
        [
            "use_cases w2",
            "use_cases o2",
            "accounts AAA",
            "accounts GONE",
            "use_cases e1",
            *["accounts LINK"] * 4,
            "platforms_status n1",
            "platforms_status n2",
        ]
    )
    cases = {case["id"]: case for case in rows(fixed.wh, USE_CASES)}
    assert cases["o1"]["account_bsnid"] == "GONE"
    assert cases["w1"]["status"] == "On Hold"
    assert accounts.get(fixed.wh, "GONE").team == "GONE"


def test_all_are_counted_and_the_first_are_shown(fixed: Fixed) -> None:
    title = "Words that are not in the vocabulary"
    assert f"{title}: 10" in fixed.before
    assert "… and 4 more" in fixed.before
    assert f"{title}: repaired, 7 rows" in fixed.before


def test_what_is_dropped_of_accounts_is_said(fixed: Fixed) -> None:
    same = (
        "accounts SAME: 3 rows have this key, all with the same values [repair: keep one of them]"
    )
    assert same in fixed.before
    assert (
        "accounts TWICE: 2 rows have this key; another row has Team “Old” instead of “New”, "
        "VP “V” instead of “” [repair: keep the row that was changed last, and drop these values "
        "of the others]"
    ) in fixed.before
    assert "Keys that more than one row has: repaired, 4 keys" in fixed.before
    teams = [row["team"] for row in rows(fixed.wh, ACCOUNTS) if row["bsnid"] in ("SAME", "TWICE")]
    assert sorted(teams) == ["New", "Same"]


def test_records_that_share_an_id_all_stay(fixed: Fixed) -> None:
    """The row whose account exists keeps the id."""
    assert (
        "use_cases c: 3 rows have this key; another row has Account “AAA” instead of “BSN001”, "
        "Problem “Orphan’s” instead of “Known one’s” "
        "[repair: give each row with other values an id of its own]"
    ) in fixed.before
    found = {row["problem"]: row for row in rows(fixed.wh, USE_CASES)}
    assert found["Known one’s"]["id"] == "c"
    assert found["Known one’s"]["updated_at"] is None
    other = found["Orphan’s"]
    assert other["account_bsnid"] == "AAA"
    assert other["updated_by"] == SETTER
    assert uuid.UUID(other["id"])
    assert sum(row["problem"] == "Known one’s" for row in rows(fixed.wh, USE_CASES)) == 1


def test_the_latest_status_of_a_platform_stays_the_latest(fixed: Fixed) -> None:
    assert (
        "S: 2 statuses for SNOWFLAKE: “Completed” was set last, before that “requested”"
    ) in fixed.before
    assert _statuses(fixed.wh, "TWICE") == {("Snowflake", "Completed")}
    assert _statuses(fixed.wh, "S") == {("Snowflake", "Completed"), ("Databricks", "In Progress")}
    assert (None, "Requested") in _statuses(fixed.wh, "BSN001")
    assert (None, "Completed") in _statuses(fixed.wh, "BSN001")


def _statuses(wh: Warehouse, bsnid: str) -> set[tuple[str, str]]:
    found = [row for row in rows(wh, PLATFORMS_STATUS) if row["account_bsnid"] == bsnid]
    return {(row["platform"], row["status"]) for row in found}


def test_repairing_twice_changes_nothing_more(fixed: Fixed) -> None:
    before = [rows(fixed.wh, table) for table in TABLES]
    assert [repairs.repair(fixed.wh, check) for check in checks.CHECKS] == [0] * len(checks.CHECKS)
    assert [rows(fixed.wh, table) for table in TABLES] == before


def test_repairs_in_another_order_keep_the_latest_status(warehouse: Warehouse) -> None:
    _add_statuses(warehouse)
    for name in ("unknown-words", "double-statuses", "duplicate-keys", "double-statuses"):
        repairs.repair(warehouse, check_named(name))
    assert _statuses(warehouse, "S") == {("Snowflake", "Completed"), ("Databricks", "In Progress")}


def test_keys_are_repaired_in_their_table_only(
    warehouse: Warehouse, statements: Statements, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another table has no duplicates, no statement writes it."""
    _add_rows_that_share_an_id(warehouse)
    with monkeypatch.context() as patch:
        # While the repair runs, others add more such keys than it repairs.
        patch.setattr(repairs, "run_steps", lambda *_, **done: [0, 3])
        assert repairs.repair(warehouse, checks.DUPLICATES) == 0
    with statements() as done:
        assert repairs.repair(warehouse, checks.DUPLICATES) == 1
    written = [text.split()[2] for text in done if text.lstrip().startswith("MERGE")]
    assert written == [warehouse.namespace.table(table) for table in (OPERATIONS, USE_CASES)]
