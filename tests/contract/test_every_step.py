"""Deleting an account and its undo fail at each of their statements, in each way."""

from __future__ import annotations

from itertools import count

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.model.schema import ACCOUNTS, TABLES, UPDATES
from crm.repository import atomic
from crm.repository.records import accounts, platforms, updates, use_cases
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse
from ..pages.html import filled_in, parsed, texts
from ..sizes import only_soak

FAULTS = {
    "refused": {"kind": "http_status", "status": 400},
    "dropped-before": {"kind": "drop_before"},
    "dropped-after": {"kind": "drop_after"},
    "cut": {"kind": "cut"},
    "garbage": {"kind": "garbage"},
    "conflict": {"kind": "conflict"},
}
# The statements that write, by path: step by step, and in transactions.
WRITES = {"/accounts/{}/delete/": r"^\s*(UPDATE|DELETE|MERGE)", "/undo/accounts/{}/": r"^\s*MERGE"}
BLOCKS = {
    "/accounts/{}/delete/": r"^\s*(BEGIN|UPDATE|DELETE|MERGE)",
    "/undo/accounts/{}/": r"^\s*(BEGIN|MERGE)",
}


def rows_of(wh: Warehouse, bsnid: str) -> list[bool]:
    """Return for each table whether it has the account's row."""
    sql = " UNION ALL ".join(
        f"SELECT {place} AS place, COUNT(*) AS n FROM {wh.namespace.table(table)} "
        f"WHERE {table.owner} = :bsnid"
        for place, table in enumerate(TABLES)
    )
    rows = sorted(wh.query(sql, {"bsnid": bsnid}), key=lambda row: row["place"])
    assert all(row["n"] <= 1 for row in rows)
    return [bool(row["n"]) for row in rows]


def require_truth(page: BeautifulSoup, wh: Warehouse, bsnid: str, *, deletes: bool) -> None:
    """Compare each step on the page with the rows of its table."""
    done, left = (texts(part, "li") for part in page.select("main ul"))
    for table, there in zip(TABLES, rows_of(wh, bsnid), strict=True):
        name = "the account" if table is ACCOUNTS else table.plural
        names = (name, "all that belongs to it")
        is_done = any(n in each and "Note" not in each for each in done for n in names)
        is_unsure = any(n in each and "may have been" in each for each in left for n in names)
        assert is_unsure or there is (is_done is not deletes), (table.name, done, left)


@only_soak
@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("path", WRITES)
def test_each_statement_fails(
    client: Client, warehouse: Warehouse, server: LocalWarehouse, fault: str, path: str
) -> None:
    n = fail_at_each(client, warehouse, server, fault, path, WRITES[path])
    assert n == (6 if path.endswith("/delete/") else 5)


@only_soak
@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("path", BLOCKS)
def test_each_transaction_fails(
    client: Client, with_transactions: Warehouse, server: LocalWarehouse, fault: str, path: str
) -> None:
    n = fail_at_each(client, with_transactions, server, fault, path, BLOCKS[path])
    # With a refusal or a conflict, the operation goes on step by step.
    assert n > 1


def fail_at_each(
    client: Client,
    warehouse: Warehouse,
    server: LocalWarehouse,
    fault: str,
    path: str,
    writes: str,
) -> int:
    """Let the first statement that writes fail, then the second, …, until none is left.

    Returns how many statements there were, and one more.
    """
    deletes = path.endswith("/delete/")
    for n in count(1):
        bsnid = f"B{n}"
        accounts.create(warehouse, {"bsnid": bsnid, "team": "Claims"})
        platforms.set_status(warehouse, bsnid, "Databricks", "Requested", None)
        use_cases.create(warehouse, bsnid, f"u-{n}", {"problem": "P"})
        updates.create(warehouse, bsnid, f"d-{n}", {"description": "D"})
        if not deletes:
            accounts.delete(warehouse, bsnid)
        server.fault(times=None, at=n, match=writes, **FAULTS[fault])
        response = client.post(path.format(bsnid))
        server.clear_faults()
        atomic._refused.clear()
        if response.status_code == 303:
            return n
        page = parsed(response)
        if page.select("main ul"):
            require_truth(page, warehouse, bsnid, deletes=deletes)
        form = page.select_one("main form")
        if form is None:
            assert n == 1 or writes == BLOCKS[path]
            assert rows_of(warehouse, bsnid) == [deletes] * 4
            continue
        assert client.post(form["action"], filled_in(form)).status_code == 303
        assert rows_of(warehouse, bsnid) == [not deletes] * 4
    raise AssertionError


@only_soak
def test_a_very_large_account_comes_back(client: Client, warehouse: Warehouse) -> None:
    """In several requests, if one deadline is too short for it."""
    accounts.create(warehouse, {"bsnid": "B1", "team": "Claims"})
    texts_of = {f"d-{n}": f"{n} {'x' * 1_000}" for n in range(8_000)}
    rows = [{"id": id, "account_bsnid": "B1", "description": t} for id, t in texts_of.items()]
    insert_missing(warehouse, UPDATES, rows)
    accounts.delete(warehouse, "B1")
    response = client.post("/undo/accounts/B1/")
    for _ in range(20):
        if response.status_code == 303:
            break
        form = parsed(response).select_one("main form")
        response = client.post(form["action"], filled_in(form))
    now = accounts.get_detail(warehouse, "B1").updates
    assert {row.id: row.description for row in now} == texts_of
