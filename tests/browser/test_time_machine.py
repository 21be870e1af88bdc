"""Using the history, reverting changes, and pages of the past."""

from __future__ import annotations

import re
import uuid

from playwright.sync_api import Page, expect

from crm.model.as_of_address import format_moment
from crm.repository.records import accounts, use_cases
from crm.warehouse import Warehouse

from ..patience import next_second
from .clock import let_pass, run_faster
from .records import add_account, add_update, change_account, platform_card, set_status


def typed_moment(page: Page) -> str:
    """Return the next second, as one types it in the browser's time zone; it has begun."""
    next_second()
    typed: str = page.evaluate(
        "new Date(Date.now() - new Date().getTimezoneOffset() * 60000).toISOString().slice(0, 19)"
    )
    return typed


def test_a_field_is_reverted(page: Page, tables: Warehouse, bsnid: str) -> None:
    add_account(tables, bsnid, "Subject")
    change_account(tables, bsnid, vp="Right")
    change_account(tables, bsnid, vp="Wrong")
    page.goto(f"/accounts/{bsnid}/")
    page.get_by_role("link", name="History", exact=True).click()
    # Before its scripts run, the link below would open the page of the dialog.
    page.wait_for_url(re.compile("/history/$"))
    change = page.locator(".change").first
    expect(change).to_contain_text("Right")
    change.get_by_role("link", name="Revert").click()
    dialog = page.locator("dialog[open]")
    expect(dialog.get_by_role("row", name="VP")).to_contain_text("Wrong")
    expect(dialog.get_by_role("row", name="VP")).to_contain_text("Right")
    dialog.get_by_role("button", name="Revert").click()
    # Back in the history, where it is the latest change.
    expect(page.locator("#toasts")).to_contain_text("VP of Subject was reverted.")
    page.wait_for_url(re.compile(f"/accounts/{bsnid}/history/$"))
    expect(page.locator(".change").first.locator("ins")).to_contain_text("Right")


def test_all_of_a_change_is_reverted_without_javascript(
    new_context, tables: Warehouse, bsnid: str
) -> None:
    page = new_context(java_script_enabled=False).new_page()
    add_account(tables, bsnid, "Subject")
    change_account(tables, bsnid, vp="Wrong", admin="Wrong too")
    page.goto(f"/accounts/{bsnid}/history/")
    page.get_by_role("link", name="Revert all of this").click()
    expect(page.locator("main")).to_contain_text("Wrong too")
    page.get_by_role("button", name="Revert").click()
    expect(page.locator("#toasts")).to_contain_text("VP and Admin of Subject were reverted.")
    page.goto(f"/accounts/{bsnid}/")
    expect(page.locator("main")).not_to_contain_text("Wrong")


def test_a_deleted_account_comes_back_with_its_children(
    page: Page, tables: Warehouse, bsnid: str
) -> None:
    add_account(tables, bsnid, "Subject")
    values = {"problem": "Slow reports", "status": "Planning"}
    use_cases.create(tables, bsnid, str(uuid.uuid4()), values)
    accounts.delete(tables, bsnid)
    page.goto(f"/accounts/{bsnid}/history/")
    change = page.locator(".change").filter(has_text="Deleted the account Subject")
    change.get_by_role("link", name="Bring it back").click()
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text("1 use case")
    dialog.get_by_role("button", name="Bring it back").click()
    page.wait_for_url(re.compile(f"/accounts/{bsnid}/$"))
    expect(page.locator("#use-cases")).to_contain_text("Slow reports")


def test_undo_right_after_a_delete(page: Page, tables: Warehouse, bsnid: str) -> None:
    add_account(tables, bsnid, "Subject")
    add_update(tables, bsnid, "Kick-off")
    run_faster(page)
    page.goto(f"/accounts/{bsnid}/")
    page.locator("#updates .timeline-item a[title*=Delete]").click()
    page.locator("dialog[open] form button").click()
    expect(page.locator("#updates")).not_to_contain_text("Kick-off")
    # The message stays, and the keyboard reaches its button soon.
    undo = page.locator("#toasts").get_by_role("button", name="Undo")
    let_pass(page, 8_000)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(undo).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#updates")).to_contain_text("Kick-off")


def test_a_records_history_opens_beside_it(page: Page, tables: Warehouse, bsnid: str) -> None:
    add_account(tables, bsnid, "Subject")
    page.goto(f"/accounts/{bsnid}/")
    card = platform_card(page, "Snowflake")
    set_status(card, "Requested")
    expect(card.locator("summary .badge")).to_contain_text("Requested")
    card.locator("summary").click()
    card.get_by_role("link", name="History of this status").click()
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text("Set Snowflake to Requested")
    expect(dialog).to_contain_text("The warehouse keeps changes for a limited time")
    expect(dialog.locator(".moment-changes")).to_have_css("list-style-type", "none")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_the_whole_app_in_the_past_and_back(page: Page, tables: Warehouse, bsnid: str) -> None:
    add_account(tables, bsnid, "As it was")
    moment = format_moment(next_second())
    change_account(tables, bsnid, team="As it is")
    page.goto(f"/as-of/{moment}/accounts/{bsnid}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("As it was")
    assert re.match(r"As it was as of \d+ \w{3} \d{4}, \d\d:\d\d · EDIP CRM$", page.title())
    expect(page.get_by_role("link", name="Edit")).to_have_count(0)
    page.get_by_role("link", name="Accounts").first.click()
    page.get_by_role("searchbox").fill(bsnid)
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator("#listing")).to_contain_text("As it was")
    assert "/as-of/" in page.url
    page.locator("[data-back-to-now]").first.click()
    expect(page.locator("#listing")).to_contain_text("As it is")
    assert "/as-of/" not in page.url
    page.goto(f"/as-of/{moment}/accounts/{bsnid}/")
    page.get_by_role("link", name="What changed since").first.click()
    expect(page.locator(".field-changes")).to_contain_text("As it is")


