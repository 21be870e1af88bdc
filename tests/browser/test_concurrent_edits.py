"""Two people edit the same records: each sees the other's changes, and no text is lost."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from crm.repository.records import accounts, platforms
from crm.warehouse import Warehouse

from .layout import let_it_settle
from .live import WITHIN, top, wait_for_poll
from .records import change_account, platform_card, submit


def test_a_record_under_edit_says_so_and_keeps_what_is_typed(
    page: Page, bobs_tables: Warehouse, account: str, bsnid: str
) -> None:
    page.goto(f"{account}edit/")
    wait_for_poll(page)
    page.get_by_label("VP").click()
    page.keyboard.type("Typed by me")
    change_account(bobs_tables, bsnid, admin="Bob's admin")
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


def test_what_is_chosen_and_not_saved_stays(
    page: Page, bobs_tables: Warehouse, account: str, bsnid: str
) -> None:
    """A chosen status that is not saved yet stays while changes by others arrive."""
    page.goto(account)
    wait_for_poll(page)
    card = platform_card(page, "Databricks")
    card.locator("summary").click()
    card.get_by_label("Requested").check()
    for name in ("Databricks", "Snowflake"):
        platforms.set_status(bobs_tables, bsnid, name, "In Progress", None)
    other = platform_card(page, "Snowflake")
    expect(other.locator("summary .badge")).to_contain_text("In Progress", timeout=WITHIN)
    expect(card.locator("summary .badge")).to_contain_text("Not Started")
    expect(card.get_by_label("Requested")).to_be_checked()
    card.get_by_label("Not Started").check()
    page.keyboard.press("Escape")
    expect(card.locator("summary .badge")).to_contain_text("In Progress", timeout=WITHIN)


def test_deleted_while_it_is_edited(
    page: Page, bobs_tables: Warehouse, account: str, bsnid: str
) -> None:
    page.goto(f"{account}updates/new/")
    wait_for_poll(page)
    page.get_by_label("Update", exact=True).fill("Long text")
    accounts.delete(bobs_tables, bsnid)
    expect(page.locator(".live-banner")).to_contain_text(
        f"bob@example.com deleted the account Team {bsnid} just now", timeout=WITHIN
    )
    submit(page)
    expect(page.locator(".banner h2")).to_have_text("The account was deleted in the meantime")
    expect(page.get_by_label("Update", exact=True)).to_have_value("Long text")


def test_the_same_field_is_asked_about_by_keyboard(
    page: Page, bobs_tables: Warehouse, account: str, bsnid: str
) -> None:
    page.goto(f"{account}edit/")
    page.get_by_label("VP").fill("Mine")
    change_account(bobs_tables, bsnid, vp="Bob's")
    submit(page)
    choice = page.get_by_role("group", name="VP")
    expect(choice).to_contain_text("Bob's")
    expect(choice.get_by_role("radio", name="Use my value")).to_be_checked()
    choice.get_by_role("radio", name="Use my value").focus()
    page.keyboard.press("ArrowUp")
    expect(choice.get_by_role("radio", name="Keep what")).to_be_checked()
    # Typing chooses one's own value.
    choice.get_by_role("combobox").fill("A third")
    expect(choice.get_by_role("radio", name="Use my value")).to_be_checked()
    # In the field itself, Enter may close the browser's list of suggestions instead.
    page.locator("main form[method=post] .actions button").press("Enter")
    expect(page.locator("#about")).to_contain_text("A third")


def test_the_warning_is_seen_far_down_and_moves_nothing(
    page: Page, bobs_tables: Warehouse, account: str, bsnid: str
) -> None:
    page.goto(f"{account}edit/")
    wait_for_poll(page)
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 500})
        field = page.get_by_label("Artifacts folder")
        field.click()
        let_it_settle(page)
        stood = top(field)
        change_account(bobs_tables, bsnid, vp=f"Bob's VP at {width}")
        banner = page.locator(".live-banner")
        expect(banner).to_be_in_viewport(timeout=WITHIN)
        assert abs(top(field) - stood) < 2
        assert top(field) > top(banner) + banner.bounding_box()["height"]
        banner.get_by_role("button", name="Dismiss").click()
        expect(banner).to_have_count(0)
