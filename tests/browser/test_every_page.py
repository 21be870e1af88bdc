"""Every page: no axe violations, no sideways scrolling, no hidden focus, nothing that its policy
forbids; printed, no controls and nothing that is cut off."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

from ..sizes import IS_SOAK, soak
from .focus import controls_with_hidden_focus
from .paper import problems_on_paper
from .policy import violations, watch

PATHS = [
    "/",
    "/attention/",
    "/attention/?mine=on&by=vp",
    "/trends/",
    "/search/?q=risk",
    "/search/?q=nothing+matches+this",
    "/people/",
    "/people/Priya%20Raman/",
    "/areas/",
    "/areas/Finance/rename/",
    "/areas/Finance/",
    "/report/",
    "/report/?all=on&period=month",
    "/accounts/",
    "/accounts/?q=nothing+matches+this",
    "/accounts/facet/vp/?vp-find=nothing+matches+this",
    "/accounts/bulk/change/?key=BSN001",
    "/accounts/BSN001/",
    "/use-cases/bulk/change/?all=on",
    "/accounts/new/",
    "/accounts/BSN001/edit/",
    "/accounts/BSN001/delete/",
    "/accounts/BSN001/merge/BSN002/",
    "/accounts/BSN001/merge/?q=claims",
    "/similar-teams/",
    "/accounts/BSN001/use-cases/new/",
    "/accounts/BSN001/updates/new/",
    "/use-cases/?status=Active",
    "/updates/?view=1&sort2=team&column=date",
    "/updates/facet/columns/",
    "/views/?list=updates&query=q%3Da",
    "/activity/?mine=on",
    "/accounts/BSN001/history/?kind=created",
    "/as-of/{now}/accounts/BSN001/",
    "/as-of/{now}/since/",
    "/as-of/2001-01-01T00:00:00Z/",
    "/preferences/me/",
    "/help/?about=account-list",
    "/digest/",
    "/guide/",
    "/admin-tools/",
    "/admin-tools/?check=1",
    "/admin-tools/import/",
    "/admin-tools/export/",
    "/admin-tools/integrity/",
    "/no-such-page/",
]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Of all rules, only this one depends on the theme. It costs more than all others together.
CONTRAST = "color-contrast"
ALL_RULES = {
    "runOnly": {"type": "tag", "values": TAGS},
    "resultTypes": ["violations"],
    # No rule of these looks into style sheets, which axe would fetch each time.
    "preload": {"assets": ["media"]},
}

# A theme's colours are final at once.
NO_TRANSITIONS = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("* { transition: none !important; animation: none !important; }");
  document.adoptedStyleSheets = [sheet];
}"""

# Check the contrast of each text whose appearance, together with that of the elements around it,
# is not among the `known` ones; of all texts if `known` is null. With `options`, check the other
# rules in the same run, because axe looks where all elements are once for each run. Return axe's
# violations and the new appearances. (axe never names an element by its attribute xmlns.)
CHECK = """async ([rule, known, options]) => {
  const properties = ["color", "backgroundColor", "backgroundImage", "opacity", "fontSize",
    "fontWeight", "textShadow", "filter", "mixBlendMode", "position", "zIndex"];
  const seen = new Set(known), added = [], elements = [], appearances = new Map([[null, ""]]);
  const appearance = (element) => {
    if (!appearances.has(element)) {
      const style = getComputedStyle(element);
      const own = "\\n" + properties.map((each) => style[each]).join();
      const around = appearance(element.parentElement);
      appearances.set(element, around.endsWith(own) ? around : around + own);
    }
    return appearances.get(element);
  };
  for (const element of document.body.querySelectorAll("*")) {
    const has_text = element.matches("input, select, textarea")
      || [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (has_text && element.checkVisibility() && !(known && seen.has(appearance(element)))) {
      seen.add(appearance(element));
      added.push(appearance(element));
      elements.push(element);
    }
  }
  if (!elements.length && !options) return [[], []];
  elements.forEach((each) => each.setAttribute("xmlns", "new"));
  axe.configure({ rules: [{ id: rule, selector: "[xmlns=new]" }] });
  const only = { runOnly: [rule], resultTypes: ["violations"], preload: false };
  const { violations } = await axe.run(options ?? only);
  elements.forEach((each) => each.removeAttribute("xmlns"));
  return [violations, added];
}"""

