"""The form of a record in a drawer over the page that its link is on."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import Dialog, Locator, Page, Route, expect

from crm.repository.records import mine, use_cases
from crm.warehouse import Warehouse


@pytest.fixture
def case(tables: Warehouse, account: str, bsnid: str) -> str:
    id = str(uuid.uuid4())
    use_cases.create(tables, bsnid, id, {"problem": f"Slow {bsnid}", "status": "Active"})
    return id


def bottom(element: Locator) -> float:
    box = element.bounding_box()
    assert box
    return box["y"] + box["height"]


def somebody_else_was_first(bobs_tables: Warehouse, case: str) -> None:
    """Write the field that the form changes, too."""
    seen = use_cases.get(bobs_tables, case).updated_at
    use_cases.update(bobs_tables, case, {"leader": "Bob's"}, seen)


def close_in_each_way_and_stay(page: Page, drawer: Locator) -> list[str]:
    """Try to close the drawer in each way, and decline each question. Return the list of
    questions, which also gets later ones."""
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", stay)
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    drawer.get_by_role("button", name="Close").click()
    drawer.get_by_role("link", name="Cancel").click()
    return asked


def save_without_an_answer(page: Page, drawer: Locator) -> None:
    """The form says that it is saving. When no answer comes, the message is in the drawer, and
    covers nothing at the form's end."""
    held: list[Route] = []
    page.route("**/edit/*", lambda route: held.append(route))
    page.keyboard.press("Control+Enter")
    expect(drawer.get_by_role("status").filter(has_text="Saving …")).to_be_visible()
    expect(drawer.locator("form[aria-busy=true]")).to_have_count(1)
    held[0].abort()
    expect(drawer.locator(".toast-error")).to_be_visible()
    expect(drawer.locator(".saving")).to_be_empty()
    expect(drawer.locator("form[aria-busy]")).to_have_count(0)
    page.set_viewport_size({"width": 390, "height": 500})
    drawer.evaluate("drawer => drawer.scrollTo(0, drawer.scrollHeight)")
    form, messages = drawer.locator("#record form"), drawer.locator("#toasts")
    assert bottom(form) <= (messages.bounding_box() or {})["y"]
    page.set_viewport_size({"width": 1440, "height": 900})
    page.unroute("**/edit/*")


def test_a_form_opens_over_the_list_and_loses_nothing(
    page: Page, tables: Warehouse, bobs_tables: Warehouse, case: str, bsnid: str
) -> None:
    page.goto(f"/use-cases/?q={bsnid}")
    address, row = page.url, page.locator(f"#row-{case}")
    edit, drawer = row.get_by_role("link", name="Edit this use case"), page.get_by_role("dialog")
    edit.focus()
    page.keyboard.press("Enter")
    expect(drawer.get_by_role("heading", name="Edit use case")).to_be_focused()
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    expect(edit).to_be_focused()

    edit.click()
    expect(drawer.get_by_role("heading", name="Edit use case")).to_be_focused()
    problem, leader = drawer.get_by_label("Problem"), drawer.get_by_label("Leader")
    leader.press_sequentially("Lee")
    problem.fill("")
    asked = close_in_each_way_and_stay(page, drawer)
    assert asked == ["Close the form? What you typed is not saved."] * 4
    problem.focus()
    page.keyboard.press("Control+Enter")
    expect(drawer.locator(".banner")).to_contain_text("Nothing was saved yet")
    expect(drawer.locator("[data-focus]")).to_be_focused()
    expect(leader).to_have_value("Lee")

    problem.fill(f"Slower {bsnid}")
    save_without_an_answer(page, drawer)
    somebody_else_was_first(bobs_tables, case)
    problem.press("Control+Enter")
    expect(drawer.locator(".banner")).to_contain_text("bob@example.com")
    expect(drawer.get_by_label("Leader, my value")).to_have_value("Lee")
    drawer.get_by_role("button", name="Save").click()
    expect(drawer).to_have_count(0)
    expect(page.locator("#toasts")).to_contain_text("The use case was saved.")
    expect(row).to_contain_text(f"Slower {bsnid}")
    expect(row).to_contain_text("Lee")
    expect(edit).to_be_focused()
    assert (page.url, len(asked)) == (address, 4)
    assert use_cases.get(tables, case).value("leader") == "Lee"


def test_the_focus_goes_on_to_what_needs_attention_next(
    page: Page, tables: Warehouse, account: str, bsnid: str
) -> None:
    mine.follow(tables, "dana@example.com", bsnid)
    for n in range(2):
        held = {"problem": f"Held {n}", "status": "On Hold"}
        use_cases.create(tables, bsnid, str(uuid.uuid4()), held)
    page.goto("/attention/?mine=on")
    reasons = page.get_by_role("link", name="Give a reason")
    expect(reasons).to_have_count(2)
    reasons.first.press("Enter")
    expect(page.get_by_role("dialog").get_by_label("Reason")).to_be_focused()
    page.keyboard.type("No budget")
    page.keyboard.press("Control+Enter")
    expect(reasons).to_have_count(1)
    expect(reasons).to_be_focused()
    expect(page.locator(".attention-row", has=reasons)).to_contain_text("Held 1")


def test_an_update_is_written_from_a_row_and_a_use_case_from_an_account(
    page: Page, case: str, account: str, bsnid: str
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/use-cases/?q={bsnid}")
    page.locator(".pick input:visible").first.check()
    write = page.get_by_role("link", name="Write an update about")
    write.click()
    drawer = page.get_by_role("dialog")
    box = drawer.bounding_box()
    assert box == {"x": 0, "y": 0, "width": 390, "height": 844}
    # The author and the date are filled in.
    expect(drawer.get_by_label("Update")).to_be_focused()
    drawer.get_by_label("Update").fill(f"Met {bsnid}")
    drawer.get_by_label("Author").press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("The update was added.")
    expect(write).to_be_focused()
    expect(page.locator(".bulk-bar")).to_contain_text("1 of 1")

    page.goto(account)
    page.get_by_role("link", name="Add use case").first.click()
    form = page.locator("#record")
    form.get_by_label("Problem").fill(f"New {bsnid}")
    form.get_by_label("Status").select_option("Planning")
    form.get_by_role("button", name="Add use case").click()
    added = page.locator("details.use-case", has_text=f"New {bsnid}")
    expect(added).to_have_attribute("open", "")
    expect(page).to_have_url(re.compile(rf"{account}\?use_case="))
    # The account's own form opens there, too; a new tab has the page.
    page.get_by_role("link", name="Edit", exact=True).click()
    form.get_by_label("Team").fill(f"Renamed {bsnid}")
    form.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Renamed {bsnid}")
    assert page.title().startswith(f"Renamed {bsnid}")
