"""Watch a page for what its content security policy forbids."""

from __future__ import annotations

from playwright.sync_api import Page

_LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
});
"""


def watch(page: Page) -> None:
    """Collect the violations of each page that is opened from now on."""
    page.add_init_script(_LISTEN)


def violations(page: Page) -> list[str]:
    """Return the violations since the page was opened."""
    return page.evaluate("window.violations")
