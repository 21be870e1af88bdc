from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.model.schema import ACCOUNTS
from crm.repository.records import platforms
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from ..conftest import Statements
from ..schemas import CONTENTS
from .html import HTMX, parsed, text, texts

See = Callable[..., BeautifulSoup]
TEAMS = "tbody th .row-link"


def insert_three(wh: Warehouse) -> None:
    rows = [
        {"bsnid": "BSN001", "team": "Claims", "business_area": "Finance", "vp": "Vera"},
        {"bsnid": "BSN002", "team": "Audit", "business_area": "Retail", "vp": "Victor"},
        {"bsnid": "BSN003", "team": "Bonds", "business_area": "Finance"},
    ]
    insert_missing(wh, ACCOUNTS, rows)
    platforms.set_status(wh, "BSN001", "Databricks", "Completed", None)
    platforms.set_status(wh, "BSN002", "Databricks", "Paused", None)


CONTENTS["three_accounts"] = insert_three


@pytest.fixture
def three_accounts(warehouse: Warehouse) -> None:
    """Three accounts."""


@pytest.mark.usefixtures("three_accounts")
def test_page_and_part(client: Client, get_page: See) -> None:
    page = get_page("/accounts/")
    assert text(page, "h1") == "Accounts"
    assert texts(page, TEAMS) == ["Audit", "Bonds", "Claims"]

    response = client.get("/accounts/?q=claims", **HTMX)
    part = parsed(response)
    assert part.select_one("html, h1") is None
    assert part.select_one("#listing") is not None
    assert texts(part, TEAMS) == ["Claims"]
    assert "HX-Request" in response["Vary"]
    assert response["HX-Push-Url"] == "/accounts/?q=claims"


@pytest.mark.usefixtures("three_accounts")
def test_going_back_gets_the_whole_page(get_page: See) -> None:
    page = get_page("/accounts/", **HTMX, HTTP_HX_HISTORY_RESTORE_REQUEST="true")
    assert text(page, "h1") == "Accounts"


@pytest.mark.usefixtures("three_accounts")
def test_the_list_costs_one_statement(client: Client, statements: Statements) -> None:
    with statements() as done:
        client.get("/accounts/?q=a&status=Completed&sort=-team")
    assert len(done) == 1


@pytest.mark.usefixtures("three_accounts")
def test_filters_chips_and_facets(get_page: See) -> None:
    page = get_page("/accounts/?business_area=Finance&business_area=Retail&status=Completed")
    assert texts(page, TEAMS) == ["Claims"]
    assert len(page.select(".chip")) == 3
    without = parse_qs(urlsplit(page.select(".chip")[0]["href"]).query)
    assert without == {"business_area": ["Retail"], "status": ["Completed"]}
    ticked = page.select("#facet-business_area input[checked]")
    assert {box["value"] for box in ticked} == {"Finance", "Retail"}
    # The other values come when the filter is opened, or by a link without JavaScript.
    filter = page.select_one("#facet-status")
    assert texts(filter, ".facet-value") == ["Completed"]
    part = get_page(f"{filter['hx-get']}?status=Completed&of=1", **HTMX)
    # A word that is only in the data can be a filter; known words come first.
    assert texts(part, ".facet-value") == ["Not Started", "Completed", "Paused"]
    assert [box["value"] for box in part.select("[checked]")] == ["Completed"]
    values = get_page(filter.select_one("a")["href"])
    assert text(values, "h1") == "Filter by Onboarding status"
    form = values.select("main form")[1]
    assert form["action"] == "/accounts/"
    kept = [(field["name"], field["value"]) for field in form.select("[type=hidden]")]
    assert kept == [("business_area", "Finance"), ("business_area", "Retail")]
    assert texts(form, ".facet-value") == ["Not Started", "Completed", "Paused"]
    assert texts(form, ".facet-number") == ["1", "1", "1"]


@pytest.mark.usefixtures("three_accounts")
def test_filter_for_empty_values(get_page: See) -> None:
    page = get_page("/accounts/?vp=")
    assert texts(page, TEAMS) == ["Bonds"]
    assert texts(page, "#facet-vp .facet-value") == ["No value"]
    part = get_page("/accounts/facet/vp/?vp=", **HTMX)
    assert sorted(texts(part, ".facet-value")) == ["No value", "Vera", "Victor"]


@pytest.mark.usefixtures("three_accounts")
def test_sort_links_say_their_direction(get_page: See) -> None:
    page = get_page("/accounts/?sort=-team")
    assert texts(page, TEAMS) == ["Claims", "Bonds", "Audit"]
    assert page.select_one("th[aria-sort]")["aria-sort"] == "descending"
    for link in page.select("th a.sort-link"):
        assert link["href"] == link["hx-get"]


@pytest.mark.usefixtures("three_accounts")
def test_a_wrong_url_is_no_error(client: Client) -> None:
    for query in (
        "sort=nonsense&page=0&nope=1",
        "sort=--team&page=-1&q=%00",
        "sort=team;DROP&page=x&status=%00",
        "page=99999999999",
        f"page={'9' * 5000}",
        "page=²",
    ):
        assert client.get(f"/accounts/?{query}").status_code == 200, query


