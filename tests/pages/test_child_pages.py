"""An account with many use cases and updates shows a page of each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.model.schema import UPDATES, USE_CASES
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from .html import HTMX, filled_in, parsed, record_form, text, texts

See = Callable[..., BeautifulSoup]
COUNT = 105
LONG = "What was said about the next steps, who does them, and until when. " * 4


@pytest.fixture
def many(warehouse: Warehouse, make_account: Callable[..., str]) -> str:
    """Make an account whose updates are newer the higher their number."""
    bsnid = make_account()
    day = dt.date(2024, 1, 1)
    updates = [
        {
            "id": f"u{n}",
            "author": "Alice",
            "date": day + dt.timedelta(days=n),
            "description": f"Update {n}. {LONG}",
        }
        for n in range(COUNT)
    ]
    use_cases = [
        {"id": f"c{n:02}", "status": "Active", "problem": LONG, "solution": LONG}
        for n in range(45)
    ]
    for table, rows in ((UPDATES, updates), (USE_CASES, use_cases)):
        insert_missing(warehouse, table, [{"account_bsnid": bsnid, **row} for row in rows])
    return f"/accounts/{bsnid}/"


def shown(page: BeautifulSoup) -> list[str]:
    return [item["id"].removeprefix("update-") for item in page.select(".timeline-item")]


def test_an_account_with_many_children(many: str, client: Client, get_page: See) -> None:
    page = get_page(many)
    size = len(client.get(many).content) / 1000
    assert size < 100, size
    assert texts(page, "h2 .tally") == [str(COUNT), "45"]
    assert shown(page) == [f"u{n}" for n in range(104, 84, -1)]
    assert texts(page, ".part-pages span") == [
        "Updates 1 to 20 of 105",
        "Use cases 1 to 20 of 45",
    ]
    assert not page.select("[rel=prev]")

    # The next pages show older ones, the last page the oldest.
    found = shown(page)
    for _ in range(5):
        page = get_page(page.select_one("#updates-next")["href"])
        found += shown(page)
    assert found == [f"u{n}" for n in reversed(range(COUNT))]
    assert text(page, "#updates .part-pages span") == "Updates 101 to 105 of 105"
    assert not page.select("#updates-next")
    # Turning the pages of use cases leaves those of updates alone.
    page = get_page(page.select_one("#use-cases-next")["href"])
    assert texts(page, ".part-pages span")[1] == "Use cases 21 to 40 of 45"
    assert shown(page) == found[-5:]
    for wrong in ("?updates=0", "?updates=x", "?update=u104", "?update=gone", "?updates=1"):
        assert shown(get_page(many + wrong)) == found[:20]
    for beyond in ("999", "9" * 5_000):
        assert shown(get_page(f"{many}?updates={beyond}")) == found[-5:]

    _require_htmx_gets_a_part(client, many, found[20:40])
    _require_links_show_the_page_of_a_record(get_page)
    _require_changes_lead_back(client, get_page, many)


def _require_htmx_gets_a_part(client: Client, many: str, second_page: list[str]) -> None:
    headers = HTMX | {"HTTP_HX_TARGET": "updates"}
    response = client.get(f"{many}?updates=2", **headers)
    assert shown(parsed(response)) == second_page
    assert parsed(response).select_one("h1, #use-cases") is None
    vary = set(response["Vary"].split(", "))
    assert {"HX-Request", "HX-Target", "HX-Current-URL"} <= vary
    # The link to other use cases is still that of the first page of updates.
    headers = HTMX | {
        "HTTP_HX_TARGET": "use-cases",
        "HTTP_HX_CURRENT_URL": f"http://testserver{many}?updates=2",
    }
    response = client.get(f"{many}?use_cases=2", **headers)
    assert response["HX-Push-Url"] == f"{many}?use_cases=2&updates=2"
    assert parsed(response).select_one("#use-cases-next")["href"] == (
        f"{many}?use_cases=3&updates=2#use-cases"
    )

    # An address that the browser would not send.
    headers["HTTP_HX_CURRENT_URL"] = "http://[?updates=x&update=%00"
    assert client.get(f"{many}?use_cases=2", **headers)["HX-Push-Url"] == f"{many}?use_cases=2"


def _require_links_show_the_page_of_a_record(get_page: See) -> None:
    for number in (1, 2):
        for link in get_page(f"/use-cases/?page={number}").select(".row-link")[::8]:
            address, _, place = link["href"].partition("#")
            assert get_page(address).find(id=place), link


def _require_changes_lead_back(client: Client, get_page: See, many: str) -> None:
    """Edits lead back to the record, deletions to where they began."""
    link = get_page("/updates/?q=Update+10.").select_one(".row-text")["href"]
    assert "u10" in shown(get_page(link))
    page = get_page(f"{many}?updates=3")
    form = get_page(page.select_one("#update-u60 [title=Edit]")["href"]).select_one("#record form")
    back = client.post(form["action"], filled_in(form) | {"description": "Changed"})["Location"]
    assert "u60" in shown(get_page(back))
    assert urlsplit(back).fragment == "update-u60"
    form = get_page(page.select_one("#update-u60 [title=Delete]")["href"]).select_one(".ask form")
    assert client.post(form["action"], filled_in(form))["Location"] == f"{many}?updates=3"
    form = record_form(client.get(f"{many}updates/new/"))
    values = form | {"date": "2024-01-01", "description": "Written late"}
    back = client.post(f"{many}updates/new/", values)["Location"]
    assert form["id"] in shown(get_page(back))
