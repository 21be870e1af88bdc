"""Daily work in the CRM: by mouse, by keyboard, without JavaScript, by two people at once."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from ..control import LocalWarehouse
from .records import create_account, platform_card, set_status, submit


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])
def test_an_account_from_beginning_to_end(new_context, bsnid: str, javascript: bool) -> None:
    page = new_context(java_script_enabled=javascript).new_page()
    team = f"Team {bsnid}"
    create_account(page, bsnid, team)

    panel = platform_card(page, "Snowflake")
    set_status(panel, "Requested")
    expect(panel.locator("summary .badge")).to_contain_text("Requested")

    page.get_by_role("link", name="Add use case").first.click()
    form = page.locator("#record")
    form.get_by_label("Problem").fill(f"Slow reports {bsnid}")
    form.get_by_label("Status").select_option("Planning")
    form.get_by_role("button", name="Add use case").click()
    expect(page.locator("main")).to_contain_text(f"Slow reports {bsnid}")

    composer = page.locator("#composer")
    composer.get_by_text("Platform, status, author and date").click()
    expect(composer.get_by_label("Author")).to_have_value("Dana")
    composer.get_by_label("Write an update").fill(f"Kick-off held {bsnid}")
    composer.get_by_role("button", name="Save").click()
    expect(page.locator("main")).to_contain_text(f"Kick-off held {bsnid}")

    for path, found in (("/accounts/", team), ("/use-cases/", "Slow"), ("/updates/", "Kick-off")):
        page.goto(path)
        page.get_by_role("searchbox").fill(bsnid)
        page.get_by_role("searchbox").press("Enter")
        page.wait_for_url(re.compile(f"q={bsnid}"))
        expect(page.locator("#listing, main").first).to_contain_text(found)

    page.goto(f"/accounts/{bsnid}/edit/")
    page.get_by_label("VP").fill("Vera Person")
    submit(page)
    expect(page.locator("main")).to_contain_text("Vera Person")

    page.goto(f"/accounts/{bsnid}/delete/")
    expect(page.locator("main")).to_contain_text("1 use case")
    page.locator("main form[method=post] button").click()
    page.wait_for_url(re.compile(r"/accounts/$"))
    assert page.request.get(f"/accounts/{bsnid}/").status == 404


def test_the_help_opens_over_the_page(page: Page) -> None:
    page.goto("/accounts/")
    page.get_by_role("searchbox").press("?")
    expect(page.get_by_role("searchbox")).to_have_value("?")
    page.locator("main").focus()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Help")
    expect(dialog).to_contain_text("This page: Accounts")
    page.keyboard.press("?")
    expect(dialog).to_have_count(1)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    help_link = page.get_by_role("link", name="Help")
    help_link.click()
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(help_link).to_be_focused()


def test_two_people_edit_one_account(new_context, account: str, bsnid: str) -> None:
    first, second = new_context().new_page(), new_context().new_page()
    for page in (first, second):
        page.goto(f"/accounts/{bsnid}/edit/")
    first.get_by_label("VP").fill("First Person")
    submit(first)
    expect(first.locator("main")).to_contain_text("First Person")

    second.get_by_label("VP").fill("Second Person")
    second.get_by_label("Admin").fill("Only Mine")
    submit(second)
    expect(second.locator("main")).to_contain_text("First Person")
    expect(second.get_by_label("VP, my value")).to_have_value("Second Person")
    expect(second.get_by_label("Admin")).to_have_value("Only Mine")
    assert second.request.get(f"/accounts/{bsnid}/").text().count("First Person") > 0

    submit(second)
    second.wait_for_url(re.compile(f"/accounts/{bsnid}/$"))
    expect(second.locator("main")).to_contain_text("Second Person")
    expect(second.locator("main")).to_contain_text("Only Mine")


def test_search_as_you_type(page: Page) -> None:
    page.goto("/accounts/")
    page.keyboard.press("f")
    page.keyboard.type("bsn004")
    expect(page).to_have_url(re.compile("q=bsn004"))
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(1)
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.get_by_role("searchbox")).to_have_value("bsn004")
    page.go_back()
    expect(rows).not_to_have_count(1)


def test_everything_is_found_by_keyboard(page: Page) -> None:
    page.goto("/trends/")
    page.keyboard.press("/")
    field = page.get_by_role("combobox", name="Search everything")
    expect(field).to_be_focused()
    page.keyboard.type("risk")
    options = page.get_by_role("listbox").get_by_role("option")
    expect(options.first).to_have_attribute("aria-selected", "true")
    assert field.get_attribute("aria-activedescendant") == options.first.get_attribute("id")
    expect(page.locator("#search-status")).to_contain_text("result")
    page.keyboard.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/accounts/BSN004/$"))
    # From a field, too; Escape closes it and brings the focus back.
    page.locator("#composer_description").focus()
    page.keyboard.press("Control+k")
    expect(field).to_be_focused()
    expect(options.first).to_contain_text("BSN004")
    page.keyboard.press("Escape")
    expect(page.locator("#composer_description")).to_be_focused()


def test_errors_keep_what_was_typed(page: Page, bsnid: str) -> None:
    page.goto("/accounts/new/")
    page.get_by_label("BSNID").fill(bsnid)
    page.get_by_label("Team").fill("Kept")
    page.get_by_label("Business area").fill("Finance")
    page.get_by_label("Azure DevOps").fill("javascript:alert(1)")
    submit(page)
    field = page.get_by_label("Azure DevOps")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_value("javascript:alert(1)")
    expect(page.get_by_label("Team")).to_have_value("Kept")


def test_a_form_by_keyboard_alone(page: Page, bsnid: str) -> None:
    page.goto("/accounts/new/")
    # A BSNID is proposed, so the first field to fill is the next one.
    expect(page.get_by_label("Team")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.type(bsnid)
    for text in ("Keyboard Team", "Finance", "A Vice", "An Admin", "A Partner"):
        page.keyboard.press("Tab")
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"/accounts/{bsnid}/$"))
    expect(page.locator("main")).to_contain_text("A Partner")


def test_the_theme_is_remembered(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name=re.compile("dark", re.IGNORECASE)).click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_warehouse_that_fails_while_saving_loses_nothing(page: Page, app, bsnid: str) -> None:
    page.goto("/accounts/new/")
    page.get_by_label("BSNID").fill(bsnid)
    page.get_by_label("Team").fill("Not lost")
    page.get_by_label("Business area").fill("Finance")
    LocalWarehouse.of(app.data).fault("expired_token", match="MERGE")
    submit(page)
    expect(page.locator("[role=alert]").first).to_be_visible()
    expect(page.get_by_label("Team")).to_have_value("Not lost")
    submit(page)
    page.wait_for_url(re.compile(f"/accounts/{bsnid}/$"))


def test_a_phones_sheets_have_a_title_and_a_close_button(page: Page, bsnid: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    create_account(page, bsnid, f"Team {bsnid}")
    page.goto("/accounts/")
    titles = {
        "#facet-views": "Views",
        "#facet-columns": "Columns",
        "#facet-sort": "Then sort by",
        "#facet-vp": "VP",
        "#time-machine": "See everything as of…",
    }
    for selector, title in titles.items():
        sheet = page.locator(selector)
        sheet.locator("summary").click()
        expect(sheet.locator(".sheet-head")).to_contain_text(title)
        expect(sheet.get_by_role("group", name=title)).to_be_visible()
        sheet.get_by_role("button", name="Close").click()
        expect(sheet).not_to_have_attribute("open", "")
        expect(sheet.locator("summary")).to_be_focused()


def test_a_filter_stays_open_while_values_are_chosen(page: Page, bsnid: str) -> None:
    create_account(page, bsnid, f"Team {bsnid}")
    page.goto(f"/accounts/?q={bsnid}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    filter = page.locator("#facet-business_area")
    boxes = filter.get_by_role("checkbox")
    expect(boxes).to_have_count(0)
    filter.locator("summary").focus()
    held: list[Route] = []
    page.route(re.compile("/facet/"), lambda route: held.append(route))
    page.keyboard.press("Enter")
    expect(filter.get_by_text("Loading the values…")).to_be_visible()
    expect(filter.get_by_role("link", name="Choose values")).to_be_hidden()
    held[0].continue_()
    page.unroute_all()
    expect(boxes).to_have_count(1)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator(".chip", has_text="Business area")).to_be_visible()
    # The values are not fetched again, the focus stays, and nothing counts as unsaved.
    expect(boxes).to_have_count(1)
    expect(boxes.first).to_be_focused()
    expect(filter.locator(".facet-number")).to_have_text("1")
    assert len([url for url in asked if "/facet/" in url]) == 1
    assert not boxes.first.evaluate("box => box.checked !== box.defaultChecked")
    # After another change of the list, the values are fetched again.
    page.locator("#q").fill("no such account")
    with page.expect_response(lambda response: "/facet/" in response.url):
        expect(filter.locator(".facet-number")).to_have_text("0")
    page.keyboard.press("Escape")
    expect(filter).not_to_have_attribute("open", "")
