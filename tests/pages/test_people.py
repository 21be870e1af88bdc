"""People and business areas: their lists, and a page for each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES
from crm.repository.records import people
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse
from ..schemas import CONTENTS
from .html import parsed, text, texts

See = Callable[[str], BeautifulSoup]
LEE = ("Ana Lee", "ANA  LEE", "Aná Lee")


def _write(wh: Warehouse) -> None:
    accounts = [
        {"bsnid": f"B{n}", "team": f"Team {n}", "business_area": "Sales" if n else "SALES"}
        | {"vp": LEE[n % 3], "admin": LEE[0] if n == 1 else None, "primary_it_partner": "Bo/b"}
        for n in range(4)
    ]
    accounts.append({"bsnid": "X", "team": "<b>Other</b>", "business_area": "R & D", "vp": "Vera"})
    accounts[-1]["admin"] = ".."
    cases = [
        {"id": f"c{n}", "account_bsnid": "B1", "problem": f"Problem {n}", "leader": LEE[0]}
        for n in range(2)
    ]
    notes = [
        {"id": f"u{n}", "account_bsnid": "B2", "description": f"Note {n}", "author": LEE[1]}
        | {"date": dt.date(2026, 1, 1) + dt.timedelta(days=n)}
        for n in range(people.SHOWN + 2)
    ]
    statuses = [{"id": "s", "account_bsnid": "B1", "platform": "Snowflake", "status": "Completed"}]
    for table, rows in (
        (ACCOUNTS, accounts),
        (USE_CASES, cases),
        (UPDATES, notes),
        (PLATFORMS_STATUS, statuses),
    ):
        insert_missing(wh, table, rows)


CONTENTS["named"] = _write


@pytest.fixture
def named(warehouse: Warehouse) -> Warehouse:
    return warehouse


def test_a_person_has_all_that_names_them(
    named: Warehouse, client: Client, get_page: See, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = get_page("/people/")
    assert texts(listed, "tbody th") == ["..", "ANA LEE written in 3 ways", "Bo/b", "Vera"]
    assert texts(listed, "tbody tr:nth-child(2) td") == ["4", "1", "", "2", "27"]
    assert [a["href"] for a in listed.select("tbody th a")] == [
        "/people/-/?name=..",
        "/people/ANA%20%20LEE/",
        "/people/-/?name=Bo%2Fb",
        "/people/Vera/",
    ]
    assert texts(get_page("/people/?q=lee+aná"), "tbody .name") == ["ANA LEE"]
    assert "No name has all" in text(get_page("/people/?q=nobody"), ".empty")
    assert "more names" not in listed.get_text()
    with monkeypatch.context() as few:
        few.setattr(people, "MOST_NAMES", 3)
        for path in ("/people/", "/areas/"):
            assert "the rarest are missing" in get_page(path).get_text()
    # Any way to write the name leads to the same page.
    for name in (*LEE, "ana lee"):
        page = get_page(f"/people/{name}/")
        assert texts(page, ".name-roles a") == [
            "VP of 4 accounts",
            "Admin of 1 account",
            "Leads 2 use cases",
            "Wrote 27 updates",
        ]
    assert texts(page, "main h2") == ["VP 4", "Admin 1", "Use cases 2", "Latest updates"]
    assert texts(page, "[aria-labelledby=role-1] .strong") == [f"Team {n}" for n in range(4)]
    assert len(page.select(".timeline-item")) == people.SHOWN
    assert texts(page, ".timeline-item .prose")[0] == f"Note {people.SHOWN + 1}"
    assert "in 3 ways" in text(page, ".banner")
    # The links lead to lists with the same numbers of rows.
    for link, count in zip(page.select(".name-roles a"), (4, 1, 2, 27), strict=True):
        assert text(get_page(link["href"]), "[data-count] b") == str(count), link
    for name in ("nobody", "%25", "_", ".", "' OR 1=1", "a" * 500):
        assert client.get(f"/people/{name}/").status_code == 404, name


def test_an_area_has_its_accounts_platforms_and_usual_people(
    named: Warehouse, client: Client, get_page: See
) -> None:
    listed = get_page("/areas/")
    assert texts(listed, "tbody th") == ["R & D", "Sales written in 2 ways"]
    assert texts(listed, "tbody tr:last-child td") == ["4", "Bo/b"]
    page = get_page("/areas/sales/")
    assert texts(page, "#accounts-heading ~ ul .strong") == [f"Team {n}" for n in range(4)]
    assert texts(page, "#partners-heading + dl dt") == ["Bo/b"]
    assert texts(page, "#vps-heading + dl dd") == ["2 accounts", "1 account", "1 account"]
    snowflake = page.select(".stack")[1]
    assert text(snowflake, ".stack-head p b") == "25%"
    completed = snowflake.select_one(".legend li:last-child a")["href"]
    assert texts(get_page(completed), "tbody .row-link") == ["Team 1"]
    assert texts(page, ".timeline-item .name")[0] == "ANA LEE"
    other = get_page("/areas/R %26 D/")
    assert texts(other, "main .strong") == ["<b>Other</b>"]
    assert text(other.select(".stack")[1], ".stack-head p b") == "0%"
    # No account of the area has a row for a platform.
    assert [
        each.get_text(" ", strip=True).split()[-1]
        for each in other.select(".stack .legend li:first-child")
    ] == ["1"] * 3
    assert client.get("/areas/none/").status_code == 404


def test_fields_suggest_known_names(
    named: Warehouse, client: Client, get_page: See, server: LocalWarehouse
) -> None:
    form = get_page("/accounts/B1/edit/")
    field = form.select_one("input[name=admin]")
    assert form.select_one(f"datalist#{field['list']}") is not None
    # A VP may become an admin; the most frequent name comes first.
    options = parsed(client.get(field["hx-get"], {"admin": "ana l"})).select("option")
    assert [option["value"] for option in options] == ["ANA  LEE", "Ana Lee", "Aná Lee"]
    area = parsed(client.get("/suggestions/business_area/", {"business_area": ""}))
    assert area.select_one("option")["value"] == "Sales"
    assert client.get("/suggestions/team/").status_code == 404
    server.fault("http_status", times=None, status=400)
    assert client.get(field["hx-get"]).content.strip() == b""


def test_a_name_that_no_path_can_have_has_its_pages(
    named: Warehouse, client: Client, get_page: See
) -> None:
    """Browsers take ``..`` for the page above, however it is quoted, and a slash ends a name."""
    for bsnid, name in (("X", ".."), ("B1", "Bo/b")):
        link = get_page(f"/accounts/{bsnid}/").find("a", class_="name", string=name)["href"]
        page = get_page(link)
        assert text(page, "h1") == name
        form = get_page(text_link(page, "Rename")).select_one("form.rename-form")
        sent = {"old": name, "new": "Zoe"}
        preview = parsed(client.post(form["action"], sent)).select_one(".bulk-confirm")
        plan = preview.select_one("[name=plan]")["value"]
        done = client.post(preview["action"], {"plan": plan})
        assert done["Location"] == "/people/Zoe/"
    found = parsed(client.get("/search/", {"q": "bo/b"})).select(".found")
    assert all("/b/" not in each["href"] for each in found)
    assert text(get_page("/people/Vera/?name=Zoe"), "h1") == "Vera"
    # If a person only wrote updates, these are in the wide column.
    insert_missing(named, UPDATES, [{"id": "o", "account_bsnid": "X", "author": "Only Author"}])
    assert texts(get_page("/people/Only Author/"), ".column-main h2") == ["Latest updates"]
    assert (
        client.get("/people/-/").status_code == client.get("/people/-/?name=x").status_code == 404
    )


def text_link(page: BeautifulSoup, label: str) -> str:
    return next(a["href"] for a in page.select("main a") if label in a.get_text())


def test_names_are_links_wherever_they_stand(named: Warehouse, get_page: See) -> None:
    for path, links in {
        "/accounts/?q=Team+1": ["/areas/Sales/", "/people/ANA%20%20LEE/"],
        "/accounts/B1/": ["/areas/Sales/", "/people/ANA%20%20LEE/", "/people/Ana%20Lee/"],
        "/use-cases/": ["/people/Ana%20Lee/"],
        "/updates/": ["/people/ANA%20%20LEE/"],
        "/": ["/people/ANA%20%20LEE/"],
        "/attention/?by=vp": ["/people/Vera/"],
        "/attention/?by=business_area": ["/areas/Sales/"],
    }.items():
        found = {link["href"] for link in get_page(path).select("main a.name")}
        assert set(links) <= found, (path, found)
