"""Two people edit the same records: each sees the other's changes, and no text is lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from .live import WITHIN, top, wait_for_first_poll
from .records import create_account, edit, submit


def test_a_record_under_edit_says_so_and_keeps_what_is_typed(
    page: Page, bob: Page, account: str, bsnid: str
) -> None:
    page.goto(f"{account}edit/")
    wait_for_first_poll(page)
    page.get_by_label("VP").click()
    page.keyboard.type("Typed by me")
    bob.goto(f"{account}edit/")
    bob.get_by_label("Admin").fill("Bob's admin")
    submit(bob)
    expect(page.locator(".live-banner h2")).to_have_text(
        f"bob@example.com changed the account Team {bsnid} just now", timeout=WITHIN
    )
    # The focus and the text stay in place: typing goes on.
    page.keyboard.type(", and more")
    expect(page.get_by_label("VP")).to_have_value("Typed by me, and more")
    submit(page)
    expect(page.locator("#toasts")).to_contain_text(
        "bob@example.com changed Admin in the meantime"
    )
    expect(page.locator("#about")).to_contain_text("Bob's admin")
    expect(page.locator("#about")).to_contain_text("Typed by me, and more")


def test_what_is_chosen_and_not_saved_stays(page: Page, bob: Page, account: str) -> None:
    """A chosen status that is not saved yet stays while changes by others arrive."""
    page.goto(account)
    wait_for_first_poll(page)
    card = page.locator("form.platform").filter(has_text="Databricks")
    card.locator("select").focus()
    bob.goto(account)
    for name in ("Databricks", "Snowflake"):
        bob.locator("form.platform").filter(has_text=name).locator("select").select_option(
            "In Progress"
        )
    other = page.locator("form.platform").filter(has_text="Snowflake")
    expect(other.locator(".badge")).to_contain_text("In Progress", timeout=WITHIN)
    expect(card.locator(".badge")).to_contain_text("Not Started")
    expect(card.locator("select")).to_be_focused()
    card.locator("select").blur()
    expect(card.locator(".badge")).to_contain_text("In Progress", timeout=WITHIN)


def test_deleted_while_it_is_edited(page: Page, bob: Page, account: str, bsnid: str) -> None:
    page.goto(f"{account}updates/new/")
    wait_for_first_poll(page)
    page.get_by_label("Update", exact=True).fill("Long text")
    bob.goto(f"{account}delete/")
    bob.locator("main form[method=post] button").click()
    expect(page.locator(".live-banner")).to_contain_text(
        f"bob@example.com deleted the account Team {bsnid} just now", timeout=WITHIN
    )
    submit(page)
    expect(page.locator(".banner h2")).to_have_text("The account was deleted in the meantime")
    expect(page.get_by_label("Update", exact=True)).to_have_value("Long text")


def test_the_same_field_is_asked_about_by_keyboard(page: Page, bob: Page, account: str) -> None:
    page.goto(f"{account}edit/")
    page.get_by_label("VP").fill("Mine")
    bob.goto(f"{account}edit/")
    bob.get_by_label("VP").fill("Bob's")
    submit(bob)
    submit(page)
    choice = page.get_by_role("group", name="VP")
    expect(choice).to_contain_text("Bob's")
    expect(choice.get_by_role("radio", name="Use my value")).to_be_checked()
    choice.get_by_role("radio", name="Use my value").focus()
    page.keyboard.press("ArrowUp")
    expect(choice.get_by_role("radio", name="Keep what")).to_be_checked()
    # Typing means one's own.
    choice.get_by_role("textbox").fill("A third")
    expect(choice.get_by_role("radio", name="Use my value")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.locator("#about")).to_contain_text("A third")


@pytest.mark.parametrize("width", [390, 1440])
def test_the_warning_is_seen_far_down_and_moves_nothing(
    new_context, bob: Page, bsnid: str, width: int
) -> None:
    page = new_context(viewport={"width": width, "height": 500}).new_page()
    create_account(page, bsnid, "Subject")
    page.goto(f"/accounts/{bsnid}/edit/")
    wait_for_first_poll(page)
    field = page.get_by_label("Artifacts folder")
    field.click()
    page.wait_for_timeout(300)
    stood = top(field)
    edit(bob, bsnid, VP="Bob's VP")
    banner = page.locator(".live-banner")
    expect(banner).to_be_in_viewport(timeout=WITHIN)
    assert abs(top(field) - stood) < 2
    assert top(field) > top(banner) + banner.bounding_box()["height"]
    banner.get_by_role("button", name="Dismiss").click()
    expect(banner).to_have_count(0)
