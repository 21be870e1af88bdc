"""Words in a form are not lost when the person leaves the page, or when the cookie that forms need
is gone."""

from __future__ import annotations

import re

from playwright.sync_api import Dialog, Page, expect

from ..control import LocalWarehouse
from .conftest import App
from .records import submit


def test_leaving_a_form_with_unsaved_words_asks(page: Page, account: str) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.goto(f"{account}edit/")
    page.get_by_label("VP").press_sequentially("Vera")
    page.locator(".sections a").first.click(no_wait_after=True)
    expect(page.get_by_label("VP")).to_have_value("Vera")
    assert asked == ["beforeunload"]
    submit(page)
    page.wait_for_url(re.compile(f"{account}$"))
    assert asked == ["beforeunload"]


def test_a_form_that_was_refused_still_has_unsaved_words(page: Page, account: str) -> None:
    page.goto(f"{account}edit/")
    page.get_by_label("Azure DevOps").press_sequentially("no link")
    submit(page)
    expect(page.get_by_role("alert")).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    with page.expect_event("dialog"):
        page.locator(".sections a").first.click()


def test_leaving_unsaved_names_of_mine_asks(page: Page) -> None:
    page.goto("/preferences/me/")
    page.get_by_label("Your names in the data").press_sequentially("Vera")
    page.once("dialog", lambda dialog: dialog.dismiss())
    with page.expect_event("dialog"):
        page.locator(".sections a").first.click(no_wait_after=True)
    expect(page.get_by_label("Your names in the data")).to_have_value("Vera")


def test_a_lost_cookie_keeps_the_words(page: Page, account: str) -> None:
    page.goto(f"{account}edit/")
    page.get_by_label("VP").fill("Kept Words")
    page.context.clear_cookies()
    submit(page)
    expect(page.locator(".toast-error")).to_contain_text("This form has expired")
    expect(page.get_by_label("VP")).to_have_value("Kept Words")
    submit(page)
    page.wait_for_url(re.compile(f"{account}$"))
    expect(page.locator("main")).to_contain_text("Kept Words")


def test_leaving_names_that_were_not_saved_asks(page: Page, app: App) -> None:
    """Nothing is typed on the page that came back."""
    page.goto("/preferences/me/")
    page.get_by_label("Your names in the data").fill("Kept Name")
    LocalWarehouse.of(app.data).fault("http_status", times=None, status=400, match="MERGE|DELETE")
    page.get_by_role("button", name="Save names").click()
    expect(page.locator("form[data-unsaved]")).to_be_visible()
    LocalWarehouse.of(app.data).clear_faults()
    page.once("dialog", lambda dialog: dialog.dismiss())
    with page.expect_event("dialog"):
        page.locator(".sections a").first.click(no_wait_after=True)
    expect(page.get_by_label("Your names in the data")).to_have_value("Kept Name")
