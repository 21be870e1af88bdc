"""Fill in and submit the forms of accounts and updates."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect


def create_account(page: Page, bsnid: str, team: str) -> None:
    page.goto("/accounts/new/")
    page.get_by_label("BSNID").fill(bsnid)
    page.get_by_label("Team").fill(team)
    page.get_by_label("Business area").fill("Browser Tests")
    submit(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text(team)


def edit(page: Page, bsnid: str, **fields: str) -> None:
    page.goto(f"/accounts/{bsnid}/edit/")
    for label, value in fields.items():
        page.get_by_label(label).fill(value)
    submit(page)
    page.wait_for_url(re.compile(f"/accounts/{bsnid}/$"))


def write_update(page: Page, account: str, text: str) -> None:
    page.goto(f"{account}updates/new/")
    page.get_by_label("Update", exact=True).fill(text)
    submit(page)
    expect(page.locator("#updates")).to_contain_text(text[:20])


def submit(page: Page) -> None:
    page.locator("main form[method=post] .actions button").click()
