"""Choosing what each heading of an import means, with the keyboard and without JavaScript."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from crm.repository.records import accounts
from crm.warehouse import Warehouse

from ..patience import seconds
from .layout import width_at


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])
def test_a_mapping_rescues_a_file_and_can_be_changed(
    new_context: Any, tables: Warehouse, bsnid: str, tmp_path: Path, javascript: bool
) -> None:
    file = tmp_path / "leads.csv"
    # The headings differ from run to run: those of an earlier run are kept.
    file.write_text(f"Number {bsnid},Group,Mood\n{bsnid},Claims {bsnid},good\n")
    page = new_context(java_script_enabled=javascript).new_page()
    page.goto("/admin-tools/import/")
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Preview the import").click()
    table = page.get_by_label("Table", exact=True)
    expect(table).to_be_visible(timeout=1000 * seconds(30))
    page.wait_for_load_state()

    table.focus()
    table.select_option("accounts")
    if javascript:
        expect(page.get_by_label("Group")).to_be_visible()
        expect(table).to_be_focused()
    else:
        page.get_by_role("button", name="Show what the choices mean").click()
    if javascript:
        _panels_stay_closed(page)
    _choose(page, f"Number {bsnid}", "bsnid")
    _choose(page, "Group", "vp")
    _preview(page)
    page.get_by_role("button", name="Change how the file is read").click()
    expect(page.get_by_label("Group")).to_have_value("vp")
    _nothing_sticks_out(page)
    _choose(page, "Group", "team")
    _preview(page)
    page.get_by_role("button", name="Import 1 row").click()
    expect(page.get_by_role("heading", name="Imported, and verified")).to_be_visible(
        timeout=1000 * seconds(30)
    )
    assert accounts.get(tables, bsnid).team == f"Claims {bsnid}"


def _panels_stay_closed(page: Page) -> None:
    panel = page.locator(".mapping-part")
    panel.locator("summary").click()
    expect(panel.locator("[data-open]")).to_have_value("no")
    page.locator("form.mapping").evaluate("form => form.dispatchEvent(new Event('change'))")
    expect(page.locator(".htmx-request")).to_have_count(0)
    expect(panel).not_to_have_attribute("open", "")
    panel.locator("summary").click()
    expect(page.get_by_label("Group")).to_be_visible()


def _choose(page: Page, heading: str, column: str) -> None:
    page.get_by_label(heading).select_option(column)
    expect(page.get_by_label(heading)).to_have_value(column)
    # With JavaScript the page has sent the choice, and shows what it means.
    expect(page.locator(".htmx-request")).to_have_count(0)


def _preview(page: Page) -> None:
    page.get_by_role("button", name="Preview the import").press("Enter")
    expect(page.get_by_role("button", name="Import 1 row")).to_be_visible(
        timeout=1000 * seconds(30)
    )


def _nothing_sticks_out(page: Page) -> None:
    for width in (390, 768, 1440):
        assert width_at(page, width) == width
