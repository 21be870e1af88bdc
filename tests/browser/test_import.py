"""Importing a file in the app, and undoing the import."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from crm.warehouse import Warehouse

from ..patience import seconds
from .layout import width_at
from .records import add_account

_STAMPS = ("updated_at", "updated_by")


def everything(context: BrowserContext) -> dict[str, Any]:
    """Return the exported data without who changed a row last, and when."""
    data = context.request.get("/admin-tools/export/?format=json").json()
    return {
        table: [{k: v for k, v in row.items() if k not in _STAMPS} for row in rows]
        for table, rows in data.items()
        if isinstance(rows, list)
    }


def upload(page: Page, path: Path) -> None:
    page.goto("/admin-tools/import/")
    page.get_by_label("File", exact=True).set_input_files(path)
    page.get_by_label("Rows that already exist").select_option("update")
    page.get_by_role("button", name="Preview the import").click()


@pytest.fixture
def file(tmp_path: Path, bsnid: str) -> Path:
    """A file with an account that exists, one that is new, and one that is invalid."""
    status = {"platforms_status": {"Databricks": "Completed"}}
    state = {
        "accounts": {
            bsnid: {"team": f"Renamed {bsnid}", "vp": "Vera Person"} | status,
            f"{bsnid}-2": {"team": f"Another {bsnid}", "business_area": "Finance"} | status,
            "a/b": {"team": "Nowhere"},
        },
        "updates": {
            bsnid: {"account_bsnid": bsnid, "author": "Ana", "description": f"Said {bsnid}"}
        },
    }
    path = tmp_path / "state.json"
    path.write_text(json.dumps(state))
    return path


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])
def test_imported_and_undone_everything_is_as_before(
    new_context: Any, tables: Warehouse, bsnid: str, file: Path, javascript: bool
) -> None:
    """With JavaScript, two tabs import the same file, and both show the result."""
    context = new_context(java_script_enabled=javascript)
    page = context.new_page()
    add_account(tables, bsnid, f"Subject {bsnid}")
    before = everything(context)

    upload(page, file)
    _the_preview_shows_all(page, bsnid)
    assert everything(context) == before
    tabs = [page]
    if javascript:
        _nothing_sticks_out(page)
        tabs.append(context.new_page())
        tabs[1].goto(page.url)

    for tab in tabs:
        tab.get_by_role("button", name="Import 5 rows").click()
        expect(tab.get_by_role("heading", name="Imported, and verified")).to_be_visible(
            timeout=1000 * seconds(30)
        )
    for tab in tabs:
        tab.reload()
        expect(tab.get_by_role("row", name="Accounts")).to_contain_text("2 rows, equal checksums")
        expect(tab.get_by_text("Undo the import")).to_be_visible()
    assert len(everything(context)["accounts"]) == len(before["accounts"]) + 1
    page.goto(f"/accounts/{bsnid}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Renamed {bsnid}")
    page.go_back()

    page.get_by_text("Undo the import").click()
    page.get_by_role("button", name="Undo 5 rows").click()
    page.wait_for_url(re.compile("/activity/"))
    expect(page.locator("body")).to_contain_text("5 records are as they were before")
    assert everything(context) == before
    page.goto(f"/accounts/{bsnid}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Subject {bsnid}")


def _the_preview_shows_all(page: Page, bsnid: str) -> None:
    """Check the preview, and open all its lists of rows."""
    button = page.get_by_role("button", name="Import 5 rows")
    expect(button).to_be_visible(timeout=1000 * seconds(30))
    # The button is visible without scrolling, above all messages.
    assert button.bounding_box()["y"] < 700
    expect(page.locator("#refused")).to_contain_text("a/b")
    for details in page.locator("details.import-rows").all():
        details.locator("summary").click()
    differing = page.locator("details").filter(has_text="Accounts that change")
    expect(differing).to_contain_text(f"Renamed {bsnid}")
    expect(differing).to_have_attribute("open", "")


def _nothing_sticks_out(page: Page) -> None:
    """Check the page with all rows of the preview shown, narrow and wide."""
    for width in (390, 1440):
        assert width_at(page, width) == width
        title, panel = page.locator("h1"), page.locator("#import-job > *").first
        bottom = title.bounding_box()["y"] + title.bounding_box()["height"]
        assert panel.bounding_box()["y"] - bottom >= 12
