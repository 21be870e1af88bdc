"""A printed page shows its content, dark on white, and no controls."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from crm.model.schema import UPDATES
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from .records import add_account, change_account


def test_print(page: Page) -> None:
    # A sheet of A4 is 794 px wide: there, the sections are a bar fixed to the bottom.
    page.set_viewport_size({"width": 794, "height": 1100})
    page.emulate_media(color_scheme="dark")
    page.goto("/accounts/BSN001/")
    on_screen = page.evaluate("getComputedStyle(document.body).backgroundColor")

    page.emulate_media(media="print", color_scheme="dark")
    expect(page.get_by_role("heading", name="Claims Analytics")).to_be_visible()
    expect(page.locator(".platform").first).to_contain_text("Completed")
    _require_no_controls(page, ".sections", ".theme", ".time-machine", ".person", ".platform-set")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(255, 255, 255)" != on_screen
    assert _floating(page) == []
    assert _cut_off(page) == []

    page.goto("/accounts/BSN001/merge/BSN002/")
    expect(page.locator(".asked").first).to_be_visible()
    expect(page.locator("main :is(button, select, input):visible")).to_have_count(0)
    assert _cut_off(page) == []

    page.goto("/use-cases/")
    assert _cut_off(page) == []
    page.goto("/accounts/?business_area=Finance")
    assert _cut_off(page) == []
    expect(page.get_by_role("link", name="Treasury Risk Reporting", exact=True)).to_be_visible()
    expect(page.locator(".chips")).to_contain_text("Finance")
    expect(page.locator(".chip .icon")).to_be_hidden()
    box = page.locator(".table-box")
    assert box.evaluate("box => box.scrollWidth <= box.clientWidth"), "the table leaves its frame"
    for control in (".search", ".filters", ".exports", "main .button"):
        expect(page.locator(control).first).to_be_hidden()


def test_pages_of_updates_and_changes_have_no_controls(
    page: Page, tables: Warehouse, bsnid: str
) -> None:
    add_account(tables, bsnid, f"Subject {bsnid}")
    change_account(tables, bsnid, team=f"Renamed {bsnid}", vp="Vera")
    updates = [{"id": f"{bsnid}-{n}", "account_bsnid": bsnid} for n in range(21)]
    insert_missing(tables, UPDATES, updates)
    page.emulate_media(media="print")
    page.goto(f"/accounts/{bsnid}/")
    expect(page.get_by_text("Updates 1 to 20 of 21")).to_be_visible()
    expect(page.locator("#updates-next")).to_be_hidden()
    page.goto(f"/accounts/{bsnid}/history/?kind=changed")
    expect(page.get_by_text("Vera")).to_be_visible()
    # Not even as an empty box.
    expect(page.locator(".change-actions").first).to_have_css("display", "none")


def _require_no_controls(page: Page, *controls: str) -> None:
    for control in (*controls, "main .button"):
        expect(page.locator(control).first).to_be_hidden()
    expect(page.locator("main :is(button, select, input):visible")).to_have_count(0)


def _floating(page: Page) -> list[str]:
    """Return the classes of the elements that a page would print over others."""
    return page.evaluate(
        """[...document.querySelectorAll("body *")].filter((element) =>
          element.checkVisibility() && getComputedStyle(element).position.match(/fixed|sticky/)
        ).map((element) => element.className)"""
    )


def _cut_off(page: Page) -> list[str]:
    """Return the texts that do not fit into their elements."""
    return page.evaluate(
        """[...document.querySelectorAll("main :not(.visually-hidden)")].filter((element) =>
          element.checkVisibility() && element.scrollWidth > element.clientWidth &&
          getComputedStyle(element).overflowX !== "visible"
        ).map((element) => element.innerText)"""
    )
