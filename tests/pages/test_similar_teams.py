"""The page of similar teams, its way to a merge, and the warning on a new account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bs4 import BeautifulSoup
from django.test import Client

from crm.model.own_tables import OPERATIONS
from crm.repository.past import history
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse
from .html import HTMX, filled_in, parsed, record_form, text, texts
from .test_bulk import GetPage


def pressed(page: BeautifulSoup, selector: str) -> dict[str, Any]:
    """Return what the first of these forms sends when its button is pressed."""
    form = page.select_one(selector)
    return filled_in(form) | {each["name"]: each["value"] for each in form.select("button[name]")}


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
        "The same words, or words that mean the same",
        "Compare Claims Operations and Ops, <claims> team "
        "Two teams: Claims Operations and Ops, <claims> team",
    ]
    assert page.select_one("tbody td a.button")["href"] == "/accounts/B1/merge/B2/"
    found = get_page("/accounts/B2/merge/")
    assert [a["href"] for a in found.select(".merge-found a")] == ["/accounts/B2/merge/B1/"]
    _require_two_teams_until_taken_back(client, warehouse, get_page, page)
    _require_accounts_that_are_seen(client, warehouse)
    _require_focus_on_the_next_pair(client, make_account, get_page)
    for bsnid in ("B4", "B5"):
        accounts.delete(warehouse, bsnid)
    table = warehouse.namespace.table(OPERATIONS)
    warehouse.execute(f"DROP TABLE {table}", repeatable=False)
    page = parsed(client.post("/similar-teams/", {"one": "B1", "other": "B2"}, follow=True))
    assert "No decision was saved" in texts(page, "#toasts p")[0]
    assert text(page, ".lead").startswith("1 pair of accounts")
    settings.EDIP_EDITORS = ["somebody.else@example.com"]
    assert not get_page("/similar-teams/").select("a.button, td form")
    assert client.post("/similar-teams/", {"one": "B1", "other": "B2"}).status_code == 403


def _require_two_teams_until_taken_back(
    client: Client, warehouse: Warehouse, get_page: GetPage, page: BeautifulSoup
) -> None:
    """After *Two teams* neither page shows the other account any more, until somebody takes that
    back."""
    for button, lead, other in (
        ("td form", "No other two teams of one", []),
        (".decided form", "1 pair of accounts", ["/accounts/B2/merge/B1/"]),
    ):
        form = pressed(page, button)
        swapped = form | {"one": form["other"], "other": form["one"]}
        for sent in (form, swapped):
            page = parsed(client.post("/similar-teams/", sent, follow=True))
            assert text(page, ".lead").startswith(lead)
        if not other:
            _require_no_author(warehouse)
        found = get_page("/accounts/B2/merge/")
        assert [a["href"] for a in found.select(".merge-found a")] == other
        assert len(page.select(".decided li")) == 1 - len(other)


def _require_no_author(warehouse: Warehouse) -> None:
    """Whoever only decided has changed no record, so the activity's filter does not offer them."""
    table = warehouse.namespace.table(OPERATIONS)
    sql = f"UPDATE {table} SET person = 'Dee' WHERE kind = 'distinct'"
    assert warehouse.execute(sql, repeatable=True) == 1
    assert history.people(warehouse) == [warehouse.actor]


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


def _require_focus_on_the_next_pair(
    client: Client, make_account: Callable[..., str], get_page: GetPage
) -> None:
    """The focus goes to the next pair, or to what is left on the page."""
    make_account("B4", team="Tax Desk"), make_account("B5", team="Desk, Tax")
    page = get_page("/similar-teams/")
    focused = []
    for button in ("td form", "td form", ".decided form", ".decided form"):
        page = parsed(client.post("/similar-teams/", pressed(page, button), follow=True))
        focused.append(text(page, "main [autofocus]"))
    assert focused == [
        "Compare Tax Desk and Desk, Tax",
        "No other two teams of one business area have nearly the same name, and no other two "
        "BSNIDs are nearly the same.",
        "Show it again: Tax Desk and Desk, Tax",
        text(page, ".lead"),
    ]
    assert not get_page("/similar-teams/").select("main [autofocus]")


def test_a_similar_team_is_named_before_another_account_is_created(
    client: Client, warehouse: Warehouse, make_account: Callable[..., str], server: LocalWarehouse
) -> None:
    make_account("B1", team="Claims Operations")
    typed: dict[str, Any] = {"team": "Ops Claims", "business_area": "Finance", "bsnid": "B2"}
    warned = parsed(client.get("/similar-teams/check/", typed, **HTMX))
    assert warned.select_one("a")["href"] == "/accounts/B1/"
    assert text(warned, "#anyway[hx-swap-oob] button") == "Create anyway"
    server.fault("error", error_class="INTERNAL_ERROR", sqlstate="XX000")
    for _ in ("the statement fails", "nothing is like it"):
        unlike = client.get("/similar-teams/check/?team=Tax", **HTMX)
        assert unlike.status_code == 200
        assert not parsed(unlike).select("a, button")
    form = record_form(client.get("/accounts/new/")) | typed
    # Enter presses the first button, which creates nothing while the warning is shown, however
    # often.
    for _ in range(2):
        refused = client.post("/accounts/new/", form)
        assert refused.status_code == 422
        page = parsed(refused)
        assert texts(page, "#similar .key") == ["B1"]
        assert texts(page, "#record .actions button") == ["Create account", "Create anyway"]
        assert not page.select_one("#record button").has_attr("name")
        form = record_form(refused)
    # *Create anyway* ignores the teams that the page named, and no others.
    button = page.select_one("#anyway button")
    anyway = form | {button["name"]: button["value"]}
    make_account("B3", team="Claims Ops")
    refused = client.post("/accounts/new/", anyway)
    assert refused.status_code == 422
    assert texts(parsed(refused), "#similar .key") == ["B3", "B1"]
    assert accounts.get(warehouse, "B2") is None
    named = [each["value"] for each in parsed(refused).select("#similar [name=named]")]
    # If the account is refused for another reason, the warning stays.
    taken = client.post("/accounts/new/", anyway | {"named": named, "bsnid": "B3"})
    assert texts(parsed(taken), "#anyway button") == ["Create anyway"]
    assert client.post("/accounts/new/", anyway | {"named": named}).status_code == 303
    assert accounts.get(warehouse, "B2")
