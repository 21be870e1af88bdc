"""Recent changes, history and pages of the past with EDIP_AUTH=user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from crm import live
from crm.model.as_of_address import address
from crm.repository.records import accounts, use_cases
from crm.warehouse import Warehouse

from ..patience import next_second
from .conftest import ALICE, BOB, Browser, Workspace

SignedIn = Callable[..., Browser]


@pytest.fixture(autouse=True)
def at_once(settings: Any) -> Iterator[None]:
    settings.EDIP_LIVE_SECONDS = 1e-9
    live._watches.clear()
    yield
    live._watches.clear()


def open_page(browser: Browser) -> str:
    return browser.get("/live/").json()["cursor"]


def received(browser: Browser, seen: str) -> list[str]:
    answer = browser.get(f"/live/?cursor={seen}")
    assert answer.status_code == 200, answer.status_code
    return [each["record"] for each in answer.json()["changes"]]


def test_each_persons_pages_ask_with_their_rights(
    signed_in: SignedIn, workspace: Workspace, warehouse: Warehouse, account: str
) -> None:
    alice, bob = signed_in(ALICE, "SELECT"), signed_in(BOB, "SELECT")
    seen = open_page(alice), open_page(bob)
    use_cases.create(warehouse, account, "u-1", {"problem": "P"})
    for browser, cursor in ((alice, seen[0]), (bob, seen[1])):
        before = workspace.server.last()
        assert received(browser, cursor) == ["use_cases/u-1"]
        assert [s["user"] for s in workspace.server.statements(before)] == [browser.email]


def test_who_may_not_read_a_table_gets_no_change_that_others_get(
    signed_in: SignedIn, warehouse: Warehouse, account: str
) -> None:
    alice, bob = signed_in(ALICE, "SELECT"), signed_in(BOB, "EXECUTE")
    home = warehouse.namespace.quoted_schema
    warehouse.execute(f"GRANT SELECT ON TABLE {home}.`accounts` TO `{BOB}`", repeatable=True)
    seen = open_page(alice)
    use_cases.create(warehouse, account, "u-secret", {"problem": "P"})
    assert received(alice, seen) == ["use_cases/u-secret"]
    for path in ("/live/", f"/live/?cursor={seen}"):
        answer = bob.get(path)
        assert (answer.status_code, answer.content) == (410, b""), path


def test_who_loses_the_right_hears_no_more(
    signed_in: SignedIn, warehouse: Warehouse, account: str
) -> None:
    alice, bob = signed_in(ALICE, "SELECT"), signed_in(BOB, "SELECT")
    seen = open_page(alice)
    open_page(bob)
    home = warehouse.namespace.quoted_schema
    warehouse.execute(f"REVOKE SELECT ON SCHEMA {home} FROM `{BOB}`", repeatable=True)
    use_cases.create(warehouse, account, "u-secret", {"problem": "P"})
    assert received(alice, seen) == ["use_cases/u-secret"]
    answer = bob.get(f"/live/?cursor={seen}")
    assert (answer.status_code, answer.content) == (410, b"")


def test_an_expired_token_hears_nothing(
    signed_in: SignedIn, workspace: Workspace, warehouse: Warehouse, account: str
) -> None:
    alice = signed_in(ALICE, "SELECT")
    seen = open_page(alice)
    workspace.server._ask("DELETE", "/tokens", {"token": alice.token})
    use_cases.create(warehouse, account, "u-secret", {"problem": "P"})
    answer = alice.get(f"/live/?cursor={seen}")
    assert answer.status_code in (401, 503)
    assert b"u-secret" not in answer.content


def test_a_row_filter_holds_for_history_and_the_past(
    signed_in: SignedIn, warehouse: Warehouse, account: str
) -> None:
    """Databricks refuses the past of such a table to everybody; the pages say so."""
    accounts.create(
        warehouse, {"bsnid": "BSN-S", "team": "Secret team", "business_area": "Secret area"}
    )
    before = next_second()
    alice, bob = signed_in(ALICE, "SELECT"), signed_in(BOB, "SELECT", "MODIFY")
    assert "Secret team" in alice.get("/activity/").content.decode()
    home = warehouse.namespace
    function = f"{home.quoted_schema}.`may_see`"
    for statement in (
        f"CREATE FUNCTION {function}(bsnid STRING) RETURNS BOOLEAN "
        f"RETURN current_user() <> '{BOB}' OR bsnid <> 'BSN-S'",
        f"ALTER TABLE {home.quoted_schema}.`accounts` SET ROW FILTER {function} ON (bsnid)",
    ):
        warehouse.execute(statement, repeatable=True)
    assert bob.get("/live/").status_code == 410
    for path in (
        "/activity/",
        "/activity/?format=csv",
        "/accounts/BSN-S/history/",
        "/put-back/accounts/BSN-S/1/",
        address(before, "/accounts/"),
        address(before, "/accounts/BSN-S/"),
        address(before, "/accounts/BSN-S/since/"),
        address(before, "/since/"),
    ):
        answer = bob.get(path)
        body = answer.content.decode()
        assert answer.status_code in (404, 501), path
        assert "Secret" not in body, path
        if path in ("/activity/", address(before, "/accounts/")):
            assert "Row filters or column masks" in body, path
