"""Accounts that may be one team: their page, how it leads to a merge, and what a new one is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bs4 import BeautifulSoup
from django.test import Client

from crm.model.own_tables import OPERATIONS
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse
from .html import HTMX, filled_in, parsed, record_form, text, texts
from .test_bulk import GetPage


def test_similar_teams_are_shown_and_lead_to_a_merge_or_are_two_teams(
    client: Client,
    warehouse: Warehouse,
    make_account: Callable[..., str],
    get_page: GetPage,
    settings: Any,
) -> None:
    make_account("B1", team="Claims Operations")
    assert text(get_page("/similar-teams/"), ".lead").startswith("No two teams of one")
    make_account("B2", team="Ops, <claims> team")
    make_account("B3", team="Claims Operations", business_area="Retail")
    link = get_page("/accounts/").select_one("a[href='/similar-teams/']")
    page = get_page(link["href"])
    assert text(page, ".lead").startswith("1 pair of accounts may be one team")
    assert texts(page, "tbody th, tbody td") == [
        "Claims Operations B1",
        "Ops, <claims> team B2",
        "Finance",
        "The same words",
        "Compare Claims Operations and Ops, <claims> team "
        "Two teams: Claims Operations and Ops, <claims> team",
    ]
    assert page.select_one("tbody td a.button")["href"] == "/accounts/B1/merge/B2/"
    found = get_page("/accounts/B2/merge/")
    assert [a["href"] for a in found.select(".merge-found a")] == ["/accounts/B2/merge/B1/"]
    _require_two_teams_until_taken_back(client, get_page, page)
    _require_accounts_that_are_seen(client, warehouse)
    table = warehouse.namespace.table(OPERATIONS)
    warehouse.execute(f"DROP TABLE {table}", repeatable=False)
    page = parsed(client.post("/similar-teams/", {"one": "B1", "other": "B2"}, follow=True))
    assert "No decision was saved" in texts(page, "#toasts p")[0]
    assert text(page, ".lead").startswith("1 pair of accounts")
    settings.EDIP_EDITORS = ["somebody.else@example.com"]
    assert not get_page("/similar-teams/").select("a.button, td form")
    assert client.post("/similar-teams/", {"one": "B1", "other": "B2"}).status_code == 403


def _require_two_teams_until_taken_back(
    client: Client, get_page: GetPage, page: BeautifulSoup
) -> None:
    """Not a duplicate: neither is shown beside the other any more, until somebody takes it back."""
    for button, lead, other in (
        ("td form", "No other two teams of one", []),
        (".decided form", "1 pair of accounts", ["/accounts/B2/merge/B1/"]),
    ):
        form = filled_in(page.select_one(button)) | {
            each["name"]: each["value"] for each in page.select(f"{button} button[name]")
        }
        swapped = form | {"one": form["other"], "other": form["one"]}
        for sent in (form, swapped):
            page = parsed(client.post("/similar-teams/", sent, follow=True))
            assert text(page, ".lead").startswith(lead)
        found = get_page("/accounts/B2/merge/")
        assert [a["href"] for a in found.select(".merge-found a")] == other
        assert len(page.select(".decided li")) == 1 - len(other)


def _require_accounts_that_are_seen(client: Client, warehouse: Warehouse) -> None:
    assert client.post("/similar-teams/", {"one": "B1", "other": "B1"}).status_code == 404
    unseen = {"one": "B1", "other": "hidden or deleted"}
    for form in (unseen, unseen | {"do": "again"}):
        page = parsed(client.post("/similar-teams/", form, follow=True))
        assert not page.select(".decided")
        assert texts(page, "#toasts p") == [
            "There is no account “hidden or deleted” that you can see, so no decision was saved."
        ]
    wanted = f"SELECT COUNT(*) AS n FROM {warehouse.namespace.table(OPERATIONS)} WHERE kind = 'distinct'"
    assert warehouse.query(wanted)[0]["n"] == 0


def test_a_similar_team_is_named_before_another_account_is_created(
    client: Client, warehouse: Warehouse, make_account: Callable[..., str], server: LocalWarehouse
) -> None:
    make_account("B1", team="Claims Operations")
    typed: dict[str, Any] = {"team": "Ops Claims", "business_area": "Finance", "bsnid": "B2"}
    warned = parsed(client.get("/similar-teams/check/", typed, **HTMX))
    assert warned.select_one("a")["href"] == "/accounts/B1/"
    # What was typed is looked for again on saving if nothing was shown, also since nobody answered.
    assert not warned.select("[name=check]")
    server.fault("error", error_class="INTERNAL_ERROR", sqlstate="XX000")
    for _ in ("the statement fails", "nothing is like it"):
        unlike = client.get("/similar-teams/check/?team=Tax", **HTMX)
        assert unlike.status_code == 200
        assert not parsed(unlike).select("a")
        assert parsed(unlike).select("[name=check]")
    form = record_form(client.get("/accounts/new/")) | typed
    refused = client.post("/accounts/new/", form)
    assert refused.status_code == 422
    assert text(parsed(refused), "#similar .banner p") == "This team may have an account already:"
    assert text(parsed(refused), "#record .button-primary") == "Create anyway"
    assert accounts.get(warehouse, "B2") is None
    assert client.post("/accounts/new/", record_form(refused)).status_code == 303
    assert accounts.get(warehouse, "B2")
