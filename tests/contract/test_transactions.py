"""Deleting an account and its undo with transactions: all is done, or nothing, or the page says
what was done.

The other tests here run the same operations step by step.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from crm.identity import rights
from crm.model.schema import (
    ACCOUNTS,
    CHILDREN,
    PLATFORMS_STATUS,
    TABLES,
    UPDATES,
    USE_CASES,
)
from crm.repository import operations
from crm.repository.errors import AlreadyExists, Missing
from crm.repository.past import history, revert_record
from crm.repository.past.history import Wanted
from crm.repository.records import _deleting, accounts
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse, Statements
from ..pages.html import filled_in, parsed, texts
from .family import ORPHANS, STAMP, counts

DELETE = "Delete the account and all that belongs to it"
BLOCK = r"BEGIN ATOMIC\s+DELETE"


@pytest.fixture
def family(family_in_transactions: Warehouse) -> Warehouse:
    return family_in_transactions


def verbs(done: list[str]) -> list[list[str]]:
    """Return the first words of each statement; not of the check of the schema's version, which
    a process makes before its first write."""
    found = [re.sub(r"BEGIN ATOMIC\s+", "BEGIN ", text).strip().split()[:2] for text in done]
    return [words for words in found if words != ["SHOW", "TBLPROPERTIES"]]


def test_an_account_goes_and_comes_back_in_transactions(
    client: Client, family: Warehouse, statements: Statements
) -> None:
    before = accounts.get_detail(family, "B1")
    assert before
    for policies in (rights.masked_columns, rights.filtered_tables):
        policies(family)  # a process reads them once in ten minutes
    with statements() as done:
        assert client.post("/accounts/B1/delete/").status_code == 303
    assert [" ".join(words) for words in verbs(done)[:2]] == ["BEGIN UPDATE", "BEGIN DELETE"]
    assert [words[0] for words in verbs(done)[2:]] == ["SELECT"]
    assert counts(family) == [0, 0, 0, 0]
    # All deletions are one operation of one person, whatever the order of their commits.
    found = history.load(family, Wanted(bsnid="B1")).changes
    deleted = [each for each in found if each.after is None]
    assert [each.table for each in deleted] == [ACCOUNTS, UPDATES, USE_CASES, PLATFORMS_STATUS]
    assert len({each.operation for each in deleted}) == 1
    assert len({each.person for each in deleted} - {""}) == 1
    with statements() as done:
        assert client.post("/undo/accounts/B1/").status_code == 303
    assert [" ".join(words) for words in verbs(done) if "SELECT" not in words] == [
        "WITH changed",
        "BEGIN MERGE",
    ]
    after = accounts.get_detail(family, "B1")
    assert after
    assert counts(family) == [1, 1, 1, 1]
    assert after.account.team == before.account.team
    assert after.updates[0].description == before.updates[0].description


def test_children_that_seem_to_be_deleted_after_their_account_come_back_to_it_only(
    family: Warehouse,
) -> None:
    # The commits of a transaction have times of their own: here the account's comes first.
    operation = operations.new(family, operations.DELETE)
    stamp, delete = _deleting.together(family, operation, (ACCOUNTS, *CHILDREN), "B1")
    stamp.run()
    delete.run()
    nobody, _ = _deleting.together(family, operation, (ACCOUNTS, *CHILDREN), "B0")
    with pytest.raises(Missing):
        nobody.run()
    version = revert_record.latest_deletion(family, ACCOUNTS, "B1")
    found = revert_record.load(family, ACCOUNTS, "B1", version)
    assert {table: len(rows) for table, rows in found.rows.items()} == dict.fromkeys(TABLES, 1)
    changes = history.load(family, Wanted(bsnid="B1")).changes
    deleted = [each for each in changes if each.after is None]
    assert [each.operation for each in deleted] == [operation.id] * 4
    accounts.create(family, {"bsnid": "B1", "team": "Another"})
    with pytest.raises(AlreadyExists):
        revert_record.revert_deletion(family, found)
    assert counts(family) == [1, 0, 0, 0]


def test_a_lost_answer_is_settled_and_a_deletion_that_never_ran_is_reported(
    client: Client, family: Warehouse, server: LocalWarehouse, statements: Statements
) -> None:
    server.fault("drop_before", times=None, match=BLOCK)
    page = parsed(client.post("/accounts/B1/delete/"))
    done, left = (texts(part, "li") for part in page.select("main ul"))
    assert done == [STAMP]
    assert [each.split(" (")[0] for each in left] == [DELETE, ORPHANS]
    assert counts(family) == [1, 1, 1, 1]
    server.clear_faults()
    # An operation that was begun continues step by step. A DELETE whose answer is lost is sent
    # again.
    server.fault("drop_after", match=r"^\s*DELETE")
    go_on = page.select_one("main form")
    with statements() as sent:
        assert client.post(go_on["action"], filled_in(go_on)).status_code == 303
    assert "BEGIN" not in [words[0] for words in verbs(sent)]
    assert counts(family) == [0, 0, 0, 0]
    server.fault("drop_after", match=r"BEGIN ATOMIC\s+MERGE")
    assert client.post("/undo/accounts/B1/").status_code == 303
    assert counts(family) == [1, 1, 1, 1]


def test_an_edit_between_the_transactions_of_a_deletion_stays(
    client: Client, family: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Warehouse.execute_and_read

    def edit_first(self: Warehouse, sql: str, *args: Any, **options: Any) -> Any:
        if re.match(BLOCK, sql):
            monkeypatch.undo()
            seen = accounts.get(family, "B1").updated_at
            accounts.update(family, "B1", {"team": "Mine"}, seen)
        return run(self, sql, *args, **options)

    monkeypatch.setattr(Warehouse, "execute_and_read", edit_first)
    response = client.post("/accounts/B1/delete/")
    page = parsed(client.get(response["Location"]))
    assert "Somebody changed this account" in texts(page, "#toasts p")[-1]
    assert counts(family) == [1, 1, 1, 1]
    assert accounts.get(family, "B1").team == "Mine"


def test_a_lost_deletion_whose_repetition_is_refused_goes_on_step_by_step(
    family: Warehouse, server: LocalWarehouse, statements: Statements
) -> None:
    """The rows were stamped before, so the page must not say that there is no such account."""
    server.fault("drop_after", times=2, match=BLOCK)
    server.fault("conflict", at=3, match=BLOCK)
    with statements() as done:
        accounts.delete(family, "B1")
    sent = [" ".join(words) for words in verbs(done)]
    assert sent.count("BEGIN DELETE") == 3
    assert [sent.count(each) for each in ("MERGE INTO", "DELETE FROM")] == [3, 1]
    assert counts(family) == [0, 0, 0, 0]
    changes = history.load(family, Wanted(bsnid="B1")).changes
    deleted = [each for each in changes if each.after is None]
    assert len(deleted) == 4
    assert len({(each.operation, each.person) for each in deleted}) == 1


def test_a_refused_block_runs_step_by_step_and_no_other_is_tried(
    client: Client, family: Warehouse, server: LocalWarehouse, statements: Statements
) -> None:
    refusal = {"error_class": "TRANSACTION_NOT_SUPPORTED.PREVIEW_NOT_ENABLED", "sqlstate": "0A000"}
    server.fault("error", match=BLOCK, **refusal)
    # A conflict does not mean that the warehouse has no transactions: the next operation tries one
    # again.
    server.fault("conflict", match=r"BEGIN ATOMIC\s+UPDATE")
    with statements() as done:
        assert client.post("/accounts/B1/delete/").status_code == 303
    sent = [words[0] for words in verbs(done)]
    assert (sent.count("MERGE"), sent.count("DELETE")) == (3, 1)
    assert counts(family) == [0, 0, 0, 0]
    assert client.post("/undo/accounts/B1/").status_code == 303
    with statements() as done:
        assert client.post("/accounts/B1/delete/").status_code == 303
    sent = [words[0] for words in verbs(done)]
    assert (sent.count("MERGE"), sent.count("DELETE")) == (3, 1)
    assert sum("BEGIN" in words for words in verbs(done)) == 2
    with statements() as done:
        assert client.post("/undo/accounts/B1/").status_code == 303
    assert "BEGIN" not in [words[0] for words in verbs(done)]
    assert counts(family) == [1, 1, 1, 1]
