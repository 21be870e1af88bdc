from __future__ import annotations

from collections.abc import Callable

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.repository.records import accounts
from crm.warehouse import Warehouse
from tests.conftest import LocalWarehouse, Statements

from .html import HTMX, filled_in, parsed, record_form, text

See = Callable[..., BeautifulSoup]
HOSTILE = "'; DROP TABLE accounts; -- %_\\ <script>alert(1)</script> 🎉 שלום {{ x }} :bsnid"


@pytest.fixture
def account(make_account: Callable[..., str]) -> str:
    return make_account(team="Claims", vp="Vera", azure_devops_link="https://a.example/x")


def edit(client: Client, bsnid: str, changes: dict[str, str], **headers: str):
    form = record_form(client.get(f"/accounts/{bsnid}/edit/"))
    return client.post(f"/accounts/{bsnid}/edit/", form | changes, **headers)


def test_the_form_creates_an_account(client: Client, warehouse: Warehouse) -> None:
    form = record_form(client.get("/accounts/new/"))
    values = {"bsnid": "B-1", "team": HOSTILE, "business_area": "R&D"}
    response = client.post("/accounts/new/", form | values)
    assert response.status_code == 303
    assert response["Location"] == "/accounts/B-1/"
    page = parsed(client.get("/accounts/B-1/"))
    assert text(page, "h1") == HOSTILE
    assert text(page, "#toasts .toast-success p") == "The account B-1 was created."
    # The message is shown only once.
    assert not parsed(client.get("/accounts/B-1/")).select(".toast-success")


def test_create_by_htmx_sends_the_browser_on(client: Client, warehouse: Warehouse) -> None:
    values = {"bsnid": "B-1", "team": "T", "business_area": "A"}
    response = client.post("/accounts/new/", values, **HTMX)
    assert response["HX-Redirect"] == "/accounts/B-1/"


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "part"])
def test_an_invalid_form_keeps_what_was_typed(
    client: Client, warehouse: Warehouse, headers: dict[str, str]
) -> None:
    typed = {"bsnid": "a b", "team": "", "vp": HOSTILE, "azure_devops_link": "javascript:x"}
    response = client.post("/accounts/new/", typed, **headers)
    assert response.status_code == 422
    soup = parsed(response)
    assert bool(soup.select_one("h1")) is not bool(headers)
    kept = filled_in(soup.select_one("#record form"))
    assert {name: kept[name] for name in typed} == typed
    wrong = {field["name"] for field in soup.select("[aria-invalid=true]")}
    assert wrong == {"bsnid", "team", "business_area", "azure_devops_link"}
    for field in soup.select("[aria-invalid=true]"):
        described = field["aria-describedby"].split()
        assert all(soup.find(id=name) for name in described)
        assert soup.select_one(f".banner a[href='#{field['id']}']")


def test_an_existing_bsnid_is_an_error_at_its_field(client: Client, account: str) -> None:
    response = client.post(
        "/accounts/new/", {"bsnid": account, "team": "Other", "business_area": "A"}
    )
    assert response.status_code == 422
    assert "exists already" in text(parsed(response), "#id_bsnid_error")


def test_a_bsnid_that_differs_only_in_capitals_leads_to_its_account(
    client: Client, warehouse: Warehouse
) -> None:
    accounts.create(warehouse, {"bsnid": "AB-1", "team": "T", "business_area": "A"})
    values = {"team": "Other", "business_area": "A"}
    response = client.post("/accounts/new/", {"bsnid": " ab-1 ", **values})
    assert response.status_code == 422
    error = parsed(response).select_one("#id_bsnid_error")
    assert "The BSNID of account AB-1 differs only in capitals or blanks." in error.text
    assert client.get(error.select_one("a")["href"]).status_code == 200


def test_100_kb_are_refused_with_the_limit(client: Client, account: str) -> None:
    response = edit(client, account, {"azure_devops_link": "https://a.example/" + "x" * 100_000})
    assert response.status_code == 422
    assert "4,000" in text(parsed(response), "#id_azure_devops_link_error")


def test_the_form_changes_an_account(client: Client, account: str, warehouse: Warehouse) -> None:
    response = edit(client, account, {"vp": HOSTILE, "azure_devops_link": ""})
    assert (response.status_code, response["Location"]) == (303, f"/accounts/{account}/")
    saved = accounts.get(warehouse, account)
    assert (saved.vp, saved.azure_devops_link, saved.team) == (HOSTILE, None, "Claims")
    page = parsed(client.get(edit(client, account, {})["Location"]))
    assert text(page, ".toast-info p") == "Nothing changed: the account says all this already."
    assert accounts.get(warehouse, account) == saved


def test_statements_of_an_edit(client: Client, account: str, statements: Statements) -> None:
    with statements() as done:
        form = record_form(client.get(f"/accounts/{account}/edit/"))
    assert len(done) == 1
    with statements() as done:
        client.post(f"/accounts/{account}/edit/", form | {"vp": "Other"})
    assert len(done) == 1


@pytest.mark.parametrize("seen", ["", "garbage", "2020-01-01T00:00:00+00:00"])
def test_a_form_that_does_not_know_its_version_overwrites_nothing(
    client: Client, account: str, warehouse: Warehouse, seen: str
) -> None:
    changes = {"vp": "Mine", "updated_at": seen, "shown": ""}
    assert edit(client, account, changes).status_code == 409
    assert accounts.get(warehouse, account).vp == "Vera"


def test_deleted_meanwhile_offers_to_create_anew(
    client: Client, account: str, someone_else: Warehouse
) -> None:
    form = record_form(client.get(f"/accounts/{account}/edit/"))
    accounts.delete(someone_else, account)
    response = client.post(f"/accounts/{account}/edit/", form | {"vp": "Mine"})
    assert response.status_code == 409
    soup = parsed(response)
    assert "deleted in the meantime" in text(soup, ".banner h2")
    assert soup.select_one("#record form")["action"] == "/accounts/new/"
    again = filled_in(soup.select_one("#record form"))
    assert again["vp"] == "Mine"
    assert client.post("/accounts/new/", again).status_code == 303
    assert accounts.get(someone_else, account).vp == "Mine"


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "part"])
def test_a_warehouse_that_does_not_answer_loses_nothing(
    client: Client, account: str, server: LocalWarehouse, headers: dict[str, str]
) -> None:
    form = record_form(client.get(f"/accounts/{account}/edit/"))
    server.fault("conflict", times=None)
    response = client.post(f"/accounts/{account}/edit/", form | {"vp": "Mine"}, **headers)
    assert response.status_code == 409
    soup = parsed(response)
    assert soup.select_one(".banner-error h2")
    assert filled_in(soup.select_one("#record form"))["vp"] == "Mine"


def test_there_is_no_such_account(client: Client, warehouse: Warehouse) -> None:
    response = client.get("/accounts/NOPE/edit/")
    assert response.status_code == 404
    assert "NOPE" in text(parsed(response), ".lead")