def test_the_time_picker_keeps_the_page(page: Page, tables: Warehouse, bsnid: str) -> None:
    add_account(tables, bsnid, "Subject")
    moment = typed_moment(page)
    change_account(tables, bsnid, team="Later")
    page.goto(f"/accounts/?q={bsnid}")
    page.locator("#time-machine summary").click()
    page.get_by_label("A moment").fill(moment)
    page.get_by_role("button", name="Go", exact=True).click()
    expect(page.locator(".past")).to_contain_text("You see EDIP CRM as of")
    expect(page.locator("#listing")).to_contain_text("Subject")
    assert f"q={bsnid}" in page.url


def test_enter_takes_the_moment_that_is_typed(page: Page, tables: Warehouse, bsnid: str) -> None:
    add_account(tables, bsnid, "Subject")
    moment = typed_moment(page)
    page.goto(f"/accounts/{bsnid}/")
    page.locator("#time-machine summary").click()
    field = page.get_by_label("A moment")
    field.fill(moment)
    field.press("Enter")
    page.wait_for_url(re.compile(f"/accounts/{bsnid}/$"))
    assert page.url.split("/")[4].startswith(moment[:13])
    expect(page.get_by_role("heading", level=1)).to_contain_text("Subject")
    page.locator("#time-machine summary").click()
    page.get_by_role("button", name="A week ago").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Before EDIP CRM")


def test_back_to_now_from_what_changed_since(page: Page, tables: Warehouse, bsnid: str) -> None:
    add_account(tables, bsnid, "Subject")
    moment = format_moment(next_second())
    for since, now in (("since/", "/"), (f"accounts/{bsnid}/since/", f"/accounts/{bsnid}/")):
        page.goto(f"/as-of/{moment}/{since}")
        page.locator("[data-back-to-now]").click()
        page.wait_for_url(re.compile(f"//[^/]+{now}$"))


def test_from_a_page_that_the_past_does_not_have(
    page: Page, tables: Warehouse, bsnid: str
) -> None:
    """A form leads to what it is about, the admin tools to the overview."""
    add_account(tables, bsnid, "Subject")
    moment = typed_moment(page)
    pages = {
        f"/accounts/{bsnid}/edit/": f"/accounts/{bsnid}/",
        f"/accounts/{bsnid}/updates/new/": f"/accounts/{bsnid}/",
        "/accounts/new/": "/accounts/",
        "/admin-tools/import/": "/",
    }
    for path, leads_to in pages.items():
        page.goto(path)
        page.locator("#time-machine summary").click()
        page.get_by_label("A moment").fill(moment)
        page.get_by_role("button", name="Go", exact=True).click()
        page.wait_for_url(re.compile(f"/as-of/[^/]+{leads_to}$"))
        expect(page.locator(".past")).to_be_visible()


def test_a_first_visit_from_another_time_zone(new_context) -> None:
    """The moment that is offered is one in that zone, as it will be understood."""
    page = new_context(timezone_id="America/Los_Angeles").new_page()
    page.goto("/accounts/")
    next_second()
    page.locator("#time-machine summary").click()
    page.get_by_role("button", name="Go", exact=True).click()
    expect(page.locator(".past")).to_contain_text("You see EDIP CRM as of")
    page.context.clear_cookies()
    page.reload()
    shown = page.locator("#time-machine-moment").input_value()
    page.reload()
    assert page.locator("#time-machine-moment").input_value() == shown


def test_the_picker_has_room_for_a_moment(page: Page) -> None:
    page.goto("/")
    page.locator("#time-machine summary").click()
    for width in (320, 390, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        field = page.get_by_label("A moment").bounding_box()
        go = page.get_by_role("button", name="Go", exact=True).bounding_box()
        assert field["width"] >= 240, width
        assert go["x"] + go["width"] <= width


def test_long_names_stay_within_what_changed_since(
    page: Page, tables: Warehouse, bsnid: str
) -> None:
    page.set_viewport_size({"width": 320, "height": 700})
    add_account(tables, bsnid, "Short")
    moment = format_moment(next_second())
    change_account(tables, bsnid, team="W" * 150)
    page.goto(f"/as-of/{moment}/since/")
    expect(page.locator("main")).to_contain_text("W" * 150)
    box = page.get_by_role("link", name="W" * 150).bounding_box()
    assert box["x"] + box["width"] <= 320
