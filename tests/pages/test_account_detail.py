from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from bs4 import BeautifulSoup
from django.test import Client

from crm.model.schema import ACCOUNTS, UPDATES, USE_CASES
from crm.repository.records import accounts
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse
from tests.conftest import Statements

from .html import HTMX, filled_in, parsed, text, texts

See = Callable[..., BeautifulSoup]
Make = Callable[..., str]


def test_the_account_with_all_that_belongs_to_it(
    get_page: See,
    make_account: Make,
    make_use_case: Make,
    make_update: Make,
    statements: Statements,
) -> None:
    make_account(team="Claims")
    use_case = make_use_case(solution="Line 1\nLine 2")
    make_update(description="Second", date=dt.date(2026, 4, 2))
    make_update(description="First", date=dt.date(2026, 4, 1))
    with statements() as done:
        page = get_page("/accounts/BSN001/")
    assert len(done) == 1
    assert len(page.select("h1")) == 1
    assert texts(page, "#platforms .platform-name") == [
        "Databricks",
        "Snowflake",
        "Power Platform",
    ]
    assert text(page, f"#use-case-{use_case} .badge") == "Active"
    assert texts(page, "#updates .prose") == ["Second", "First"]
    assert texts(page, "#updates time") == ["2 Apr 2026", "1 Apr 2026"]


def test_links_are_links_only_if_they_are_safe(get_page: See, warehouse: Warehouse) -> None:
    links = "https://a.example/x\njavascript:alert(1)\nhttp://b.example/y z"
    insert_missing(warehouse, ACCOUNTS, [{"bsnid": "B", "azure_devops_link": links}])
    page = get_page("/accounts/B/")
    followed = page.select(".about .links a")
    assert [link["href"] for link in followed] == ["https://a.example/x"]
    assert followed[0]["rel"] == ["noopener", "noreferrer"]
    assert "javascript:alert(1)" in texts(page, ".about .links li")


def test_a_row_with_gaps_shows(get_page: See, warehouse: Warehouse) -> None:
    insert_missing(warehouse, ACCOUNTS, [{"bsnid": "B"}])
    insert_missing(warehouse, USE_CASES, [{"id": "legacy 1", "account_bsnid": "B"}])
    insert_missing(warehouse, UPDATES, [{"id": "legacy/2", "account_bsnid": "B"}])
    for path in ("/accounts/", "/use-cases/", "/", "/accounts/B/edit/"):
        get_page(path)
    assert text(get_page("/accounts/B/"), "h1") == "B"


def test_long_texts_open_on_demand(get_page: See, make_account: Make, make_update: Make) -> None:
    make_account()
    make_update(description="word " * 500)
    assert get_page("/accounts/BSN001/").select_one("#updates details.long-text summary")


def test_no_such_account(client: Client, warehouse: Warehouse) -> None:
    for path in ("/accounts/NOPE/", "/accounts/a%00b/", "/accounts/NOPE/delete/"):
        assert client.get(path).status_code == 404


def test_deleting_asks_first_and_says_what_goes_with_it(
    client: Client, get_page: See, make_account: Make, make_use_case: Make, make_update: Make
) -> None:
    make_account(team="Claims")
    make_use_case()
    make_update()
    make_update()
    page = get_page("/accounts/BSN001/delete/")
    assert texts(page, ".ask li") == ["1 use case", "2 updates"]
    assert get_page("/accounts/BSN001/")
    form = page.select_one(".ask form")
    response = client.post(form["action"], filled_in(form))
    assert (response.status_code, response["Location"]) == (303, "/accounts/")
    assert text(get_page("/accounts/"), ".toast-success p") == "The account was deleted."
    answer = client.get("/accounts/BSN001/")
    assert answer.status_code == 404
    assert parsed(answer).select_one("main a[href='/accounts/BSN001/history/']")


def test_deleting_again_is_no_error(client: Client, warehouse: Warehouse) -> None:
    assert client.post("/accounts/NOPE/delete/").status_code == 303


def test_htmx_gets_a_dialog(client: Client, make_account: Make) -> None:
    make_account()
    part = parsed(client.get("/accounts/BSN001/delete/", **HTMX))
    assert part.select_one("dialog form[method=post]")
    assert part.select_one("html, h1") is None


def test_getting_the_delete_page_deletes_nothing(
    client: Client, make_account: Make, warehouse: Warehouse
) -> None:
    make_account()
    client.get("/accounts/BSN001/delete/")
    assert accounts.get(warehouse, "BSN001")
