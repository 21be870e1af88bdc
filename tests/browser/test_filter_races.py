"""Two controls of a list in quick succession: both count, whatever order the answers come in."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from crm.repository.records import accounts
from crm.warehouse import Warehouse


@pytest.fixture
def listed(tables: Warehouse, bsnid: str) -> str:
    """The beginning of the keys of three accounts, two of them in the area North."""
    for n, (team, area) in enumerate((("A", "North"), ("B", "North"), ("C", "South"))):
        row = {"bsnid": f"{bsnid}-{n}", "team": f"{bsnid} {team}", "business_area": area}
        accounts.create(tables, row)
    return bsnid


class Held:
    """Holds back the answers of the list of accounts."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.routes: list[Route] = []
        page.route(re.compile(r"/accounts/(\?|$)"), lambda route: self.routes.append(route))

    def release(self) -> None:
        for route in self.routes:
            route.continue_()
        self.page.unroute_all()


def test_sorting_keeps_a_filter_whose_answer_is_awaited(page: Page, listed: str) -> None:
    page.goto(f"/accounts/?q={listed}")
    rows = page.locator("tbody .row-link")
    page.locator("#facet-business_area summary").click()
    north = page.locator("#facet-business_area").get_by_label("North")
    expect(north).to_be_visible()
    held = Held(page)
    north.check()
    page.locator("#sort-team").click()  # by its link, whose address knows no filter
    held.release()
    expect(rows).to_have_text([f"{listed} B", f"{listed} A"])
    expect(page).to_have_url(re.compile("business_area=North.*sort=-team"))
    expect(page.locator("#sort")).to_have_value("-team")


def test_a_filter_keeps_a_sort_whose_answer_is_awaited(page: Page, listed: str) -> None:
    page.goto(f"/accounts/?q={listed}")
    page.locator("#facet-business_area summary").click()
    north = page.locator("#facet-business_area").get_by_label("North")
    expect(north).to_be_visible()
    held = Held(page)
    page.locator("#sort-team").click()
    page.locator("#facet-business_area summary").click()
    north.check()
    held.release()
    expect(page.locator("tbody .row-link")).to_have_text([f"{listed} B", f"{listed} A"])


def test_removing_a_chip_keeps_a_search_that_was_just_typed(page: Page, listed: str) -> None:
    page.goto("/accounts/?business_area=North")
    held = Held(page)
    page.locator("#q").fill(listed)
    page.locator(".chip", has_text="North").click()
    held.release()
    expect(page.locator("tbody .row-link")).to_have_count(3)
    expect(page.locator(".chip")).to_have_count(1)


def test_a_phones_sheet_says_how_many_results_it_shows(page: Page, listed: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"/accounts/?q={listed}")
    filter = page.locator("#facet-business_area")
    filter.locator("summary").click()
    done = page.locator("button.done")
    expect(done).to_have_text(re.compile("Show 3 results"), use_inner_text=True)
    held = Held(page)
    filter.get_by_label("North").check()
    expect(done).to_have_text(re.compile("Looking"), use_inner_text=True)
    held.release()
    expect(done).to_have_text(re.compile("Show 2 results"), use_inner_text=True)
    done.click()
    expect(filter).not_to_have_attribute("open", "")
    expect(filter.locator("summary")).to_be_focused()
    expect(page.locator("tbody tr")).to_have_count(2)
