"""Bulk changes at the same moment: of overlapping accounts, and the same form sent twice.

Each answer is true, and nothing is lost or duplicated, even if two inserts of one key do not
conflict.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.http import HttpResponse
from django.test import Client

from crm.model.records import Listing
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES
from crm.repository import operations
from crm.repository.bulk.actions import Action, SetField, SetStatus, WriteUpdate
from crm.repository.bulk.change import preview, write
from crm.repository.bulk.outcome import Outcome
from crm.repository.bulk.selection import Selection
from crm.repository.past import history
from crm.repository.past.history import Wanted
from crm.repository.records import platforms
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from ..concurrency import inserts_conflict
from ..conftest import LocalWarehouse
from ..pages.html import filled_in, parsed

KEYS = [f"B{n}" for n in range(6)]
UPDATE = WriteUpdate({"author": "Dana", "description": "Moved"})


@pytest.fixture(autouse=True)
def six(warehouse: Warehouse) -> Warehouse:
    insert_missing(warehouse, ACCOUNTS, [{"bsnid": key, "team": key} for key in KEYS])
    return warehouse


def at_once(*calls: Callable[[], Outcome]) -> list[Outcome]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [each.result() for each in [pool.submit(call) for call in calls]]


def planned(wh: Warehouse, action: Action, keys: list[str]) -> Callable[[], Outcome]:
    rows = preview(wh, Selection(Listing(), tuple(keys)), action).changes
    operation = operations.new(wh, operations.BULK)
    return lambda: write(wh, operation, action, rows)


def stored(wh: Warehouse, table: str, columns: str) -> list[tuple[str, ...]]:
    rows = wh.query(f"SELECT {columns} FROM {wh.namespace.quoted_schema}.{table}")
    return sorted(tuple(row.values()) for row in rows)


@pytest.mark.parametrize("conflicts", [True, False])
def test_two_people_set_a_status_of_overlapping_accounts(
    warehouse: Warehouse, someone_else: Warehouse, server: LocalWarehouse, conflicts: bool
) -> None:
    """Some accounts have a status already, others get their first one; each is set by one
    person."""
    for key in KEYS[:3]:
        platforms.set_status(warehouse, key, "Databricks", "Requested", None)
    mine = planned(warehouse, SetStatus("Databricks", "Completed"), KEYS[:5])
    theirs = planned(someone_else, SetStatus("Databricks", "In Progress"), KEYS[1:])
    with inserts_conflict(server, conflicts):
        outcomes = at_once(mine, theirs)
    found = stored(warehouse, PLATFORMS_STATUS.name, "account_bsnid, status, updated_by")
    assert [key for key, *_ in found] == KEYS
    people = {"Completed": warehouse.actor, "In Progress": someone_else.actor}
    assert all(people[status] == person for _, status, person in found)
    statuses = [status for _, status, _ in found]
    assert [each.written for each in outcomes] == [statuses.count(each) for each in people]
    for outcome, status in zip(outcomes, people, strict=True):
        others = {key for key, other, _ in found if other != status}
        assert {each.key for each in outcome.left} <= others
    shown = history.load(warehouse, Wanted()).changes
    assert {change.outside for change in shown if change.person} == {False}


def test_two_people_change_a_field_of_overlapping_accounts(
    warehouse: Warehouse, someone_else: Warehouse
) -> None:
    mine = planned(warehouse, SetField("vp", "Mine"), KEYS[:4])
    theirs = planned(someone_else, SetField("vp", "Theirs"), KEYS[2:])
    outcomes = at_once(mine, theirs)
    found = [vp for _, vp in stored(warehouse, ACCOUNTS.name, "bsnid, vp")]
    assert sorted({*found[:2], *found[4:]}) == ["Mine", "Theirs"]
    assert [each.written for each in outcomes] == [found.count("Mine"), found.count("Theirs")]


def test_one_form_is_sent_three_times_at_once(
    warehouse: Warehouse, server: LocalWarehouse
) -> None:
    for action, table in ((UPDATE, UPDATES), (SetStatus("Databricks", "Completed"), None)):
        call = planned(warehouse, action, KEYS)
        with inserts_conflict(server, False):
            outcomes = at_once(call, call, call)
        assert outcomes == [Outcome(6)] * 3
        name = (table or PLATFORMS_STATUS).name
        assert [key for (key,) in stored(warehouse, name, "account_bsnid")] == KEYS


def test_one_deletion_is_confirmed_twice_at_once(warehouse: Warehouse) -> None:
    of = "&".join(f"key={key}" for key in KEYS)
    page = Client().post("/accounts/bulk/preview/", {"of": of, "do": "delete"})
    form = filled_in(parsed(page).select_one(".bulk-confirm"))

    def confirm(client: Client) -> HttpResponse:
        return client.post("/accounts/bulk/run/", form, follow=True)

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(confirm, [Client(), Client()]))
    assert stored(warehouse, ACCOUNTS.name, "bsnid") == []
    said = [parsed(answer).get_text() for answer in answers]
    for text in said:
        assert "6 accounts were deleted." in text or "already deleted these accounts" in text
