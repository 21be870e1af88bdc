"""The page of trends: its figures, and the lists that they lead to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.utils import timezone

from crm.model.as_of_address import address
from crm.model.schema import UPDATES, USE_CASES
from crm.repository import versions
from crm.repository.past import trends
from crm.repository.records import platforms
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from .html import parsed, text, texts

See = Callable[..., BeautifulSoup]
Make = Callable[..., str]


def weeks(last: dt.datetime, number: int = 3) -> tuple[dt.datetime, ...]:
    return tuple(last - n * trends.WEEK for n in reversed(range(number)))


MONDAY = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)


def row(name: str, **more: Any) -> dict[str, Any]:
    empty = {"value": "", "platform": "", "status": "", "week": None, "n": 0, "days": None}
    return {"name": name} | empty | more


def test_earlier_weeks_are_todays_counts_without_the_changes_since() -> None:
    found = trends._trends(
        weeks(MONDAY),
        [
            row("accounts", value="Finance", n=5),
            row("status", value="Finance", platform="Databricks", status="Completed", n=3),
            row("status", value="", platform="Databricks", status="Completed", n=1),
            row("change", platform="Databricks", status="Completed", week=2, n=2),
            row("change", platform="Databricks", status="Requested", week=2, n=-1),
            row("change", platform="Databricks", status="Completed", week=1, n=1),
        ],
        MONDAY - 2 * trends.WEEK,
    )
    completed = [week["Databricks"]["Completed"] for week in found.statuses]
    assert completed == [1, 2, 4]
    assert [week["Databricks"]["Requested"] for week in found.statuses] == [1, 1, 0]
    assert [group.value for group in found.groups] == ["Finance", ""]


@pytest.mark.parametrize(
    ("known", "is_known"),
    [
        (MONDAY + dt.timedelta(hours=1), [False, False, True]),
        (MONDAY, [False, False, True]),
        (MONDAY - dt.timedelta(hours=1), [False, True, True]),
        (None, [False, False, True]),
    ],
)
def test_weeks_that_ended_before_the_feed_begins_are_not_known(
    known: dt.datetime | None, is_known: list[bool]
) -> None:
    found = trends._trends(weeks(MONDAY), [], known)
    assert [week is not None for week in found.statuses] == is_known
    assert found.is_refused is (known is None)


def test_the_figures_lead_to_their_lists(
    client: Client, get_page: See, make_account: Make, warehouse: Warehouse
) -> None:
    for number, area in enumerate(("Finance", "Finance", "Sales", "")):
        make_account(f"BSN{number}", team=f"T{number}", business_area=area)
    for key, status in (("BSN0", "Completed"), ("BSN1", "Requested"), ("BSN2", "Trial")):
        platforms.set_status(warehouse, key, "Databricks", status, None)
    page = get_page("/trends/")
    assert texts(page, ".trend h3") == ["Databricks", "Snowflake", "Power Platform"]
    databricks = page.select_one(".trend")
    assert text(databricks, ".stack-head p") == "1 completed"
    assert texts(databricks, ".trend-line a") == [
        "25% of all 4 accounts",
        "33% of the 3 that want it",
    ]
    rows = page.select("[aria-labelledby=groups-heading] .table-box tbody tr")
    assert texts(rows[0], "td a")[:3] == ["2", "1 completed", "2 that want it"]
    assert rows[0].select_one("th a")["href"] == "/areas/Finance/"
    assert [text(each, "th") for each in rows] == ["Finance", "Sales", "No value"]
    for link, number in (
        (databricks.select(".trend-line a")[0], 1),
        (databricks.select(".trend-line a")[1], 3),
        (rows[0].select("td a")[0], 2),
        (rows[0].select("td a")[2], 2),
        (rows[1].select("td a")[1], 1),
        (rows[2].select("td a")[0], 1),
    ):
        found = get_page(link["href"])
        assert len(found.select("tbody tr")) == number, link


def test_groups_by_vp(get_page: See, make_account: Make) -> None:
    make_account("BSN1", vp="Vera")
    page = get_page("/trends/?by=vp")
    assert text(page, "[aria-labelledby=groups-heading] .table-box tbody th") == "Vera"
    assert text(page, ".choices [aria-current]") == "VP"
    assert texts(get_page("/trends/?by=bsnid"), ".choices [aria-current]") == ["Business area"]


def test_each_week_leads_to_its_updates_and_use_cases(
    get_page: See, make_account: Make, warehouse: Warehouse
) -> None:
    make_account("BSN1")
    today = timezone.localdate()
    rows = [
        {"id": f"u{n}", "account_bsnid": "BSN1", "description": "D"}
        | {"date": today - dt.timedelta(days=days)}
        for n, days in enumerate((0, 0, 7, 7 * 12, 7 * 13, -8))
    ]
    insert_missing(warehouse, UPDATES, rows)
    created = dt.datetime.now(dt.UTC) - dt.timedelta(days=7)
    case = {"account_bsnid": "BSN1", "problem": "P", "updated_at": created}
    insert_missing(warehouse, USE_CASES, [{**case, "id": "c1", "created_at": created}])
    page = get_page("/trends/")
    for heading, numbers in (("updates", [1, 1, 2]), ("use-cases", [1])):
        box = page.select_one(f"[aria-labelledby={heading}-heading]")
        links = box.select("td a")
        assert [int(link.text) for link in links] == numbers
        for link, number in zip(links, numbers, strict=True):
            assert len(get_page(link["href"]).select("tbody tr")) == number, link
    assert len(page.select_one("[aria-labelledby=updates-heading]").select("tbody tr")) == 13


def shown_of_first(get_page: See) -> str:
    return texts(get_page("/trends/"), ".trend")[0]


def test_a_first_completion_shows_its_time(
    get_page: See, make_account: Make, warehouse: Warehouse
) -> None:
    make_account("BSN1")
    seen = platforms.set_status(warehouse, "BSN1", "Databricks", "Requested", None)
    assert "Requested to Completed" not in shown_of_first(get_page)
    seen = platforms.set_status(warehouse, "BSN1", "Databricks", "Completed", seen.updated_at)
    shown = shown_of_first(get_page)
    assert "from Requested to Completed (median of 1)" in shown
    assert "4 weeks ago" not in shown
    [said] = texts(get_page("/trends/"), ".trend-note")
    assert said.startswith("The history does not go back to the weeks with dashed columns, so")
    platforms.set_status(warehouse, "BSN1", "Databricks", "In Progress", seen.updated_at)
    assert "Requested to Completed" not in shown_of_first(get_page), "it is not completed any more"


def test_a_moment_in_the_past_has_the_trends_up_to_it(
    client: Client, get_page: See, make_account: Make, warehouse: Warehouse
) -> None:
    make_account("BSN1")
    platforms.set_status(warehouse, "BSN1", "Databricks", "Completed", None)
    lines = versions.load(warehouse)
    moment = max(commits[-1].moment for commits in lines.commits.values())
    make_account("BSN2")
    platforms.set_status(warehouse, "BSN2", "Databricks", "Completed", None)
    page = parsed(client.get(f"{address(moment)}trends/"))
    assert texts(page, ".stack-head p")[0] == "1 completed"
    assert texts(get_page("/trends/"), ".stack-head p")[0] == "2 completed"
