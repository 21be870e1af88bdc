"""Watching an open page that follows what other people change."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

from ..patience import seconds

WITHIN = 1000 * seconds(5)


def wait_for_first_poll(page: Page) -> None:
    """Until the page has asked once: from then on it hears of everything."""
    with page.expect_response(lambda answer: "/live/" in answer.url):
        pass


def top(locator: Locator) -> float:
    return locator.bounding_box()["y"]


def never_reloaded(page: Page) -> None:
    page.evaluate("window.sameDocument = true")


def was_not_reloaded(page: Page) -> None:
    assert page.evaluate("window.sameDocument === true")
