"""What a printed page shows; paper.py finds what it must not show."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from crm.model.schema import ACCOUNTS, UPDATES
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from .paper import HEIGHT, WIDTH
from .records import add_account, change_account


def test_what_is_closed_on_the_screen_is_whole_on_paper(
    page: Page, tables: Warehouse, bsnid: str
) -> None:
    add_account(tables, bsnid, f"Subject {bsnid}")
    change_account(tables, bsnid, team=f"Renamed {bsnid}", vp="Vera")
    text = "Nobody answers the phone. " * 40 + "Monday?"
    insert_missing(
        tables,
        UPDATES,
        [{"id": f"{bsnid}-{n}", "account_bsnid": bsnid, "description": text} for n in range(21)],
    )
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(f"/accounts/{bsnid}/")
    expect(page.get_by_text("Updates 1 to 20 of 21")).to_be_visible()
    expect(page.locator("p.prose", has_text="Monday?").first).to_be_visible()
    expect(page.locator(".prose.clamped").first).to_be_hidden()
    page.goto(f"/accounts/{bsnid}/history/?kind=changed")
    expect(page.get_by_text("Vera")).to_be_visible()
    # Not even as an empty box.
    expect(page.locator(".change-actions").first).to_have_css("display", "none")
    page.goto("/accounts/BSN001/")
    expect(page.get_by_role("heading", name="Claims Analytics")).to_be_visible()
    expect(page.locator(".platform").first).to_contain_text("Completed")
    expect(page.locator(".use-case-body").first).to_be_visible()
    page.goto("/accounts/BSN001/merge/BSN002/")
    expect(page.locator(".asked").first).to_be_visible()
    page.goto("/search/?q=risk")
    expect(page.locator("#everything")).to_be_visible()


def test_a_list_of_22_accounts_takes_two_sheets(page: Page, tables: Warehouse, bsnid: str) -> None:
    area, people = (
        f"Long-Term Savings {bsnid}",
        {"vp": "Margaret Osei", "admin": "Robert Nakamura"},
    )
    accounts = [
        {"bsnid": f"{bsnid}-{n}", "team": f"Pensions and Claims {n}", "business_area": area}
        for n in range(22)
    ]
    insert_missing(tables, ACCOUNTS, [{**each, **people} for each in accounts])
    page.goto(f"/accounts/?business_area={area}")
    expect(page.locator("tbody tr")).to_have_count(22)
    page.emulate_media(media="print")
    expect(page.locator(".chips")).to_contain_text(area)
    expect(page.locator(".chip .icon")).to_be_hidden()
    sheets = page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", sheets)) == 2
