"""Reverting a deletion: a record comes back with its children, from the history or by Undo."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from django.test import Client

from crm.model.schema import ACCOUNTS, UPDATES, Table
from crm.repository.past import history, revert_record
from crm.repository.past.history import Wanted
from crm.repository.past.revert_record import Reversal
from crm.repository.records import accounts, platforms, updates, use_cases
from crm.repository.steps import Earlier
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse
from ..pages.html import HTMX, filled_in, parsed, text, texts
from .conftest import confirm, confirmation


def test_a_deleted_child_comes_back_to_its_account_only(
    client: Client, bob: Warehouse, account: str, revert_link: Callable
) -> None:
    use_cases.create(bob, account, "u-1", {"problem": "P", "status": "Planning"})
    before = use_cases.get(bob, "u-1")
    use_cases.delete(bob, "u-1")
    assert confirm(client, link := revert_link(account)).status_code == 303
    now = use_cases.get(bob, "u-1")
    assert (now.problem, now.status, now.created_at) == ("P", "Planning", before.created_at)
    assert now.created_by == "bob@example.com"
    latest = history.load(bob, Wanted(bsnid=account)).changes[0]
    assert latest.what == "restored the use case “P”"
    page = client.get(f"/accounts/{account}/history/")
    assert not parsed(page).select(".change-deleted a[href^='/put-back/']")
    # From a page that was opened before, the second undo finds the record in its place.
    confirm(client, link)
    assert "already exists again" in text(parsed(client.get("/accounts/B1/")), "#toasts")
    require_account_first(client, bob, account, link)


def require_account_first(client: Client, bob: Warehouse, account: str, link: str) -> None:
    """A child of a deleted account does not come back without it."""
    accounts.delete(bob, account)
    ask = confirmation(client, link)
    assert "Bring the account back first" in text(ask, "[role=alert]")
    assert "comes back" not in ask.get_text()
    assert not ask.select(".button-primary")
    response = client.post(link)
    assert response.status_code == 409
    assert "Bring the account back first" in text(parsed(response), "[role=alert]")
    assert use_cases.get(bob, "u-1") is None


def test_a_deleted_account_with_all_that_went_with_it(
    client: Client, bob: Warehouse, account: str, revert_link: Callable
) -> None:
    platforms.set_status(bob, account, "Databricks", "Requested", None)
    for n in range(3):
        use_cases.create(bob, account, f"u-{n}", {"problem": f"P{n}"})
    updates.create(bob, account, "d-1", {"description": "D"})
    use_cases.delete(bob, "u-2")
    before = accounts.get_detail(bob, account)
    accounts.delete(bob, account)
    link = revert_link(account)
    assert texts(confirmation(client, link), "li")[0] == "1 platform status"
    confirm(client, link)
    after = accounts.get_detail(bob, account)
    assert {row.id for row in after.updates} == {"d-1"}
    # The child that was deleted earlier, by itself, does not come back.
    assert {row.id for row in after.use_cases} == {"u-0", "u-1"}
    assert [row.status for row in after.platforms] == ["Requested"]
    assert after.account.created_at == before.account.created_at


def test_another_under_the_same_key_is_left_alone(
    client: Client, bob: Warehouse, account: str, revert_link: Callable
) -> None:
    use_cases.create(bob, account, "u-1", {"problem": "P"})
    accounts.delete(bob, account)
    link = revert_link(account)
    accounts.create(bob, {"bsnid": account, "team": "Second life"})
    ask = confirmation(client, link)
    assert "another account was created with the same key" in ask.get_text()
    assert not ask.select(".button-primary")
    client.post(link)
    client.post(f"/undo/accounts/{account}/")
    detail = accounts.get_detail(bob, account)
    assert (detail.account.team, detail.use_cases) == ("Second life", ())


def test_a_second_try_brings_what_the_first_did_not_and_a_third_nothing_deleted_since(
    client: Client, bob: Warehouse, account: str, revert_link: Callable, server: LocalWarehouse
) -> None:
    for n in range(2):
        use_cases.create(bob, account, f"u-{n}", {"problem": f"P{n}"})
    accounts.delete(bob, account)
    link = revert_link(account)
    form = filled_in(confirmation(client, link).select_one("form"))
    server.fault("http_status", times=None, status=400, match=r"MERGE INTO \S*use_cases")
    assert client.post(link, form).status_code >= 500
    server.clear_faults()
    assert accounts.get_detail(bob, account).use_cases == ()
    assert "2 use cases" in confirmation(client, link).get_text()
    confirm(client, link)
    assert len(accounts.get_detail(bob, account).use_cases) == 2
    use_cases.delete(bob, "u-0")
    client.post(link)
    assert [row.id for row in accounts.get_detail(bob, account).use_cases] == ["u-1"]


def test_undo_right_after_a_delete(client: Client, bob: Warehouse, account: str) -> None:
    use_cases.create(bob, account, "u-1", {"problem": "P"})
    for headers in ({}, HTMX):
        client.post(f"/accounts/{account}/delete/", **headers)
        page = parsed(client.get("/admin-tools/export/"))
        undo = page.select_one("#toasts form")
        assert urlsplit(undo["action"]).path == f"/undo/accounts/{account}/"
        response = client.post(undo["action"], filled_in(undo))
        assert response.status_code == 303
        assert accounts.get(bob, account).team == "Claims"
        assert use_cases.get(bob, "u-1").problem == "P"
        client.get("/admin-tools/export/")  # shows that it is back


def test_two_people_undo_at_once(
    client: Client,
    bob: Warehouse,
    account: str,
    server: LocalWarehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second person reads that the account is back, not that another one has its key."""
    accounts.delete(bob, account)
    revert_deletion = revert_record.revert_deletion

    def second(wh: Warehouse, found: Reversal, earlier: Earlier) -> dict[Table, int]:
        monkeypatch.undo()
        assert Client().post("/undo/accounts/B1/").status_code == 303
        return revert_deletion(wh, found, earlier)

    monkeypatch.setattr(revert_record, "revert_deletion", second)
    assert client.post("/undo/accounts/B1/").status_code == 303
    shown = text(parsed(client.get("/accounts/B1/")), "#toasts")
    assert "Claims already exists again." in shown
    assert "Another" not in shown


