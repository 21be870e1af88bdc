"""Make accounts and updates, by their forms or without a page."""

from __future__ import annotations

import datetime as dt
import uuid

from playwright.sync_api import Locator, Page, expect

from crm.repository.records import accounts, updates
from crm.warehouse import Warehouse


def add_account(wh: Warehouse, bsnid: str, team: str) -> None:
    accounts.create(wh, {"bsnid": bsnid, "team": team, "business_area": "Browser Tests"})


def change_account(wh: Warehouse, bsnid: str, **values: str) -> None:
    accounts.update(wh, bsnid, values, accounts.get(wh, bsnid).updated_at)


def add_update(wh: Warehouse, bsnid: str, text: str) -> str:
    """Add an update of today and return its id."""
    id = str(uuid.uuid4())
    values = {"author": wh.actor, "date": dt.datetime.now(dt.UTC).date(), "description": text}
    updates.create(wh, bsnid, id, values)
    return id


def create_account(page: Page, bsnid: str, team: str) -> None:
    page.goto("/accounts/new/")
    page.get_by_label("BSNID").fill(bsnid)
    page.get_by_label("Team").fill(team)
    page.get_by_label("Business area").fill("Browser Tests")
    submit(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text(team)


def platform_card(page: Page, platform: str) -> Locator:
    return page.locator("details.platform").filter(has_text=platform)


def set_status(card: Locator, status: str) -> None:
    card.locator("summary").click()
    card.get_by_label(status).check()
    card.get_by_role("button", name="Save").click()


def submit(page: Page) -> None:
    page.locator("main form[method=post] .actions button").click()
