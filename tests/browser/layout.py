"""How wide a page is in windows of other widths."""

from __future__ import annotations

import time

from playwright.sync_api import Page

from ..patience import seconds


def width_at(page: Page, width: int) -> int:
    """Give the window this width, and return the page's: more, if something sticks out.

    The layout follows a new size of the window with one of the next frames. Without JavaScript no
    script can wait for a frame, so this asks again for a while.
    """
    page.set_viewport_size({"width": width, "height": 800})
    until = time.monotonic() + seconds(5)
    while (found := _width(page)) != width and time.monotonic() < until:
        page.wait_for_timeout(50)
    return found


def let_it_settle(page: Page) -> None:
    """Wait until the page has been drawn twice: scripts and scrolling have followed by then."""
    page.evaluate(
        "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def _width(page: Page) -> int:
    found: int = page.evaluate("document.documentElement.scrollWidth")
    return found
