"""The date filters of lists, and the filters of use cases and updates by their account."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES, Table
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse
from tests.schemas import CONTENTS

from .html import HTMX, text, texts

See = Callable[..., BeautifulSoup]
NAMES = "tbody tr .row-link, tbody tr .row-text"


def at(day: int, hour: int = 12) -> dt.datetime:
    return dt.datetime(2026, 5, day, hour, tzinfo=dt.UTC)


def insert(wh: Warehouse) -> None:
    for table, rows in _rows().items():
        insert_missing(wh, table, rows)


def _rows() -> dict[Table, list[dict[str, Any]]]:
    who = {"B1": ("Anna", "Ira"), "B2": ("Anna", "Ivo"), "B3": (None, None)}
    set_on = {("B1", "Databricks"): 2, ("B1", "Snowflake"): 20, ("B2", "Databricks"): 12}
    return {
        ACCOUNTS: [
            {"bsnid": key, "team": f"Team {key}", "vp": vp, "primary_it_partner": partner}
            | {"updated_at": at(int(key[1]))}
            for key, (vp, partner) in who.items()
        ],
        UPDATES: [
            {"id": f"u{n}", "account_bsnid": key, "date": dt.date(2026, 5, n)}
            | {"description": f"Day {n}", "updated_at": at(n)}
            for n, key in ((1, "B1"), (5, "B1"), (9, "B2"))
        ],
        USE_CASES: [
            {"id": key, "account_bsnid": key, "problem": f"Of {key}", "updated_at": at(n)}
            for n, key in enumerate(("B1", "B2", "B3", "gone"), 1)
        ],
        PLATFORMS_STATUS: [
            {"id": f"{key}{platform}", "account_bsnid": key, "platform": platform}
            | {"status": "Requested", "updated_at": at(day)}
            for (key, platform), day in set_on.items()
        ],
    }


CONTENTS["dated"] = insert


@pytest.fixture
def dated(warehouse: Warehouse) -> None:
    """Rows of May 2026."""


@pytest.mark.usefixtures("dated")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("not-updated-since=2026-05-06", ["B1", "B3"]),
        ("not-updated-since=2026-05-05", ["B3"]),
        ("not-updated-since=never", ["B3"]),
        ("not-updated-since=2026-05-06&not-updated-since=never", ["B3"]),
        ("updated-since=2026-05-05", ["B1", "B2"]),
        ("updated-before=2026-05-06", ["B1"]),
        ("changed-since=2026-05-02", ["B2", "B3"]),
        ("changed-before=2026-05-02", ["B1"]),
        ("status=Requested&in-status-since=2026-05-13", ["B1", "B2"]),
        ("status=Requested&platform=Snowflake&in-status-since=2026-05-13", []),
        # An account without a status was never set to Not Started.
        ("status=Not+Started&in-status-since=2026-05-13", []),
        ("sort=last_update", ["B3", "B1", "B2"]),
        ("sort=-last_update", ["B2", "B1", "B3"]),
        # Wrong values count as absent.
        ("changed-since=2026-02-30&updated-since=never&updated-before=5", ["B1", "B2", "B3"]),
        (
            "changed-since=0001-01-01&updated-since=20260506&in-status-since=%00",
            ["B1", "B2", "B3"],
        ),
    ],
)
def test_dates_filter_accounts(get_page: See, query: str, found: list[str]) -> None:
    page = get_page(f"/accounts/?{query}")
    assert texts(page, NAMES) == [f"Team {key}" for key in found]


@pytest.mark.usefixtures("dated")
@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/updates/?updated-since=2026-05-05", ["Day 9", "Day 5"]),
        ("/updates/?updated-since=2026-05-02&updated-before=2026-05-09", ["Day 5"]),
        ("/updates/?changed-before=2026-05-02", ["Day 1"]),
        ("/updates/?vp=Anna&primary_it_partner=Ira", ["Day 5", "Day 1"]),
        ("/updates/?team=Team+B2", ["Day 9"]),
        ("/use-cases/?changed-since=2026-05-03&sort=updated_at", ["Of B3", "Of gone"]),
        ("/use-cases/?in-status-since=2026-05-03&sort=updated_at", ["Of B1", "Of B2"]),
        ("/use-cases/?vp=Anna&sort=updated_at", ["Of B1", "Of B2"]),
        ("/use-cases/?primary_it_partner=&sort=updated_at", ["Of B3", "Of gone"]),
        ("/use-cases/?team=Team+B2", ["Of B2"]),
    ],
)
def test_filters_of_updates_and_use_cases(get_page: See, path: str, found: list[str]) -> None:
    assert texts(get_page(path), NAMES) == found


@pytest.mark.usefixtures("dated")
def test_a_day_begins_in_the_zone_of_the_reader(client: Client, get_page: See) -> None:
    client.cookies["tz"] = "Pacific/Kiritimati"  # 14 hours ahead: noon is the next day there
    page = get_page("/accounts/?changed-since=2026-05-03")
    assert texts(page, NAMES) == ["Team B2", "Team B3"]
    assert page.select_one("#changed-since")["value"] == "2026-05-03"


@pytest.mark.usefixtures("dated")
def test_chips_fields_and_links_keep_the_dates(client: Client, get_page: See) -> None:
    query = "not-updated-since=2026-05-20&in-status-since=2026-05-30&sort=last_update"
    page = get_page(f"/accounts/?{query}&status=Requested")
    assert texts(page, ".chip-label") == [
        "Onboarding status:",
        "No update since:",
        "Status set before:",
    ]
    assert "20 May 2026" in texts(page, ".chip")[1]
    rest = parse_qs(urlsplit(page.select(".chip")[1]["href"]).query)
    assert rest == {
        "status": ["Requested"],
        "in-status-since": ["2026-05-30"],
        "sort": ["last_update"],
    }
    dates = page.select_one("#facet-dates")
    assert text(dates, ".facet-count") == ", chosen: 2"
    assert dates.select_one("#not-updated-since")["value"] == "2026-05-20"
    for link in (".exports a", "#facet-vp a", ".chip-clear"):
        given = parse_qs(urlsplit(page.select_one(link)["href"]).query)
        kept = [] if link == ".chip-clear" else ["2026-05-20"]
        assert given.get("not-updated-since", []) == kept, link
    values = get_page(page.select_one("#facet-vp a")["href"])
    assert values.select_one("main form input[name=not-updated-since]")["value"] == "2026-05-20"
    file = client.get(f"/accounts/?{query}&status=Requested&format=csv")
    assert file.getvalue().decode().count("\n") == 3


@pytest.mark.usefixtures("dated")
def test_never_updated_is_a_choice(client: Client, get_page: See) -> None:
    page = get_page("/accounts/?not-updated-since=never")
    assert "never" in text(page, ".chip")
    assert page.select_one("#not-updated-since-never").has_attr("checked")
    assert page.select_one("#not-updated-since")["value"] == ""
    answer = client.get("/accounts/?not-updated-since=&not-updated-since=never", **HTMX)
    assert answer["HX-Push-Url"] == "/accounts/?not-updated-since=never"


def test_pages_keep_the_dates(get_page: See, warehouse: Warehouse) -> None:
    rows: list[dict[str, Any]] = [{"bsnid": f"B{n:03}", "team": f"T{n:03}"} for n in range(30)]
    insert_missing(warehouse, ACCOUNTS, rows)
    page = get_page("/accounts/?not-updated-since=never&page=2")
    assert texts(page, ".count")[0] == "26–30 of 30 accounts"
    assert page.select_one("a[rel=prev]")["href"] == "/accounts/?not-updated-since=never"
