"""Changing many accounts at once, in a browser: clicks, statements, the keyboard, no JavaScript."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from crm.model.schema import ACCOUNTS
from crm.repository.records import accounts, platforms
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from ..control import LocalWarehouse
from .conftest import App

TEAMS = 56


@pytest.fixture
def partner(tables: Warehouse, bsnid: str) -> str:
    """The IT partner of 56 accounts."""
    name = f"Bob {bsnid}"
    rows = [
        {"bsnid": f"{bsnid}-{n:02}", "team": f"Team {n:02}", "primary_it_partner": name}
        for n in range(TEAMS)
    ]
    insert_missing(tables, ACCOUNTS, rows)
    return name


class Clicks:
    """Clicks, and counts them; choosing in a select would count as two."""

    count = 0

    def __call__(self, element: Locator) -> None:
        element.click()
        self.count += 1


def boxes(page: Page) -> Locator:
    return page.locator("tbody .pick input")


def statements(app: App, after: int) -> list[str]:
    """Return the statements since then, without those of lists, of open pages, and of policies,
    which a process reads once in ten minutes."""
    texts = [each["text"] for each in LocalWarehouse.of(app.data).statements(after)]
    others = ("table_changes", "DESCRIBE", "SHOW", "COLLECT_LIST", "information_schema")
    return [text for text in texts if not any(word in text for word in others)]


def last_statement(app: App) -> int:
    return LocalWarehouse.of(app.data).last()


def test_56_accounts_are_handed_over(
    page: Page, app: App, tables: Warehouse, partner: str, bsnid: str
) -> None:
    click = Clicks()
    page.goto("/accounts/")
    click(page.locator("#facet-primary_it_partner summary"))
    click(page.locator("#facet-primary_it_partner").get_by_label(partner))
    expect(page.locator("#listing .count")).to_contain_text(f"of {TEAMS}")
    page.keyboard.press("Escape")
    before = last_statement(app)
    click(page.get_by_label("Select all on this page"))
    expect(page.locator(".bulk-bar")).to_contain_text("25 of 25 on this page selected")
    click(page.get_by_role("button", name=f"Change all {TEAMS} that match"))
    expect(page.locator("#bulk_column")).to_have_value("primary_it_partner")
    expect(page.locator("[name=value]").first).to_be_focused()
    page.keyboard.type(f"Anna {bsnid}")
    click(page.get_by_role("button", name="Preview").first)
    expect(page.locator("main")).to_contain_text(f"{TEAMS} accounts change.")
    click(page.get_by_role("button", name=f"Change {TEAMS} accounts"))
    expect(page.locator("#toasts")).to_contain_text(f"{TEAMS} accounts were changed.")
    assert click.count <= 8
    assert len(statements(app, before)) <= 3
    assert accounts.get(tables, f"{bsnid}-55").value("primary_it_partner") == f"Anna {bsnid}"
    # A message with long names may be higher than the window: its button stays in it.
    page.locator(".toast p").evaluate("(text) => text.append('漢字'.repeat(1000))")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#toasts")).to_contain_text(f"{TEAMS} records are as they were before.")
    assert accounts.get(tables, f"{bsnid}-55").value("primary_it_partner") == partner


def test_rows_are_selected_by_range_and_by_keyboard(page: Page, partner: str) -> None:
    page.goto(f"/accounts/?primary_it_partner={partner}")
    bar = page.locator(".bulk-bar")
    expect(bar).to_be_hidden()
    boxes(page).nth(2).click()
    boxes(page).nth(5).click(modifiers=["Shift"])
    expect(bar).to_contain_text("4 of 25 on this page selected")
    assert page.url.endswith(f"/accounts/?primary_it_partner={partner}".replace(" ", "%20"))
    boxes(page).nth(6).focus()
    page.keyboard.press("Space")
    expect(bar).to_contain_text("5 of 25")
    page.get_by_role("button", name="Unselect all", exact=True).press("Enter")
    expect(bar).to_be_hidden()
    expect(page.get_by_label("Select all on this page")).to_be_focused()
    boxes(page).nth(6).press("Space")
    boxes(page).nth(6).press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Change accounts")


def test_a_change_by_somebody_else_keeps_the_selection(
    page: Page, bobs_tables: Warehouse, partner: str, bsnid: str
) -> None:
    page.goto(f"/accounts/?primary_it_partner={partner}")
    boxes(page).nth(0).click()
    boxes(page).nth(1).click()
    first = accounts.get(bobs_tables, f"{bsnid}-00")
    accounts.update(bobs_tables, f"{bsnid}-00", {"vp": "Vera"}, first.updated_at)
    expect(page.locator("#live-announcement")).to_contain_text("changed")
    expect(page.locator(".bulk-bar")).to_contain_text("2 of 25")
    # Without a selection the list shows the change.
    page.get_by_role("button", name="Unselect all", exact=True).click()
    page.locator("h1").click()
    expect(page.locator(f"[data-account='{bsnid}-00']")).to_contain_text("Vera")


def test_without_javascript(
    new_context: Callable[..., BrowserContext], tables: Warehouse, partner: str, bsnid: str
) -> None:
    page = new_context(java_script_enabled=False).new_page()
    page.goto(f"/accounts/?primary_it_partner={partner}")
    boxes(page).nth(0).check()
    page.get_by_role("button", name="Change selected").click()
    expect(page.locator(".lead")).to_contain_text("1 account that you selected")
    page.get_by_label("New value").fill("Carl")
    page.get_by_role("button", name="Preview").first.click()
    page.get_by_role("button", name="Change 1 account").click()
    expect(page.locator("#toasts")).to_contain_text("1 account was changed.")
    assert accounts.get(tables, f"{bsnid}-00").value("primary_it_partner") == "Carl"


def test_a_status_is_set_in_the_list(
    page: Page, tables: Warehouse, partner: str, bsnid: str
) -> None:
    page.goto(f"/accounts/?primary_it_partner={partner}")
    row = page.locator(f"[data-account='{bsnid}-01']")
    status, dialog = row.locator(".set-status").first, page.get_by_role("dialog")
    status.focus()
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("Databricks")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(status).to_be_focused()
    address = page.url
    status.click()
    dialog.get_by_label("Requested").check()
    dialog.get_by_label("Reason").fill("They asked")
    # A message can be used while the dialog is open.
    page.route("**/platforms/**", lambda route: route.abort())
    dialog.get_by_role("button", name="Save").click()
    page.locator(".toast-error [data-dismiss]").click()
    page.unroute("**/platforms/**")
    dialog.get_by_role("button", name="Save").click()
    expect(status.locator(".badge")).to_have_text("Requested")
    expect(dialog).to_have_count(0)
    expect(status).to_be_focused()
    assert page.url == address
    assert [row.status for row in platforms.list_for(tables, f"{bsnid}-01")] == ["Requested"]
