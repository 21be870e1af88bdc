"""The composer by keyboard, and the way to the next account of a list."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from crm.repository.records import accounts
from crm.warehouse import Warehouse

from .records import add_account, platform_card

WIDTHS = {"desktop": (1440, 900), "phone": (390, 844)}


def test_write_and_save_by_keyboard(page: Page, account: str) -> None:
    page.goto(account)
    page.keyboard.press("c")
    text = page.locator("#composer textarea")
    expect(text).to_be_focused()
    page.keyboard.type("c is typed: https://example.com/plan and @kofi")
    page.keyboard.press("Control+Enter")
    # Until the next page is there as a whole, its scrolling to the update moves the focus.
    page.wait_for_url(re.compile("update="))
    expect(page.locator("#updates")).to_contain_text("c is typed")
    expect(page.locator("#updates .prose a")).to_have_attribute("href", "https://example.com/plan")
    # What is not saved stays, and the focus is in it.
    page.locator("#composer textarea").fill("More")
    page.locator("#composer summary").click()
    page.locator("#composer").get_by_label("Its new status").select_option("Requested")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#composer")).to_contain_text("Choose the platform that gets this status")
    expect(page.locator("#composer textarea")).to_be_focused()
    expect(page.locator("#composer textarea")).to_have_value("More")


def test_one_click_for_each_account_of_a_list(page: Page, tables: Warehouse, bsnid: str) -> None:
    for n in (1, 2, 3):
        add_account(tables, f"{bsnid}-{n}", f"Stuck {n}")
    page.goto(f"/accounts/?q={bsnid}&not-updated-since=never")
    page.locator("tr").filter(has_text="Stuck 1").get_by_title("Write an update").click()
    for n in (1, 2, 3):
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Stuck {n}")
        expect(page.locator("#composer textarea")).to_be_focused()
        page.keyboard.type(f"Asked {n}")
        page.get_by_role("button", name="Save, next account").click()
    page.wait_for_url(re.compile(r"/accounts/\?"))
    expect(page.locator("#toasts")).to_contain_text("That was the last account of the list")
    for n in (1, 2, 3):
        assert accounts.get_detail(tables, f"{bsnid}-{n}").updates[0].description == f"Asked {n}"


@pytest.mark.parametrize("width", WIDTHS)
def test_the_latest_update_and_the_statuses_are_near(page: Page, width: str) -> None:
    """The latest update shows without scrolling; a status opens in place and closes by Escape."""
    size = WIDTHS[width]
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto("/accounts/BSN001/")
    box = page.locator(".timeline-item .prose").first.bounding_box()
    bar = 60 if width == "phone" else 0
    assert box["y"] + box["height"] <= size[1] - bar
    card = platform_card(page, "Snowflake")
    card.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(card.get_by_label("Reason")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(card.get_by_label("Reason")).to_be_hidden()
    expect(card.locator("summary")).to_be_focused()
    use_case = page.locator(".use-case").first
    use_case.locator("summary").click()
    expect(use_case.get_by_title("Edit")).to_be_visible()
