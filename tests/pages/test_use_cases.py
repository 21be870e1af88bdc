from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.model.records import Listing
from crm.repository.records import accounts, use_cases
from crm.warehouse import Warehouse
from tests.conftest import LocalWarehouse, Statements

from .html import HTMX, filled_in, parsed, record_form, text, texts

See = Callable[..., BeautifulSoup]
Make = Callable[..., str]


@pytest.fixture
def account(claims_account: str) -> str:
    return claims_account


def test_sending_a_new_one_twice_makes_one(
    client: Client, account: str, warehouse: Warehouse
) -> None:
    form = record_form(client.get("/accounts/BSN001/use-cases/new/"))
    assert uuid.UUID(form["id"])
    values = form | {"problem": "Too slow", "status": "Active"}
    for _ in range(2):
        response = client.post("/accounts/BSN001/use-cases/new/", values)
        assert response.status_code == 303
        key = form["id"]
        assert response["Location"] == f"/accounts/BSN001/?use_case={key}#use-case-{key}"
    assert use_cases.search(warehouse, Listing()).total == 1


def test_an_invalid_new_one_keeps_what_was_typed(client: Client, account: str) -> None:
    form = record_form(client.get("/accounts/BSN001/use-cases/new/"))
    response = client.post("/accounts/BSN001/use-cases/new/", form | {"solution": "Faster"})
    assert response.status_code == 422
    kept = record_form(response)
    assert (kept["solution"], kept["id"]) == ("Faster", form["id"])
    assert texts(parsed(response), ".field-errors li") == [
        "Fill in the problem.",
        "Choose the status.",
    ]


def test_the_account_is_deleted_while_one_writes(
    client: Client, account: str, warehouse: Warehouse
) -> None:
    form = record_form(client.get("/accounts/BSN001/use-cases/new/"))
    accounts.delete(warehouse, account)
    values = form | {"problem": "Too slow", "status": "Active"}
    response = client.post("/accounts/BSN001/use-cases/new/", values)
    assert response.status_code == 409
    assert text(parsed(response), ".banner h2") == "The account was deleted in the meantime"
    assert record_form(response)["problem"] == "Too slow"


def test_no_form_for_an_account_that_is_not_there(client: Client, warehouse: Warehouse) -> None:
    assert client.get("/accounts/NOPE/use-cases/new/").status_code == 404


def test_edit_keeps_an_unknown_word(
    client: Client, account: str, make_use_case: Make, warehouse: Warehouse
) -> None:
    key = make_use_case(status="Paused", enablement_tier="Tier 1")
    form = record_form(client.get(f"/use-cases/{key}/edit/"))
    assert (form["status"], form["enablement_tier"]) == ("Paused", "Tier 1")
    response = client.post(f"/use-cases/{key}/edit/", form | {"solution": "A\r\nB"})
    assert response.status_code == 303
    saved = use_cases.get(warehouse, key)
    assert (saved.status, saved.solution) == ("Paused", "A\nB")


def test_edit_refuses_a_word_that_nobody_knows(
    client: Client, account: str, make_use_case: Make
) -> None:
    key = make_use_case()
    form = record_form(client.get(f"/use-cases/{key}/edit/"))
    response = client.post(f"/use-cases/{key}/edit/", form | {"status": "Whatever"})
    assert response.status_code == 422


def test_two_edits_of_one_field_are_a_conflict(
    client: Client, account: str, make_use_case: Make, someone_else: Warehouse
) -> None:
    key = make_use_case(status="Paused")
    form = record_form(client.get(f"/use-cases/{key}/edit/"))
    current = use_cases.get(someone_else, key)
    theirs = {"problem": "Theirs", "status": "Active"}
    use_cases.update(someone_else, key, theirs, current.updated_at)
    for headers in ({}, HTMX):
        response = client.post(f"/use-cases/{key}/edit/", form | {"problem": "Mine"}, **headers)
        assert response.status_code == 409
        kept = record_form(response)
        # I did not change the status: the other person's value is kept.
        assert (kept["problem"], kept["status"]) == ("Mine", "Active")
        assert "Theirs" in texts(parsed(response), ".asked .prose")