def test_undo_of_a_child(client: Client, bob: Warehouse, account: str) -> None:
    updates.create(bob, account, "d-1", {"description": "D"})
    client.post("/updates/d-1/delete/")
    undo = parsed(client.get(f"/accounts/{account}/")).select_one("#toasts form")
    # It leads to the page of updates that has the update.
    place = client.post(undo["action"])["Location"]
    assert place == f"/accounts/{account}/?update=d-1#update-d-1"
    assert updates.get(bob, "d-1").description == "D"


def test_the_latest_deletion_is_found_though_the_record_is_back(warehouse: Warehouse) -> None:
    accounts.create(warehouse, {"bsnid": "B9", "team": "T"})
    assert revert_record.latest_deletion(warehouse, ACCOUNTS, "B9") is None
    accounts.delete(warehouse, "B9")
    deleted = revert_record.latest_deletion(warehouse, ACCOUNTS, "B9")
    assert deleted is not None
    accounts.create(warehouse, {"bsnid": "B9", "team": "T"})
    assert revert_record.latest_deletion(warehouse, ACCOUNTS, "B9") == deleted


def test_an_account_whose_answer_was_lost_comes_back_with_its_children(
    client: Client, bob: Warehouse, account: str, server: LocalWarehouse
) -> None:
    """The second run of the statement finds the account, which is no other one."""
    updates.create(bob, account, "d-1", {"description": "D"})
    accounts.delete(bob, account)
    server.fault("drop_after", match="MERGE INTO")
    response = client.post(f"/undo/accounts/{account}/")
    assert text(parsed(client.get(response["Location"])), "#toasts p").endswith("is back.")
    assert [row.id for row in accounts.get_detail(bob, account).updates] == ["d-1"]


def test_an_account_with_more_than_a_statement_takes(
    client: Client, bob: Warehouse, account: str, server: LocalWarehouse
) -> None:
    """Its children come back in several statements. If one fails, the page says which."""
    texts_of = {f"d-{n}": f"{n} {'é' * 19_990}" for n in range(30)}
    rows = [
        {"id": id, "account_bsnid": account, "description": text} for id, text in texts_of.items()
    ]
    insert_missing(bob, UPDATES, rows)
    accounts.delete(bob, account)
    server.fault("http_status", at=2, status=400, match=r"MERGE INTO \S*updates")
    page = parsed(client.post(f"/undo/accounts/{account}/"))
    assert texts(page, "main li") == [
        "Bring back the account",
        "Bring back its updates (part 1 of 2)",
        "Bring back its updates (part 2 of 2)",
    ]
    go_on = page.select_one("main form")
    assert client.post(go_on["action"], filled_in(go_on)).status_code == 303
    now = accounts.get_detail(bob, account).updates
    assert {row.id: row.description for row in now} == texts_of


def test_a_row_that_no_statement_takes_holds_nothing_else_back(
    client: Client, bob: Warehouse, account: str, revert_link: Callable
) -> None:
    for id in ("a-large", "b-small"):
        updates.create(bob, account, id, {"description": id})
    table = bob.namespace.table(UPDATES)
    enlarge = f"UPDATE {table} SET description = REPEAT('x', 1100000) WHERE id = 'a-large'"
    bob.execute(enlarge, repeatable=True)
    accounts.delete(bob, account)
    response = confirm(client, revert_link(account))
    page = parsed(response)
    assert (response.status_code, text(page, "h1")) == (413, "Only part of this was done")
    assert "too large for the warehouse" in text(page, ".lead")
    done, left = (texts(each, "li") for each in page.select(".half-done ul"))
    assert (done[0], len(left)) == ("Bring back the account", 1)
    # To continue would never help.
    assert not page.select("main form")
    assert [row.id for row in accounts.get_detail(bob, account).updates] == ["b-small"]