@pytest.mark.usefixtures("three_accounts")
def test_hostile_searches_find_nothing(get_page: See) -> None:
    for q in ("'; DROP TABLE accounts; --", "%", "_", "\\", "x" * 5000, "🦄"):
        page = get_page(f"/accounts/?q={quote(q)}")
        assert texts(page, TEAMS) == [], q
        assert text(page, ".empty h2") == "Nothing matches", q


def test_the_first_visit_says_what_to_do(get_page: See, warehouse: Warehouse) -> None:
    page = get_page("/accounts/")
    assert text(page, ".empty h2") == "No accounts yet"
    assert page.select_one(".empty a[href='/accounts/new/']")


def test_a_long_list_has_pages(get_page: See, warehouse: Warehouse) -> None:
    rows = [{"bsnid": f"B{n:03}", "team": f"Team {n:03}"} for n in range(60)]
    insert_missing(warehouse, ACCOUNTS, rows)
    page = get_page("/accounts/?q=team&page=2")
    assert texts(page, ".count") == ["26–50 of 60 accounts"] * 2
    assert text(page, "[aria-live] .count")
    assert text(page, ".pagination [aria-current]") == "Page 2"
    assert page.select_one("a[rel=next]")["href"] == "/accounts/?q=team&page=3"
    assert page.select_one("a[rel=prev]")["href"] == "/accounts/?q=team"
    # A page number beyond the end shows the last page.
    assert text(get_page("/accounts/?page=9"), "#listing .count") == "51–60 of 60 accounts"


def test_a_filter_with_very_many_values_stays_readable(
    get_page: See, client: Client, warehouse: Warehouse, statements: Statements
) -> None:
    rows = [{"bsnid": f"B{n:03}", "team": "T", "vp": f"VP {n:03}"} for n in range(130)]
    insert_missing(warehouse, ACCOUNTS, rows)
    page = get_page("/accounts/?vp=VP 129")
    assert [box["value"] for box in page.select("#facet-vp input")] == ["VP 129"]
    path = page.select_one("#facet-vp")["hx-get"]
    with statements() as done:
        part = get_page(f"{path}?vp=VP 129&of=1", **HTMX)
    assert len(done) == 1
    # The first eight, and what is chosen.
    found = [box["value"] for box in part.select("[type=checkbox]")]
    assert found == [*(f"VP {n:03}" for n in range(8)), "VP 129"]
    assert text(part, ".facet-more") == "Show 100 of 130"
    assert part.select_one("#vp-find")
    all_of_them = get_page(f"{path}?vp=VP 129&of=1&all=1", **HTMX)
    assert len(all_of_them.select("[type=checkbox]")) == 100
    assert all_of_them.select("[autofocus]") == [all_of_them.select("[type=checkbox]")[8]]
    assert text(all_of_them, ".facet-rest").startswith("30 more")
    searched = get_page(f"{path}?vp=VP 129&vp-find=p 12", **HTMX)
    assert len(searched.select("[type=checkbox]")) == 12
    assert len(get_page(f"{path}?vp-find= p%00 12 ", **HTMX).select("[type=checkbox]")) == 12
    assert not searched.select(".facet-more")
    nothing = get_page(f"{path}?vp-find=x", **HTMX)
    assert text(nothing, ".facet-rest") == "No value matches “x”."
    whole = get_page(f"{path}?vp-find=p 12&vp=VP 001&q=t")
    assert len(whole.select("[type=checkbox]")) == 13
    assert client.get("/accounts/facet/nonsense/").status_code == 404
    for query in ("of=²", "of=99999999999999", "vp-find=%00", "vp-find=" + "x" * 999, "all="):
        assert client.get(f"{path}?{query}", **HTMX).status_code == 200, query


def test_the_key_of_an_account_may_be_facet(
    get_page: See, make_account: Callable[..., str]
) -> None:
    make_account("facet", team="Prisms")
    for page in ("", "edit/", "delete/", "history/"):
        assert "Prisms" in text(get_page(f"/accounts/facet/{page}"), "main"), page


@pytest.mark.usefixtures("three_accounts")
def test_a_filter_says_if_the_list_changed_since_it_was_shown(get_page: See) -> None:
    path = "/accounts/facet/business_area/?q=b&business_area=Finance"
    assert get_page(f"{path}&of=2", **HTMX).select(".facet-rest") == []
    part = get_page(f"{path}&of=3", **HTMX)
    assert text(part, ".facet-rest").endswith("these values count 2 accounts.")


def test_names_are_text(get_page: See, make_account: Callable[..., str]) -> None:
    make_account(team="<script>alert(1)</script> 🎉 שלום", vp="{{ 7|add:7 }} & <b>")
    page = get_page("/accounts/")
    assert texts(page, TEAMS) == ["<script>alert(1)</script> 🎉 שלום"]
    assert "{{ 7|add:7 }} & <b>" in texts(page, "tbody td")
