"""Every page, light and dark, wide and narrow: no axe violations, no sideways scrolling."""

from __future__ import annotations

import datetime as dt

import pytest
from axe_playwright_python.sync_playwright import Axe

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
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_are_accessible(new_context, theme: str, width: int) -> None:
    page = new_context(color_scheme=theme, viewport={"width": width, "height": 900}).new_page()
    problems, now = [], f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    for path in PATHS:
        page.goto(path.format(now=now))
        results = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}})
        problems += [
            f"{path}: {violation['id']} {[node['target'] for node in violation['nodes']][:3]}"
            for violation in results.response["violations"]
        ]
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if overflow > 0:
            problems.append(f"{path}: scrolls sideways by {overflow} px")
    assert not problems, "\n".join(problems)


def test_the_header_fits_at_every_width(new_context) -> None:
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
