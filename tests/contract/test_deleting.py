"""Deleting missing records, and records of which a row filter hides a part."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import pytest
from bs4 import Tag
from django.test import Client

from crm.model.schema import ACCOUNTS, TABLE_BY_NAME, UPDATES
from crm.repository import atomic, operations
from crm.repository.operations import Operation
from crm.repository.records import _deleting, accounts, updates
from crm.repository.steps import Earlier
from crm.warehouse import Warehouse
from crm.warehouse import statements as sending

from ..conftest import LocalWarehouse, Statements
from ..pages.html import parsed, record_form
from .creating import words_of
from .family import counts

TYPED = {
    "accounts": {"team": "Renamed", "business_area": "Finance"},
    "updates": {"description": "Written again", "author": "A", "date": "2026-03-31"},
}
ACCOUNT, UPDATE = "/accounts/B1/delete/", "/updates/d-1/delete/"


def toasts(client: Client, path: str) -> Tag:
    """Post to the path, which redirects, and return the messages of the next page."""
    response = client.post(path)
    assert response.status_code == 303
    return parsed(client.get(response["Location"])).select_one("#toasts")


def is_reported_as_deleted(toast: Tag) -> bool:
    """Return whether the message says so and has Undo; otherwise it must have neither."""
    is_told = "was deleted." in toast.get_text()
    assert is_told == (toast.select_one("form[action^='/undo/']") is not None)
    assert is_told != ("nothing was deleted now" in toast.get_text())
    return is_told


def test_only_deleted_records_are_reported_as_deleted(
    client: Client, family: Warehouse, someone_else: Warehouse
) -> None:
    updates.delete(someone_else, "d-1")
    # Not what never existed, nor what somebody else has deleted.
    for path in ("/accounts/NOPE/delete/", "/use-cases/nope/delete/", UPDATE):
        assert not is_reported_as_deleted(toasts(client, path)), path
    assert counts(family) == [1, 1, 1, 0]
    # A person's second click gets the same message as the first one.
    assert is_reported_as_deleted(toasts(client, ACCOUNT))
    assert is_reported_as_deleted(toasts(client, ACCOUNT))
    assert client.post("/undo/accounts/B1/").status_code == 303
    assert counts(family) == [1, 1, 1, 0]


def test_two_clicks_at_once(
    client: Client, family: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "CONFLICT_ATTEMPTS", 5)
    clients = [Client(), Client()]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda each: toasts(each, ACCOUNT), clients))
    assert all(map(is_reported_as_deleted, found))
    assert counts(family) == [0, 0, 0, 0]


def stamp_twice(writes: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the person's second click stamp the account right after the first one.

    Return the ids of both deletions, as soon as there are any.
    """
    run, ids = writes.run, []

    def run_and_stamp(wh: Warehouse, operation: Operation, *args: Any, **kwargs: Any) -> Any:
        result = run(wh, operation, *args, **kwargs)
        if not ids:
            second = _deleting.begin(wh, ACCOUNTS, "B1")
            ids.extend([operation.id, second.id])
            assert _deleting.stamp(wh, second, ACCOUNTS, "B1").run() == 1
        return result

    monkeypatch.setattr(writes, "run", run_and_stamp)
    return ids


