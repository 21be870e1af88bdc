"""The activity, and what changed since a moment, of accounts of one business area, VP or partner."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.model.as_of_address import address
from crm.repository.past import diff
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from ..conftest import Statements
from ..pages.html import HTMX, text, texts
from .conftest import GetPage, summaries

OF_B2 = ["Created the account Other"]


def test_the_activity_of_some_accounts(
    sample_history: None, get_page: GetPage, statements: Statements
) -> None:
    everything = summaries(get_page("/activity/"))
    of_b1 = [each for each in everything if each not in OF_B2]
    assert len(of_b1) == len(everything) - 1
    found = {
        "vp=Vera": of_b1,
        "business_area=Finance&vp=Nobody&vp=Vera": of_b1,
        "business_area=": OF_B2,  # has no value
        "vp=Vera&business_area=": [],
        "vp=Vera&team=Other&status=x": of_b1,  # filters of other lists
        "primary_it_partner=Ines": [],
    }
    for query, changes in found.items():
        with statements() as done:
            page = get_page(f"/activity/?{query}")
        assert summaries(page) == changes, query
        assert len(done) == 1
        links = [link["href"] for link in page.select(".exports a, #facet-vp a")]
        assert all(query.split("&")[0] in link for link in links), links
    assert summaries(get_page("/activity/?vp=Vera&kind=deleted")) == of_b1[:1]


def test_files_and_filters_keep_the_accounts(
    sample_history: None, client: Client, get_page: GetPage
) -> None:
    answer: Any = client.get("/activity/?business_area=&format=csv")
    rows = b"".join(answer.streaming_content).decode().splitlines()
    assert {row.split(",")[3] for row in rows[1:]} == {"B2"}
    page = get_page("/activity/?vp=Vera&kind=changed")
    assert page.select_one("#facet-vp [value=Vera]").has_attr("checked")
    assert text(page, "#facet-vp .facet-count") == ", chosen: 1"
    assert page.select_one("#facet-business_area .facet-count") is None
    assert page.select_one(".history-filters").has_attr("open")


@pytest.mark.parametrize("path", ["/activity/", "/since/"])
def test_the_values_to_choose_from(sample_history: None, client: Client, path: str) -> None:
    start = address(dt.datetime.now(dt.UTC)).rstrip("/") if path == "/since/" else ""
    part = client.get(f"{start}{path}facet/vp/?business_area=Finance&kind=changed", **HTMX)
    assert texts(BeautifulSoup(part.content, "html.parser"), ".facet-value") == ["Vera"]
    page = client.get(f"{start}{path}facet/vp/?business_area=Finance&vp=Vera&mine=on&kind=changed")
    form = BeautifulSoup(page.content, "html.parser").select_one("form:has(.facet-page)")
    assert form["action"] == start + path
    sent = {field["name"] for field in form.select("input[type=hidden]")}
    kept = {"business_area", "mine"}
    assert sent == (kept | {"kind"} if path == "/activity/" else kept)
    for name in ("team", "status", "nothing"):
        assert client.get(f"{start}{path}facet/{name}/").status_code == 404


@pytest.mark.parametrize("of_whole_tables", [False, True])
def test_what_changed_since_of_some_accounts(
    sample_history: None,
    ana: Warehouse,
    get_page: GetPage,
    of_whole_tables: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accounts.create(ana, {"bsnid": "B3", "team": "Third", "business_area": "Risk"})
    time.sleep(0.05)
    then = dt.datetime.now(dt.UTC)
    time.sleep(0.05)
    accounts.update(ana, "B1", {"vp": "Nina"}, accounts.get(ana, "B1").updated_at)
    accounts.delete(ana, "B3")
    accounts.create(ana, {"bsnid": "B4", "team": "Fourth", "business_area": "Risk"})
    if of_whole_tables:
        monkeypatch.setattr(diff, "_starts", lambda *_: None)
    found = {
        "": ["B1", "B3", "B4"],
        "vp=Vera": ["B1"],
        "vp=Nina": ["B1"],
        "business_area=Risk": ["B3", "B4"],
        "business_area=Finance&vp=Nina": ["B1"],
        "vp=Nobody": [],
    }
    for query, keys in found.items():
        page = get_page(f"{address(then, '/since/')}?{query}")
        links = [link["href"].split("/")[-3] for link in page.select(".moment-head a")]
        assert sorted(links) == keys, query
    page = get_page(f"{address(then, '/since/')}?vp=Nobody")
    assert "the accounts that you chose" in text(page, ".count-line")
    assert "What belongs to the accounts that you chose" in text(page, ".empty")
    assert page.select_one(".count-line a")["href"] == address(then, "/since/")


def test_a_diff_without_a_moment_keeps_the_filters(client: Client) -> None:
    answer = client.get("/since/?vp=Vera&mine=on")
    assert answer["Location"] == "/as-of/?next=%2Fsince%2F%3Fvp%3DVera%26mine%3Don"
