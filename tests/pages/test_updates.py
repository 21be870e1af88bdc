from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
from bs4 import BeautifulSoup
from django.conf import settings
from django.test import Client

from crm.identity import Person
from crm.model.records import Listing
from crm.model.schema import ACCOUNTS, UPDATES
from crm.repository.records import updates
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from .html import filled_in, parsed, record_form, text, texts

See = Callable[..., BeautifulSoup]
Make = Callable[..., str]


@pytest.fixture
def account(claims_account: str) -> str:
    return claims_account


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_new_one_is_of_today_and_by_me(client: Client, account: str, zone: str) -> None:
    client.cookies["tz"] = zone
    form = record_form(client.get("/accounts/BSN001/updates/new/"))
    assert form["author"] == Person(settings.EDIP_USER).name
    assert form["date"] == dt.datetime.now(ZoneInfo(zone)).date().isoformat()


def test_the_form_creates_an_update(
    client: Client, get_page: See, account: str, warehouse: Warehouse
) -> None:
    form = record_form(client.get("/accounts/BSN001/updates/new/"))
    values = form | {"description": "Kick-off 🎉\r\nNext: access", "date": "2026-03-31"}
    response = client.post("/accounts/BSN001/updates/new/", values)
    assert response.status_code == 303
    saved = updates.search(warehouse, Listing()).rows[0]
    assert saved.description == "Kick-off 🎉\nNext: access"
    assert saved.date == dt.date(2026, 3, 31)


@pytest.mark.parametrize("date", ["", "31.03.2026", "2026-02-30", "0000-00-00", "x" * 1000])
def test_a_wrong_day(client: Client, account: str, date: str) -> None:
    form = record_form(client.get("/accounts/BSN001/updates/new/"))
    values = form | {"description": "Text", "date": date}
    response = client.post("/accounts/BSN001/updates/new/", values)
    assert response.status_code == 422
    assert parsed(response).select_one("#id_date_error")


def test_edit_and_conflict(
    client: Client, account: str, make_update: Make, someone_else: Warehouse
) -> None:
    key = make_update()
    form = record_form(client.get(f"/updates/{key}/edit/"))
    assert form["date"] == "2026-03-31"
    mine = form | {"description": "Mine", "date": "2026-04-01"}
    current = updates.get(someone_else, key)
    theirs = {"author": "Bob", "date": dt.date(2026, 4, 2), "description": "Theirs"}
    updates.update(someone_else, key, theirs, current.updated_at)
    response = client.post(f"/updates/{key}/edit/", mine)
    assert response.status_code == 409
    assert "2026-04-02" in texts(parsed(response), ".asked .prose")
    again = record_form(response) | {"choose-date": "theirs"}
    assert client.post(f"/updates/{key}/edit/", again).status_code == 303
    saved = updates.get(someone_else, key)
    assert (saved.description, saved.date) == ("Mine", dt.date(2026, 4, 2))
    assert saved.author == "Bob"


def test_list_is_newest_first(get_page: See, account: str, make_update: Make) -> None:
    make_update(description="Older", date=dt.date(2026, 1, 1))
    make_update(description="Newer", date=dt.date(2026, 2, 1))
    assert texts(get_page("/updates/"), "tbody .row-text") == ["Newer", "Older"]
    assert texts(get_page("/updates/?sort=date"), "tbody .row-text") == ["Older", "Newer"]


def test_a_filter_has_the_most_frequent_values_first(
    get_page: See, account: str, make_update: Make
) -> None:
    for author in ("Alice", "Bob", "Bob"):
        make_update(author=author)
    page = get_page("/updates/facet/author/?author=Alice&sort=date")
    assert texts(page, ".facet-value") == ["Bob", "Alice"]
    assert [box["value"] for box in page.select("[checked]")] == ["Alice"]
    assert page.select("main form")[1]["action"] == "/updates/"


def test_an_empty_list_says_what_to_do(get_page: See, warehouse: Warehouse) -> None:
    page = get_page("/updates/")
    assert text(page, ".empty h2") == "No updates yet"
    assert page.select_one(".empty a[href='/accounts/']")


def test_the_page_deletes_an_update(
    client: Client, get_page: See, account: str, make_update: Make, warehouse
) -> None:
    key = make_update()
    form = get_page(f"/updates/{key}/delete/").select_one(".ask form")
    assert client.post(form["action"], filled_in(form)).status_code == 303
    assert updates.get(warehouse, key) is None
    assert client.get(f"/updates/{key}/delete/").status_code == 404


def test_a_child_of_an_account_that_no_address_can_hold(
    client: Client, warehouse: Warehouse
) -> None:
    """Somebody wrote a BSNID with a slash outside the app."""
    insert_missing(warehouse, ACCOUNTS, [{"bsnid": "A/B", "team": "Claims"}])
    row = {"id": "d-1", "account_bsnid": "A/B", "description": "D", "author": "Ana"}
    insert_missing(warehouse, UPDATES, [{**row, "date": dt.date(2026, 1, 1)}])
    data = record_form(client.get("/updates/d-1/edit/"))
    response = client.post("/updates/d-1/edit/", data | {"description": "Edited"})
    assert (response.status_code, response["Location"]) == (303, "/updates/")
    assert client.get("/updates/d-1/delete/").status_code == 200
    client.post("/updates/d-1/delete/")
    gone = client.post("/updates/d-1/edit/", data)
    assert gone.status_code == 409
    assert "You can create" not in parsed(gone).get_text()
    response = client.post("/undo/updates/d-1/")
    assert (response.status_code, response["Location"]) == (303, "/updates/")
    assert updates.get(warehouse, "d-1").description == "Edited"
