"""What copied tables do not say keeps its stored value, unless empty values clear it."""

from __future__ import annotations

import pytest

from crm.importing import copy_tables
from crm.importing.findings import Findings
from crm.importing.importer import Options
from crm.importing.rows import CLEAR, KEEP
from crm.model.namespace import Namespace
from crm.model.schema import ACCOUNTS, USE_CASES
from crm.repository.records import accounts, use_cases
from crm.warehouse import Warehouse

OLD_ACCOUNTS = (
    "CREATE TABLE {} (bsnid STRING, team STRING, vp STRING)",
    "INSERT INTO {} VALUES ('B1', 'T', NULL)",
)


@pytest.fixture
def old(warehouse: Warehouse, namespace: Namespace) -> Namespace:
    """The place of a table with an account that has no VP there, and one here."""
    old = Namespace(namespace.catalog, namespace.schema, "old_")
    for sql in OLD_ACCOUNTS:
        warehouse.execute(sql.format(old.table(ACCOUNTS)), repeatable=False)
    accounts.create(warehouse, {"bsnid": "B1", "team": "T", "vp": "V", "admin": "A"})
    return old


@pytest.mark.parametrize(
    ("empty", "vp", "leader", "written"),
    [(KEEP, "V", "L", [0, 1]), (CLEAR, None, None, [1, 1])],
)
def test_only_clear_empties_stored_values(
    warehouse: Warehouse,
    old: Namespace,
    empty: str,
    vp: str | None,
    leader: str | None,
    written: list[int],
) -> None:
    for sql in (
        f"CREATE TABLE {old.table(USE_CASES)} (id STRING, account_bsnid STRING, problem STRING, "
        "leader STRING)",
        f"INSERT INTO {old.table(USE_CASES)} VALUES ('u1', 'B1', 'New', ' ')",
    ):
        warehouse.execute(sql, repeatable=False)
    case = {"problem": "Old", "leader": "L", "status": "Active"}
    use_cases.create(warehouse, "B1", "u1", case)
    with Findings() as findings:
        options = Options(on_conflict="update", empty=empty)
        results = copy_tables.run(warehouse, old, options, findings)
    assert [each.written for each in results] == written
    assert all(each.verified for each in results)
    found = accounts.get_detail(warehouse, "B1")
    assert (found.account.vp, found.account.admin) == (vp, "A")
    stored = found.use_cases[0]
    assert (stored.problem, stored.leader, stored.status) == ("New", leader, "Active")


def test_empty_values_keep_stored_ones_if_nothing_is_said(
    warehouse: Warehouse, old: Namespace
) -> None:
    with Findings() as findings:
        results = copy_tables.run(warehouse, old, Options(on_conflict="update"), findings)
    assert [(each.written, each.verified) for each in results] == [(0, True)]
    assert accounts.get(warehouse, "B1").vp == "V"