# Where a page is checked: theme, width, whether by all rules or only for contrast. In the dark, the
# run by all rules comes first: what it finds new costs little more there.
SOME = [("dark", 390, True), ("dark", 1440, False), ("light", 1440, True)]
EACH = [(theme, width, True) for theme in ("light", "dark") for width in (1440, 768, 390, 320)]

# Where bars could hide the focus: on a phone, and at a zoom of 400 %.
PHONE, ZOOMED = (390, 844), (320, 256)
HEIGHTS = {1440: 900, 768: 1024, 390: 844, 320: 640}


@soak
def test_every_page(new_context: Callable[..., BrowserContext]) -> None:
    """`make soak` checks the contrast of each text, not only where the appearance is new."""
    page = new_context().new_page()
    watch(page)
    page.add_init_script(Axe().axe_script)
    page.set_viewport_size({"width": 768, "height": HEIGHTS[768]})  # see _in_window
    now = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    appearances: list[str] = []
    problems = [
        f"{path}: {problem}"
        for path in PATHS
        for problem in _problems(page, path.format(now=now), appearances)
    ]
    assert len(appearances) > 100, "hardly any text was checked for its contrast"
    assert not problems, "\n".join(problems)


def _problems(page: Page, path: str, appearances: list[str]) -> Iterator[str]:
    response = page.goto(path)
    if "default-src 'none'" not in response.headers["content-security-policy"]:
        yield "has no content security policy"
    page.evaluate(NO_TRANSITIONS)
    for theme, width, by_all_rules in EACH if IS_SOAK else SOME:
        page.emulate_media(color_scheme=theme)
        yield from _in_window(page, width, HEIGHTS[width])
        known, options = None if IS_SOAK else appearances, ALL_RULES if by_all_rules else None
        broken, new = page.evaluate(CHECK, [CONTRAST, known, options])
        appearances += new
        for violation in broken:
            targets = [node["target"] for node in violation["nodes"]][:3]
            yield f"{theme}, {width} px: {violation['id']} {targets}"
    for width, height in PHONE, ZOOMED:
        yield from _in_window(page, width, height)
        if hidden := controls_with_hidden_focus(page):
            yield f"hides the focus at {width} x {height} px: {hidden}"
    yield from _in_window(page, 768, HEIGHTS[768])
    yield from problems_on_paper(page)
    yield from violations(page)


def _in_window(page: Page, width: int, height: int) -> Iterator[str]:
    """Give the window this size, and look whether the page fits in.

    If the window already has the size, the page was checked in it: each page begins with another
    size than the one that the window had before.
    """
    if page.viewport_size != {"width": width, "height": height}:
        page.set_viewport_size({"width": width, "height": height})
        yield from _sideways(page)


# How far the page is wider than its window, once tables.js has learnt of the window's width.
BEYOND = """async () => {
  for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
  return document.documentElement.scrollWidth - window.innerWidth;
}"""


def _sideways(page: Page) -> Iterator[str]:
    beyond = page.evaluate(BEYOND)
    if beyond > 0:
        width = (page.viewport_size or {}).get("width")
        yield f"scrolls sideways by {beyond} px at {width} px"


def test_the_header_fits_at_every_width(new_context: Callable[..., BrowserContext]) -> None:
    page = new_context().new_page()
    problems, now = [], f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    for path in ("/accounts/", f"/as-of/{now}/since/"):
        page.goto(path)
        for width in (320, 360, 380, 390, 800, 801, 900, 901, 1024, 1160, 1161, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            beyond = page.evaluate(
                # Scripts that follow the width have run after the second frame.
                """async () => {
                  const frame = () => new Promise(requestAnimationFrame);
                  await frame(); await frame();
                  const within = document.querySelectorAll(".frame-inner > *, .sections a, .past *");
                  return Math.max(
                    document.documentElement.scrollWidth - window.innerWidth,
                    ...[...within].map(
                      (each) => each.getBoundingClientRect().right - window.innerWidth));
                }"""
            )
            if beyond > 0:
                problems.append(f"{path}: {beyond} px too wide for {width}")
    assert not problems, "\n".join(problems)