def test_a_use_case_that_was_deleted_meanwhile_cannot_be_saved(
    client: Client, account: str, make_use_case: Make, warehouse
) -> None:
    key = make_use_case()
    form = record_form(client.get(f"/use-cases/{key}/edit/"))
    use_cases.delete(warehouse, key)
    response = client.post(f"/use-cases/{key}/edit/", form | {"problem": "Mine"})
    assert response.status_code == 409
    again = parsed(response).select_one("#record form")
    assert again["action"] == "/accounts/BSN001/use-cases/new/"
    assert client.post(again["action"], filled_in(again)).status_code == 303
    assert use_cases.search(warehouse, Listing()).rows[0].problem == "Mine"


def test_back_to_where_one_came_from(client: Client, account: str, make_use_case: Make) -> None:
    key = make_use_case()
    form = record_form(client.get(f"/use-cases/{key}/edit/?next=/use-cases/%3Fpage%3D2"))
    response = client.post(f"/use-cases/{key}/edit/", form)
    assert response["Location"] == "/use-cases/?page=2"


def test_next_leads_to_no_other_site(client: Client, account: str, make_use_case: Make) -> None:
    key = make_use_case()
    for url in ("//evil.example/", "https://evil.example/", "javascript:x"):
        form = record_form(client.get(f"/use-cases/{key}/edit/", {"next": url}))
        assert form["next"] == f"/accounts/BSN001/?use_case={key}#use-case-{key}"
        response = client.post(f"/use-cases/{key}/edit/", form | {"next": url})
        assert response["Location"].startswith("/accounts/BSN001/"), url


def test_the_page_deletes_a_use_case(
    client: Client, get_page: See, account: str, make_use_case: Make, warehouse
) -> None:
    key = make_use_case(problem="Too slow")
    page = get_page(f"/use-cases/{key}/delete/")
    assert text(page, "blockquote") == "Too slow"
    form = page.select_one(".ask form")
    response = client.post(form["action"], filled_in(form))
    assert response["Location"] == "/accounts/BSN001/"
    assert use_cases.get(warehouse, key) is None


def test_the_list_shows_finds_and_filters_use_cases(
    client: Client, get_page: See, account: str, make_use_case: Make, statements: Statements
) -> None:
    make_use_case(problem="Slow <b>reports</b>", status="Active")
    make_use_case(problem="Silos", status="Paused", platform="Databricks")
    with statements() as done:
        page = get_page("/use-cases/?status=Paused&sort=team")
    assert len(done) == 1
    assert texts(page, "tbody .row-link") == ["Silos"]
    assert texts(get_page("/use-cases/?q=<b>"), "tbody .row-link") == ["Slow <b>reports</b>"]
    assert parsed(client.get("/use-cases/", **HTMX)).select_one("h1") is None


def test_a_filter_has_its_values_known_words_first(
    get_page: See, account: str, make_use_case: Make
) -> None:
    for status in ("Paused", "Paused", "Active", "Planning"):
        make_use_case(status=status)
    part = get_page("/use-cases/facet/status/?status=Active", **HTMX)
    assert texts(part, ".facet-value") == ["Planning", "Active", "Paused"]
    assert texts(part, ".facet-number") == ["1", "1", "2"]
    assert [box["value"] for box in part.select("[checked]")] == ["Active"]


def test_a_lost_answer_keeps_the_form(
    client: Client, account: str, server: LocalWarehouse, make_use_case: Make
) -> None:
    key = make_use_case()
    form = record_form(client.get(f"/use-cases/{key}/edit/"))
    server.fault("expired_token", times=None)
    response = client.post(f"/use-cases/{key}/edit/", form | {"problem": "Mine"}, **HTMX)
    assert response.status_code == 503
    assert response["HX-Reswap"] == "outerHTML"
    assert record_form(response)["problem"] == "Mine"
