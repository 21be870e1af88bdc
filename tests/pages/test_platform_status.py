from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from django.http import HttpResponse
from django.test import Client

from crm.repository.records import platforms
from crm.warehouse import Warehouse
from tests.conftest import LocalWarehouse, Statements

from .html import HTMX, filled_in, parsed, text, texts

See = Callable[..., BeautifulSoup]


@pytest.fixture
def account(plain_account: str) -> str:
    return plain_account


def card(soup: BeautifulSoup, platform: str) -> Tag:
    names = {
        each.select_one(".platform-name").get_text(): each for each in soup.select(".platform")
    }
    return names[platform]


def set_status(client: Client, soup: BeautifulSoup, status: str, **headers: Any) -> HttpResponse:
    form = card(soup, "Databricks").form
    return client.post(form["action"], filled_in(form) | {"status": status}, **headers)


def stored(warehouse: Warehouse) -> dict[str, str]:
    return {row.platform: row.status for row in platforms.list_for(warehouse, "BSN001")}


def test_a_status_is_set_without_javascript(
    client: Client, get_page: See, account: str, warehouse: Warehouse, statements: Statements
) -> None:
    page = get_page("/accounts/BSN001/")
    with statements() as done:
        response = set_status(client, page, "Requested")
    assert len(done) == 2
    assert (response.status_code, response["Location"]) == (303, "/accounts/BSN001/#platforms")
    assert stored(warehouse) == {"Databricks": "Requested"}


def test_htmx_gets_the_fresh_card_and_a_toast(
    client: Client, get_page: See, account: str, warehouse: Warehouse, statements: Statements
) -> None:
    page = get_page("/accounts/BSN001/")
    with statements() as done:
        response = set_status(client, page, "Requested", **HTMX)
    assert len(done) == 2
    part = parsed(response)
    assert part.select_one("html") is None
    assert text(card(part, "Databricks"), "summary .badge") == "Requested"
    assert not card(part, "Databricks").has_attr("open")
    assert part.select_one("[hx-swap-oob='beforeend:#toasts'] .toast-success")
    # The card has its row's new version: the status can be set again.
    assert set_status(client, part, "Completed", **HTMX).status_code == 200
    assert stored(warehouse) == {"Databricks": "Completed"}


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "part"])
def test_somebody_was_first(
    client: Client, get_page: See, account: str, someone_else: Warehouse, headers: dict[str, str]
) -> None:
    page = get_page("/accounts/BSN001/")
    platforms.set_status(someone_else, "BSN001", "Databricks", "Completed", None)
    response = set_status(client, page, "Requested", **headers)
    assert response.status_code == 409
    soup = parsed(response)
    assert card(soup, "Databricks").has_attr("open")
    note = text(card(soup, "Databricks"), ".platform-note:not([hidden])")
    assert "bob@example.com set the status to Completed" in note
    assert filled_in(card(soup, "Databricks"))["status"] == "Requested"
    assert set_status(client, soup, "Requested", **headers).status_code in {200, 303}
    assert stored(someone_else) == {"Databricks": "Requested"}


def test_words_that_only_the_data_know(
    client: Client, get_page: See, account: str, warehouse
) -> None:
    platforms.set_status(warehouse, "BSN001", "Databricks", "Paused", None)
    platforms.set_status(warehouse, "BSN001", "Fabric", "Completed", None)
    page = get_page("/accounts/BSN001/")
    assert texts(page, "#platforms .platform-name")[-1] == "Fabric"
    assert "Paused" in texts(card(page, "Databricks"), "label")
    assert set_status(client, page, "Paused").status_code == 303


def test_other_words_are_refused(client: Client, account: str, warehouse: Warehouse) -> None:
    refused: list[dict[str, str]] = [
        {"platform": "Databricks", "status": "Whatever"},
        {"platform": "Databricks", "status": ""},
        {"platform": "Oracle", "status": "Completed"},
        {"platform": "'; DROP TABLE accounts; --", "status": "Completed"},
        {"platform": "a\0b", "status": "Completed"},
        {},
    ]
    for posted in refused:
        response = client.post("/accounts/BSN001/platforms/", posted)
        assert response.status_code == 422, posted
        assert parsed(response).select_one(".platform-note:not([hidden])"), posted
    assert stored(warehouse) == {}


def test_an_account_that_is_gone(client: Client, warehouse: Warehouse) -> None:
    posted = {"platform": "Databricks", "status": "Completed"}
    assert client.post("/accounts/NOPE/platforms/", posted).status_code == 404


