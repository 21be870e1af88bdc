"""Several people write at the same moment: no row is duplicated and none is lost."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from crm.model.schema import ACCOUNTS
from crm.repository.errors import Missing
from crm.repository.records import accounts, platforms, use_cases
from crm.warehouse import Warehouse

from ..concurrency import inserts_conflict
from ..conftest import LocalWarehouse
from ..sizes import size, soak
from .html import HTMX, record_form


@pytest.fixture
def account(account_of_vera: str) -> str:
    return account_of_vera


def at_once(number: int, attempt: Callable[[int], Any]) -> list[Any]:
    """Run ``attempt(0)`` to ``attempt(number - 1)`` at the same moment; return their results."""
    barrier = threading.Barrier(number)

    def run(which: int) -> Any:
        barrier.wait()
        try:
            return attempt(which)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))


@pytest.fixture(params=[True, False], ids=["inserts conflict", "inserts do not conflict"])
def both_ways(request: pytest.FixtureRequest, server: LocalWarehouse) -> Iterator[None]:
    with inserts_conflict(server, request.param):
        yield


@pytest.mark.usefixtures("both_ways")
def test_four_people_add_the_same_account(client: Client, warehouse: Warehouse) -> None:
    def add(number: int) -> int:
        values = {"bsnid": "B-1", "team": f"Team {number}", "business_area": "Finance"}
        return Client().post("/accounts/new/", values).status_code

    codes = at_once(4, add)
    assert sorted(codes) == [303, 422, 422, 422]
    rows = warehouse.query(f"SELECT team FROM {warehouse.namespace.table(ACCOUNTS)}")
    assert rows == [{"team": f"Team {codes.index(303)}"}]


def test_keys_that_are_almost_the_same_at_once(
    client: Client, warehouse: Warehouse, server: LocalWarehouse
) -> None:
    keys = ("b-1", "B-1", "b-1", "B-1")

    def add(number: int) -> tuple[int, str]:
        values = {"bsnid": keys[number], "team": f"T{number}", "business_area": "Finance"}
        answer = Client().post("/accounts/new/", values)
        return answer.status_code, answer.content.decode()

    with inserts_conflict(server, False):
        answers = at_once(4, add)
    assert sorted(code for code, _ in answers) == [303, 422, 422, 422]
    (row,) = warehouse.query(f"SELECT bsnid, team FROM {warehouse.namespace.table(ACCOUNTS)}")
    assert answers[int(row["team"][1])][0] == 303
    for key, (code, content) in zip(keys, answers, strict=True):
        if code == 422:
            differs = "differs only in capitals or blanks" in content
            assert differs == (key != row["bsnid"])


@pytest.mark.usefixtures("both_ways")
def test_four_people_set_the_same_platform(
    client: Client, account: str, warehouse: Warehouse
) -> None:
    words = ("Requested", "In Progress", "Completed", "Not Started")

    def set_it(number: int) -> tuple[int, str]:
        data = {"platform": "Databricks", "status": words[number], "updated_at": ""}
        answer = Client().post(f"/accounts/{account}/platforms/", data, **HTMX)
        return answer.status_code, answer.content.decode()

    answers = at_once(4, set_it)
    (row,) = platforms.list_for(warehouse, account)
    assert sorted(code for code, _ in answers) == [200, 409, 409, 409]
    assert answers[words.index(row.status)][0] == 200
    for code, content in answers:
        # The later ones see the status that was set.
        assert code == 200 or re.search(rf"{row.status}", content)


def test_edits_of_different_fields_at_once_all_land(
    client: Client, account: str, warehouse: Warehouse
) -> None:
    fields = ("team", "vp", "admin", "primary_it_partner")
    path = f"/accounts/{account}/edit/"
    form = record_form(client.get(path))
    answers = at_once(
        4, lambda n: Client().post(path, form | {fields[n]: f"Mine {n}"}).status_code
    )
    assert answers == [303] * 4
    now = accounts.get(warehouse, account)
    assert [getattr(now, name) for name in fields] == [f"Mine {n}" for n in range(4)]


@soak
def test_a_child_added_while_its_account_is_deleted(warehouse: Warehouse) -> None:
    """Whichever is first, no child is left without its account."""
    outcomes = set()
    for n in range(size(4, 12)):
        bsnid = f"B-{n}"
        accounts.create(warehouse, {"bsnid": bsnid, "team": "T"})

        def attempt(number: int, bsnid: str = bsnid) -> str:
            try:
                if number == 0:
                    accounts.delete(warehouse, bsnid)
                elif number == 1:
                    use_cases.create(warehouse, bsnid, f"u-{bsnid}", {"problem": "P"})
                else:
                    platforms.set_status(warehouse, bsnid, "Databricks", "Requested", None)
            except Missing:
                return "missing"
            return "done"

        done = at_once(3, attempt)
        assert done[0] == "done"
        outcomes |= set(done[1:])
        assert accounts.get(warehouse, bsnid) is None
        assert use_cases.get(warehouse, f"u-{bsnid}") is None
        assert platforms.list_for(warehouse, bsnid) == ()
    assert outcomes <= {"done", "missing"}


def test_a_child_that_slips_in_between_is_taken_along(
    warehouse: Warehouse, someone_else: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its account's children are deleted already, the account itself is not yet."""
    accounts.create(warehouse, {"bsnid": "B", "team": "T"})
    run = Warehouse.execute

    def slow(self: Warehouse, sql: str, *args: Any, **kwargs: Any) -> int:
        if "DELETE FROM" in sql and "`accounts`" in sql:
            monkeypatch.undo()
            use_cases.create(someone_else, "B", "late", {"problem": "P"})
        return run(self, sql, *args, **kwargs)

    monkeypatch.setattr(Warehouse, "execute", slow)
    accounts.delete(warehouse, "B")
    assert use_cases.get(warehouse, "late") is None
