"""Using the pages violates no rule of the content security policy; see also test_every_page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from ..patience import seconds
from .policy import violations, watch


@pytest.fixture
def watched(new_context: Callable[..., BrowserContext]) -> Page:
    page = new_context().new_page()
    watch(page)
    return page


def test_the_watch_would_notice(watched: Page) -> None:
    watched.goto("/accounts/")
    watched.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">')")
    watched.evaluate("document.body.append(document.createElement('script'))")
    watched.evaluate("document.body.lastChild.text = 'window.broken = true'")
    watched.evaluate("fetch('https://example.com/').catch(() => null)")
    expect(watched.locator("h1")).to_be_visible()
    found = " ".join(violations(watched))
    assert "style-src" in found
    assert "connect-src" in found


def test_using_the_pages_violates_nothing(watched: Page, bsnid: str) -> None:
    """What htmx and app.js do after a page has come: searching, dialogs, toasts, forms."""
    watched.goto("/accounts/new/")
    watched.get_by_label("BSNID").fill(bsnid)
    watched.locator("[name=team]").fill("Policy team")
    watched.get_by_role("button", name="Create account").click()
    expect(watched.get_by_role("alert")).to_be_visible()
    watched.locator("[name=business_area]").fill("Finance")
    watched.get_by_role("button", name="Create account").click()
    expect(watched.locator(".toast")).to_be_visible()
    assert violations(watched) == []

    watched.goto("/accounts/")
    watched.locator("[data-search]").fill("Policy")
    expect(watched.get_by_role("link", name="Policy team").first).to_be_visible()
    watched.locator(".facet summary").first.click()
    watched.get_by_role("button", name="Dark").click()
    assert violations(watched) == []

    watched.goto(f"/accounts/{bsnid}/")
    watched.locator("[hx-get$='delete/']").first.click()
    expect(watched.locator("dialog[open]")).to_be_visible()
    watched.locator("dialog[open] .button-danger").click()
    expect(watched.locator(".toast")).to_be_visible()
    assert violations(watched) == []

    watched.goto("/admin-tools/")
    watched.get_by_role("button", name="Check").click()
    expect(watched.get_by_text("Everything works")).to_be_visible(timeout=1000 * seconds(30))
    assert violations(watched) == []