def test_get_without_a_platform_finds_nothing(client: Client, warehouse: Warehouse) -> None:
    assert client.get("/accounts/BSN001/platforms/").status_code == 404
    assert client.delete("/accounts/BSN001/platforms/").status_code == 405


def test_a_failure_keeps_the_choice_without_javascript(
    client: Client, get_page: See, account: str, warehouse: Warehouse, server: LocalWarehouse
) -> None:
    page = get_page("/accounts/BSN001/")
    server.fault("expired_token", times=None)
    response = set_status(client, page, "Requested")
    server.clear_faults()
    assert response.status_code == 503
    assert stored(warehouse) == {}
    form = parsed(response).select_one("main form")
    assert "Send again" in form.get_text()
    assert client.post(form["action"], filled_in(form)).status_code == 303
    assert stored(warehouse) == {"Databricks": "Requested"}


def test_a_failure_leaves_the_card_alone_with_htmx(
    client: Client, get_page: See, account: str, server: LocalWarehouse
) -> None:
    """The card has a hidden mark, which a script shows (tests/browser)."""
    page = get_page("/accounts/BSN001/")
    assert card(page, "Databricks").select_one("[data-unconfirmed][hidden]")
    server.fault("expired_token", times=None)
    response = set_status(client, page, "Requested", **HTMX)
    assert response.status_code == 503
    assert response["HX-Retarget"] == "#toasts"


DIALOG = {**HTMX, "HTTP_HX_TARGET": "dialog"}


def test_a_list_sets_a_status_in_a_dialog(
    client: Client, get_page: See, account: str, warehouse: Warehouse, statements: Statements
) -> None:
    platforms.set_status(warehouse, "BSN001", "Snowflake", "Requested", None)
    links = get_page("/accounts/").select("td a.set-status")
    assert [each.get_text() for each in links] == [
        "Databricks, Team BSN001: Not Started",
        "Snowflake, Team BSN001: Requested",
        "Power Platform, Team BSN001: Not Started",
    ]
    link = links[1]["href"]
    with statements() as done:
        dialog = get_page(link, **DIALOG)
    assert len(done) == 1
    assert text(dialog, "dialog h2") == "Snowflake Team BSN001 BSN001"
    form = dialog.select_one("dialog form")
    data = filled_in(form) | {"status": "Completed"}
    with statements() as done:
        answer = parsed(client.post(form["action"], data, **DIALOG))
    assert len(done) == 2
    assert stored(warehouse) == {"Snowflake": "Completed"}
    # The dialog is empty then, and the link that opened it gets the new status.
    assert not answer.select("dialog, form")
    swapped = answer.select_one(".badge[hx-swap-oob]")
    assert swapped["hx-swap-oob"] == f'outerHTML:a[href="{link}"] .badge'
    assert swapped.get_text().strip() == "Completed"
    # Somebody was first: the dialog says so, and asks again.
    response = client.post(form["action"], data | {"status": "In Progress"}, **DIALOG)
    assert response.status_code == 409
    again = parsed(response)
    assert "set the status to Completed in the meantime" in text(
        again, "[role=alert]:not([hidden])"
    )
    assert text(again, "dialog .button-primary") == "Save my choice anyway"
    assert text(again, "dialog h2") == "Snowflake Team BSN001 BSN001"
    assert client.get(link.replace("BSN001", "NONE"), **DIALOG).status_code == 404


def test_without_javascript_the_status_has_a_page(
    client: Client, get_page: See, account: str, warehouse: Warehouse, settings: Any
) -> None:
    link = get_page("/accounts/").select("a.set-status")[0]["href"]
    page = get_page(link)
    assert text(page, "h1") == "Databricks"
    assert card(page, "Databricks").has_attr("open")
    assert set_status(client, page, "Requested").status_code == 303
    assert stored(warehouse) == {"Databricks": "Requested"}
    same = set_status(client, get_page(link), "Requested")
    said = "Nothing changed: Databricks is Requested already."
    assert text(parsed(client.get(same["Location"])), ".toast-info p") == said
    assert client.get("/accounts/BSN001/platforms/?platform=Oracle").status_code == 404
    settings.EDIP_EDITORS = ["somebody.else@example.com"]
    assert client.get(link).status_code == 403
    assert not get_page("/accounts/").select("a.set-status")
