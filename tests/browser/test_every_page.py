"""Every page: no axe violations, no sideways scrolling, nothing that its policy forbids."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

from ..sizes import IS_SOAK, soak
from .policy import violations, watch

PATHS = [
    "/",
    "/accounts/",
    "/accounts/?q=nothing+matches+this",
    "/accounts/BSN001/",
    "/accounts/new/",
    "/accounts/BSN001/edit/",
    "/accounts/BSN001/delete/",
    "/accounts/BSN001/use-cases/new/",
    "/accounts/BSN001/updates/new/",
    "/use-cases/?status=Active",
    "/updates/",
    "/activity/",
    "/accounts/BSN001/history/?kind=created",
    "/as-of/{now}/accounts/BSN001/",
    "/as-of/{now}/since/",
    "/as-of/2001-01-01T00:00:00Z/",
    "/admin-tools/",
    "/admin-tools/?check=1",
    "/admin-tools/import/",
    "/admin-tools/export/",
    "/admin-tools/integrity/",
    "/no-such-page/",
]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ALL_RULES = {"type": "tag", "values": TAGS}
# Of all rules, only this one depends on the theme.
CONTRAST = {"type": "rule", "values": ["color-contrast"]}

# A theme's colours are final at once.
NO_TRANSITIONS = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("* { transition: none !important; animation: none !important; }");
  document.adoptedStyleSheets = [sheet];
}"""

# What is checked of a page: theme, width, axe rules. Each theme and each width has all rules
# once; the wide page, which has the most in it, has its contrast checked in both themes.
SOME = [("light", 1440, ALL_RULES), ("dark", 1440, CONTRAST), ("dark", 390, ALL_RULES)]
EACH = [(theme, width, ALL_RULES) for theme in ("light", "dark") for width in (1440, 390)]


@soak
def test_every_page(new_context: Callable[..., BrowserContext]) -> None:
    page = new_context().new_page()
    watch(page)
    now = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    problems = [
        f"{path}: {problem}"
        for path in PATHS
        for problem in _problems(page, path.format(now=now), EACH if IS_SOAK else SOME)
    ]
    assert not problems, "\n".join(problems)


def _problems(
    page: Page, path: str, checks: list[tuple[str, int, dict[str, Any]]]
) -> Iterator[str]:
    response = page.goto(path, wait_until="networkidle")
    if "default-src 'none'" not in response.headers["content-security-policy"]:
        yield "has no content security policy"
    yield from violations(page)
    page.evaluate(NO_TRANSITIONS)
    page.evaluate(Axe().axe_script)
    for theme, width, rules in checks:
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 900})
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if overflow > 0:
            yield f"scrolls sideways by {overflow} px at {width} px"
        for violation in _broken_rules(page, rules):
            targets = [node["target"] for node in violation["nodes"]][:3]
            yield f"{theme}, {width} px: {violation['id']} {targets}"


def _broken_rules(page: Page, rules: dict[str, Any]) -> list[dict[str, Any]]:
    """Return axe's violations; the page has axe's script."""
    return page.evaluate(
        "options => axe.run(options).then((results) => results.violations)",
        {"runOnly": rules, "resultTypes": ["violations"]},
    )


def test_the_header_fits_at_every_width(new_context: Callable[..., BrowserContext]) -> None:
    page = new_context().new_page()
    problems, now = [], f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    for path in ("/accounts/", f"/as-of/{now}/since/"):
        page.goto(path)
        for width in (320, 360, 380, 390, 800, 801, 900, 901, 1024, 1160, 1161, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            beyond = page.evaluate(
                """() => Math.max(
                  document.documentElement.scrollWidth - window.innerWidth,
                  ...[...document.querySelectorAll(".frame-inner > *, .sections a, .past *")].map(
                    (each) => each.getBoundingClientRect().right - window.innerWidth))"""
            )
            if beyond > 0:
                problems.append(f"{path}: {beyond} px too wide for {width}")
    assert not problems, "\n".join(problems)
