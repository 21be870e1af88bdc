"""From a list of accounts to one of them, and back or on in the list."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.warehouse import Warehouse
from tests.conftest import Statements

from .html import filled_in

See = Callable[..., BeautifulSoup]
LIST = "/accounts/?vp=Vera&sort=-team"


@pytest.fixture(autouse=True)
def five(make_account: Callable[..., str]) -> None:
    for n in range(1, 6):
        make_account(f"B{n}", team=f"Team {n}", vp="Vera" if n != 3 else "Ira")


def opened(page: BeautifulSoup, team: str) -> str:
    return next(a for a in page.select("a.row-link") if a.get_text() == team)["href"]


def follow(client: Client, page: BeautifulSoup, rel: str) -> str:
    return client.get(page.select_one(f".trail a[rel={rel}]")["href"])["Location"]


def account_of(url: str) -> str:
    return urlsplit(url).path.split("/")[2]


def test_next_previous_and_back_at_the_same_row(
    client: Client, get_page: See, statements: Statements
) -> None:
    found = get_page(LIST)
    url = opened(found, "Team 4")
    with statements() as done:
        page = get_page(url)
    assert len(done) == 1
    back = page.select_one(".trail a")["href"]
    path, _, row = back.partition("#")
    assert path == LIST
    assert get_page(path).select_one(f"tr#{row} .row-link").get_text() == "Team 4"
    with statements() as done:
        after = follow(client, page, "next")
    assert len(done) == 1
    assert account_of(after) == "B2"
    assert account_of(follow(client, get_page(after), "prev")) == "B4"
    assert account_of(follow(client, page, "prev")) == "B5"


def test_at_the_ends_one_is_back_in_the_list(client: Client, get_page: See) -> None:
    page = get_page(opened(get_page(LIST), "Team 1"))
    target = follow(client, page, "next")
    assert target.startswith(f"{LIST}#row-")
    assert "That was the last account of the list." in get_page(target).get_text()
    assert get_page(opened(get_page(LIST), "Team 5")).select_one(".trail a[rel=prev]") is None


def test_an_account_that_left_the_list_leaves_its_place_to_the_next(
    client: Client, get_page: See
) -> None:
    """Such as an account that has an update now, in a list of those without one."""
    never = "/accounts/?not-updated-since=never"
    page = get_page(opened(get_page(never), "Team 2"))
    form = page.select_one("#composer")
    sent = filled_in(form) | {"description": "Hello"}
    response = client.post(form["action"], sent)
    target = client.get(response["Location"])["Location"]
    assert account_of(target) == "B3"
    assert "write=1" in target
    assert parse_qs(urlsplit(target).query)["at"] == ["2"]
    # Back to the list, instead.
    form = get_page(target).select_one("#composer")
    sent = filled_in(form) | {"description": "Hello", "then": "list"}
    response = client.post(form["action"], sent)
    assert response["Location"].startswith(f"{never}#row-")


def test_a_row_on_a_later_page(client: Client, get_page: See, warehouse: Warehouse) -> None:
    page = get_page("/accounts/B1/?list=vp%3DVera&at=27")
    assert page.select_one(".trail a")["href"].startswith("/accounts/?vp=Vera&page=2#row-")


@pytest.mark.parametrize(
    "query",
    [
        "list=",
        "list=sort%3Dnonsense%26page%3Dx%26what%3Dever&at=x",
        "list=%2F%2Fevil.example&at=-1",
        "list=q%3D%22%3E%3Cscript%3E&at=99999999999999999999",
        "list=" + "a%3Db%26" * 1000,
        "at=3",
    ],
)
def test_odd_parameters(client: Client, get_page: See, query: str) -> None:
    page = get_page(f"/accounts/B1/?{query}")
    assert page.select_one(".trail a")["href"].startswith("/accounts/")
    assert "<script>" not in str(page.select_one(".trail"))
    for name in ("next", "previous"):
        response = client.get(f"/accounts/B1/{name}/?{query}")
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/")
