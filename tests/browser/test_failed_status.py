"""A status that could not be saved does not look saved, and can be sent again."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from ..patience import seconds
from .conftest import App
from .records import platform_card, set_status


@dataclass(frozen=True)
class Faults:
    """The faults of the app's warehouse."""

    url: str

    def refuse_writes(self) -> None:
        self._ask("POST", {"kind": "http_status", "status": 401, "match": "^\\s*(MERGE|UPDATE)"})

    def clear(self) -> None:
        self._ask("DELETE", {})

    def _ask(self, method: str, body: dict[str, Any]) -> None:
        data = json.dumps({"times": None, **body}).encode()
        request = urllib.request.Request(self.url, data, method=method)
        urllib.request.urlopen(request, timeout=seconds(10)).close()


@pytest.fixture
def faults(app: App) -> Iterator[Faults]:
    server = json.loads((app.data / "server.json").read_text())
    faults = Faults(server["control"] + "/faults")
    yield faults
    faults.clear()


def card(page: Page) -> Locator:
    return platform_card(page, "Snowflake")


@pytest.mark.parametrize("failure", ["no connection", "warehouse"])
def test_a_failed_status_is_marked_and_sent_again(
    page: Page, account: str, faults: Faults, failure: str
) -> None:
    page.goto(account)
    note = card(page).locator("[data-unconfirmed]")
    expect(note).to_be_hidden()
    if failure == "warehouse":
        faults.refuse_writes()
    else:
        page.route("**/platforms/", lambda route: route.abort())
    set_status(card(page), "Requested")
    expect(note).to_contain_text("not confirmed as saved")
    expect(note).to_be_visible()
    expect(page.locator(".toast-error")).to_be_visible()
    # The choice stays, and the badge shows what is saved.
    expect(card(page).get_by_label("Requested")).to_be_checked()
    expect(card(page).locator("summary .badge")).to_contain_text("Not Started")

    faults.clear()
    page.unroute("**/platforms/")
    card(page).get_by_role("button", name="Save").click()
    expect(card(page).locator("summary .badge")).to_contain_text("Requested")
    expect(note).to_be_hidden()
    page.reload()
    expect(card(page).locator("summary .badge")).to_contain_text("Requested")