def test_a_second_click_may_stamp_after_the_first(
    client: Client, family: Warehouse, statements: Statements, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = stamp_twice(operations, monkeypatch)
    with statements() as done:
        assert is_reported_as_deleted(toasts(client, ACCOUNT))
    # Its children are deleted with it, instead of being found and stamped afterwards.
    assert sum(each.lstrip().startswith("UPDATE") for each in done) == 2
    assert counts(family) == [0, 0, 0, 0]
    assert len(set(ids)) == 2


def test_continue_takes_no_second_attempt_of_the_person_for_an_edit(family: Warehouse) -> None:
    first, second = (_deleting.begin(family, ACCOUNTS, "B1") for _ in range(2))
    for operation in (first, second):
        _deleting.stamp(family, operation, ACCOUNTS, "B1").run()
    accounts.delete(family, "B1", Earlier(operation=first.id, done=1))
    assert counts(family) == [0, 0, 0, 0]


def test_a_second_click_may_stamp_between_two_transactions(
    client: Client,
    family_in_transactions: Warehouse,
    statements: Statements,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = stamp_twice(atomic, monkeypatch)
    with statements() as done:
        assert is_reported_as_deleted(toasts(client, ACCOUNT))
    assert sum("BEGIN ATOMIC" in each for each in done) == 2
    assert counts(family_in_transactions) == [0, 0, 0, 0]
    assert len(set(ids)) == 2


@pytest.mark.parametrize("at", [1, 2], ids=["stamp", "delete"])
def test_a_deletion_whose_answer_was_lost_is_reported_as_deleted(
    client: Client, family: Warehouse, server: LocalWarehouse, at: int
) -> None:
    server.fault("drop_after", at=at, match=r"^\s*(UPDATE|DELETE)")
    assert is_reported_as_deleted(toasts(client, UPDATE))
    assert counts(family) == [1, 1, 1, 0]


def test_an_edit_that_a_deletion_was_before_says_so(
    client: Client, family: Warehouse, someone_else: Warehouse, server: LocalWarehouse
) -> None:
    """The warehouse reports only a conflict."""
    for path, table in (("/updates/d-1/edit/", "updates"), ("/accounts/B1/edit/", "accounts")):
        form = record_form(client.get(path)) | TYPED[table]
        server.fault("conflict", match=rf"UPDATE \S*{table}")
        response = client.post(path, form)
        assert response.status_code == 409
        assert "the second attempt usually works" in words_of(response), "it exists"
        accounts.delete(someone_else, "B1") if table == "accounts" else updates.delete(
            someone_else, "d-1"
        )
        server.fault("conflict", match=rf"UPDATE \S*{table}")
        response = client.post(path, form)
        assert response.status_code == 409
        assert "was deleted" in words_of(response)
        assert "second attempt" not in words_of(response)
        assert record_form(response).items() >= TYPED[table].items()


def test_an_account_that_somebody_edits_after_the_stamp_keeps_its_children(
    client: Client, family: Warehouse, someone_else: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Warehouse.execute

    def act(self: Warehouse, sql: str, *args: Any, **kwargs: Any) -> int:
        count = run(self, sql, *args, **kwargs)
        if sql.lstrip().startswith("UPDATE") and "`accounts`" in sql:
            monkeypatch.undo()
            seen = accounts.get(someone_else, "B1").updated_at
            accounts.update(someone_else, "B1", {"team": "Mine"}, seen)
        return count

    monkeypatch.setattr(Warehouse, "execute", act)
    assert "Somebody changed this account" in toasts(client, ACCOUNT).get_text()
    assert counts(family) == [1, 1, 1, 1]


def test_an_orphan_that_somebody_moves_meanwhile_stays(
    family: Warehouse, someone_else: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.create(family, {"bsnid": "B2", "team": "T"})
    run, table = Warehouse.execute, family.namespace.table(UPDATES)

    def act_first(self: Warehouse, sql: str, *args: Any, **kwargs: Any) -> int:
        if "DELETE FROM" in sql and "`accounts`" in sql:
            updates.create(someone_else, "B1", "late", {"description": "D"})
        if "DELETE FROM" in sql and "`updates`" in sql and "late" in args[0].values():
            monkeypatch.undo()
            moved = "SET account_bsnid = 'B2', change_id = 'moved' WHERE id = 'late'"
            run(someone_else, f"UPDATE {table} {moved}", repeatable=True)
        return run(self, sql, *args, **kwargs)

    monkeypatch.setattr(Warehouse, "execute", act_first)
    accounts.delete(family, "B1")
    assert updates.get(family, "late").account_bsnid == "B2"
    assert counts(family) == [1, 0, 0, 1]


def test_an_orphan_that_its_author_takes_back_meanwhile_is_no_fault(
    family: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "_orphans", lambda *_: [(UPDATES, "gone")])
    accounts.delete(family, "B1")
    assert counts(family) == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("path", "table"), [(UPDATE, "updates"), (ACCOUNT, "accounts")], ids=["update", "account"]
)
def test_an_edit_between_stamp_and_deletion_stays(
    client: Client,
    family: Warehouse,
    someone_else: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    table: str,
) -> None:
    """Deleted with the other person's stamp, the history would say that nobody knows who did it."""
    run = Warehouse.execute

    def edit_first(self: Warehouse, sql: str, *args: Any, **kwargs: Any) -> int:
        if f"DELETE FROM {family.namespace.table(TABLE_BY_NAME[table])}" in sql:
            monkeypatch.undo()
            if table == "accounts":
                seen = accounts.get(someone_else, "B1").updated_at
                accounts.update(someone_else, "B1", {"team": "Mine"}, seen)
            else:
                seen = updates.get(someone_else, "d-1").updated_at
                updates.update(someone_else, "d-1", {"description": "Mine"}, seen)
        return run(self, sql, *args, **kwargs)

    monkeypatch.setattr(Warehouse, "execute", edit_first)
    toast = toasts(client, path)
    assert "Somebody changed this" in toast.get_text()
    if table == "accounts":
        assert accounts.get(family, "B1").team == "Mine"
    else:
        assert updates.get(family, "d-1").description == "Mine"
