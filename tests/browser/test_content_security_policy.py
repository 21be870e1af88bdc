"""Showing and using every page violates no rule of the content security policy."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from ..patience import seconds
from .test_accessibility import PATHS

LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
});
"""


@pytest.fixture
def watched(new_context: Callable[..., BrowserContext]) -> Page:
    page = new_context().new_page()
    page.add_init_script(LISTEN)
    return page


def violations(page: Page) -> list[str]:
    return page.evaluate("window.violations")


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


def test_no_page_violates_the_policy(watched: Page) -> None:
    found = {}
    for path in PATHS:
        response = watched.goto(path, wait_until="networkidle")
        assert "default-src 'none'" in response.headers["content-security-policy"]
        found[path] = violations(watched)
    assert {path: problems for path, problems in found.items() if problems} == {}, json.dumps(
        found, indent=1
    )


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
    expect(watched.locator("dialog")).to_be_visible()
    watched.locator("dialog .button-danger").click()
    expect(watched.locator(".toast")).to_be_visible()
    assert violations(watched) == []

    watched.goto("/admin-tools/")
    watched.get_by_role("button", name="Check").click()
    expect(watched.get_by_text("Everything works")).to_be_visible(timeout=1000 * seconds(30))
    assert violations(watched) == []
