"""Two people with different rights undo each other's changes, where policies protect a table."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crm.model.schema import ACCOUNTS, UPDATES, USE_CASES
from crm.repository.records import accounts, updates, use_cases
from crm.warehouse import Warehouse

from ..broken_rows import insert
from ..contract.creating import words_of
from ..pages.html import parsed
from .conftest import ALICE, BOB, Browser
from .test_hidden_keys import count, toasts

SignedIn = Callable[..., Browser]
REPAIR = "/admin-tools/integrity/unknown-words/"


@pytest.fixture
def protected(warehouse: Warehouse, masked: str) -> Warehouse:
    """Of the accounts only: a mask hides VPs from Bob, and a row filter the account HIDDEN."""
    accounts.create(warehouse, {"bsnid": "HIDDEN", "team": "Alice's"})
    use_cases.create(warehouse, masked, "u-1", {"problem": "P", "status": "Active"})
    use_cases.create(warehouse, "HIDDEN", "u-2", {"problem": "Q", "status": "Active"})
    updates.create(warehouse, masked, "n-1", {"author": "Ana", "description": "D"})
    schema = warehouse.namespace.quoted_schema
    condition = f"current_user() <> '{BOB}' OR value <> 'HIDDEN'"
    for statement in (
        f"CREATE FUNCTION {schema}.`seen`(value STRING) RETURNS BOOLEAN RETURN {condition}",
        f"ALTER TABLE {warehouse.namespace.table(ACCOUNTS)} "
        f"SET ROW FILTER {schema}.`seen` ON (bsnid)",
    ):
        warehouse.execute(statement, repeatable=True)
    return warehouse


@pytest.fixture
def people(protected: Warehouse, signed_in: SignedIn) -> tuple[Browser, Browser]:
    """Alice, who sees everything, and Bob. Both may change what they see."""
    return tuple(signed_in(email, "SELECT", "MODIFY") for email in (ALICE, BOB))  # type: ignore[return-value]


def deleted(who: Browser, path: str) -> str:
    """Delete a record through its page, and return where the toast undoes it; empty if nowhere."""
    answer = who.post(f"{path}delete/")
    form = parsed(who.get(answer["Location"])).select_one("#toasts form[action^='/undo/']")
    return str(form["action"]) if form else ""


def test_children_of_protected_accounts_come_back(
    people: tuple[Browser, Browser], protected: Warehouse
) -> None:
    alice, bob = people
    for who, other, path, table in (
        (alice, bob, "/use-cases/u-1/", USE_CASES),
        (bob, alice, "/updates/n-1/", UPDATES),
    ):
        undo = deleted(who, path)
        assert count(protected, table, "account_bsnid = 'BSN001'") == 0
        assert other.post(undo).status_code == 303
        assert count(protected, table, f"updated_by = '{other.email}'") == 1
        assert "already exists again" in toasts(who, who.post(undo)["Location"])
    assert accounts.get(protected, "BSN001").vp == "Vera Lind"


def test_a_hidden_account_is_not_said_to_be_gone(
    people: tuple[Browser, Browser], protected: Warehouse
) -> None:
    alice, bob = people
    undo = deleted(bob, "/use-cases/u-2/")
    answer = bob.post(undo)
    assert answer.status_code == 409
    assert "or a row filter hides it from you" in words_of(answer)
    assert "Bring the account back" not in words_of(answer)
    assert count(protected, USE_CASES, "id = 'u-2'") == 0
    assert alice.post(undo).status_code == 303
    assert count(protected, USE_CASES, "id = 'u-2'") == 1


def test_what_cannot_be_undone_says_so(
    people: tuple[Browser, Browser], protected: Warehouse
) -> None:
    """The warehouse reads no history of protected tables, but lets people change them."""
    _, bob = people
    insert(protected, USE_CASES, id="u-3", account_bsnid="BSN001", problem="R", status="active")
    assert "You cannot undo this here, because a policy protects" in words_of(bob.get(REPAIR))
    answer = bob.post(REPAIR)
    assert "1 row was repaired" in toasts(bob, answer["Location"])
    assert count(protected, USE_CASES, "id = 'u-3' AND status = 'Active'") == 1
    assert deleted(bob, "/accounts/BSN001/") == ""
