"""A status that could not be saved does not look saved, and can be sent again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from ..control import LocalWarehouse
from .conftest import App
from .records import platform_card, set_status


@pytest.fixture
def warehouse_of_app(app: App) -> Iterator[LocalWarehouse]:
    """The app's warehouse, whose faults end with the test."""
    server = LocalWarehouse.of(app.data)
    yield server
    server.clear_faults()


def refuse_writes(server: LocalWarehouse) -> None:
    server.fault("http_status", times=None, status=401, match="^\\s*(MERGE|UPDATE)")


def card(page: Page) -> Locator:
    return platform_card(page, "Snowflake")


@pytest.mark.parametrize("failure", ["no connection", "warehouse"])
def test_a_failed_status_is_marked_and_sent_again(
    page: Page, account: str, warehouse_of_app: LocalWarehouse, failure: str
) -> None:
    page.goto(account)
    note = card(page).locator("[data-unconfirmed]")
    expect(note).to_be_hidden()
    if failure == "warehouse":
        refuse_writes(warehouse_of_app)
    else:
        page.route("**/platforms/", lambda route: route.abort())
    set_status(card(page), "Requested")
    expect(note).to_contain_text("not confirmed as saved")
    expect(note).to_be_visible()
    expect(page.locator(".toast-error")).to_be_visible()
    # The choice stays, and the badge shows what is saved.
    expect(card(page).get_by_label("Requested")).to_be_checked()
    expect(card(page).locator("summary .badge")).to_contain_text("Not Started")

    warehouse_of_app.clear_faults()
    page.unroute("**/platforms/")
    card(page).get_by_role("button", name="Save").click()
    expect(card(page).locator("summary .badge")).to_contain_text("Requested")
    expect(note).to_be_hidden()
    page.reload()
    expect(card(page).locator("summary .badge")).to_contain_text("Requested")
