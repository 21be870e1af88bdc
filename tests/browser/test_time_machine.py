"""History, putting back and the past, as people use them."""

from __future__ import annotations

import re
import time

from playwright.sync_api import Page, expect

from .test_working_with_accounts import create_account, submit


def edit(page: Page, bsnid: str, **fields: str) -> None:
    page.goto(f"/accounts/{bsnid}/edit/")
    for label, value in fields.items():
        page.get_by_label(label).fill(value)
    submit(page)
    page.wait_for_url(re.compile(f"/accounts/{bsnid}/$"))


def test_a_field_is_put_back(page: Page, bsnid: str) -> None:
    create_account(page, bsnid, "Subject")
    edit(page, bsnid, VP="Right")
    edit(page, bsnid, VP="Wrong")
    page.get_by_role("link", name="History", exact=True).click()
    change = page.locator(".change").first
    expect(change).to_contain_text("Right")
    change.get_by_role("link", name="Put back").click()
    dialog = page.locator("dialog[open]")
    expect(dialog.get_by_role("row", name="VP")).to_contain_text("Wrong")
    expect(dialog.get_by_role("row", name="VP")).to_contain_text("Right")
    dialog.get_by_role("button", name="Put back").click()
    # Back in the history, where it is the latest change.
    expect(page.locator("#toasts")).to_contain_text("VP of Subject was put back.")
    page.wait_for_url(re.compile(f"/accounts/{bsnid}/history/$"))
    expect(page.locator(".change").first.locator("ins")).to_contain_text("Right")


def test_all_of_a_change_is_put_back_without_javascript(new_context, bsnid: str) -> None:
    page = new_context(java_script_enabled=False).new_page()
    create_account(page, bsnid, "Subject")
    edit(page, bsnid, VP="Wrong", Admin="Wrong too")
    page.goto(f"/accounts/{bsnid}/history/")
    page.get_by_role("link", name="Put all of this back").click()
    expect(page.locator("main")).to_contain_text("Wrong too")
    page.get_by_role("button", name="Put back").click()
    expect(page.locator("#toasts")).to_contain_text("VP and Admin of Subject were put back.")
    page.goto(f"/accounts/{bsnid}/")
    expect(page.locator("main")).not_to_contain_text("Wrong")


def test_a_deleted_account_comes_back_with_its_children(page: Page, bsnid: str) -> None:
    create_account(page, bsnid, "Subject")
    page.goto(f"/accounts/{bsnid}/use-cases/new/")
    page.get_by_label("Problem").fill("Slow reports")
    page.get_by_label("Status").select_option("Planning")
    submit(page)
    expect(page.locator("#use-cases")).to_contain_text("Slow reports")
    page.goto(f"/accounts/{bsnid}/delete/")
    page.locator("main form[method=post] button").click()
    page.wait_for_url(re.compile("/accounts/$"))
    page.goto(f"/accounts/{bsnid}/history/")
    change = page.locator(".change").filter(has_text="Deleted the account Subject")
    change.get_by_role("link", name="Bring it back").click()
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text("1 use case")
    dialog.get_by_role("button", name="Bring it back").click()
    page.wait_for_url(re.compile(f"/accounts/{bsnid}/$"))
    expect(page.locator("#use-cases")).to_contain_text("Slow reports")


def test_undo_right_after_a_delete(page: Page, bsnid: str) -> None:
    create_account(page, bsnid, "Subject")
    page.goto(f"/accounts/{bsnid}/updates/new/")
    page.get_by_label("Update", exact=True).fill("Kick-off")
    submit(page)
    page.locator("#updates .timeline-item a[title*=Delete]").click()
    page.locator("dialog[open] form button").click()
    expect(page.locator("#updates")).not_to_contain_text("Kick-off")
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.locator("#updates")).to_contain_text("Kick-off")


def test_a_records_history_opens_beside_it(page: Page, bsnid: str) -> None:
    create_account(page, bsnid, "Subject")
    card = page.locator("form.platform").filter(has_text="Snowflake")
    card.locator("select").select_option("Requested")
    expect(card.locator(".badge")).to_contain_text("Requested")
    card.get_by_title("History of this status").click()
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text("Set Snowflake to Requested")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_the_whole_app_in_the_past_and_back(page: Page, bsnid: str) -> None:
    create_account(page, bsnid, "As it was")
    time.sleep(1.1)
    moment = page.evaluate("new Date().toISOString()")
    time.sleep(1.1)
    edit(page, bsnid, Team="As it is")
    page.goto(f"/as-of/{moment}/accounts/{bsnid}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("As it was")
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


def test_the_time_picker_keeps_the_page(page: Page, bsnid: str) -> None:
    create_account(page, bsnid, "Subject")
    time.sleep(1.1)
    moment = page.evaluate(
        "new Date(Date.now() - new Date().getTimezoneOffset() * 60000).toISOString().slice(0, 19)"
    )
    time.sleep(1.1)
    edit(page, bsnid, Team="Later")
    page.goto(f"/accounts/?q={bsnid}")
    page.locator("#time-machine summary").click()
    page.get_by_label("A moment").fill(moment)
    page.get_by_role("button", name="Go", exact=True).click()
    expect(page.locator(".past")).to_contain_text("You are looking at")
    expect(page.locator("#listing")).to_contain_text("Subject")
    assert f"q={bsnid}" in page.url
