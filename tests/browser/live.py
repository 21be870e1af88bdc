"""Watch an open page that follows the changes of other people."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, Response

from ..patience import seconds

WITHIN = 1000 * seconds(5)


def wait_for_poll(page: Page) -> None:
    """Wait for the answer to the page's next request to /live/: it receives all later changes."""
    with page.expect_response(lambda answer: "/live/" in answer.url):
        pass


def has_changes(answer: Response) -> bool:
    """Whether this answer tells the page of changes."""
    return "/live/" in answer.url and answer.status == 200


def top(locator: Locator) -> float:
    return locator.bounding_box()["y"]


def never_reloaded(page: Page) -> None:
    page.evaluate("window.sameDocument = true")


def was_not_reloaded(page: Page) -> None:
    assert page.evaluate("window.sameDocument === true")
