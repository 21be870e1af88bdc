"""What opens on a page, and forms that come back: no axe violations, in both themes, at the widths
of a desk and of a phone. test_every_page.py checks the pages themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

from crm.repository.records import accounts
from crm.warehouse import Warehouse

from ..sizes import IS_SOAK, soak
from .focus import controls_with_hidden_focus
from .test_every_page import NO_TRANSITIONS, PHONE, TAGS, ZOOMED

# Check an element that is shown, by all rules; a large element takes longer. Without options,
# check only how wide the page is.
CHECK = """async ([selector, options]) => {
  // Media queries follow a new size of the window with the next frame.
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const shown = [...document.querySelectorAll(selector)].filter((each) => each.checkVisibility());
  if (!shown.length) return ["is not shown"];
  const { violations } = options ? await axe.run({ include: shown }, options) : { violations: [] };
  const wide = document.documentElement.scrollWidth - window.innerWidth;
  return [...violations.map((each) => each.id + " " + each.nodes[0].target),
    ...(wide > 0 ? [`scrolls sideways by ${wide} px`] : [])];
}"""
OPTIONS = {
    "runOnly": {"type": "tag", "values": TAGS},
    "rules": {"region": {"enabled": False}},  # test_every_page checks it
    "resultTypes": ["violations"],
    "preload": {"assets": ["media"]},
}
# Themes and widths, and whether all rules are checked. On a phone the panels are sheets over the
# page; contrast depends on the theme.
APPEARANCES = (
    ("light", 1440, True),
    ("dark", 390, True),
    ("light", 320, IS_SOAK),
    ("dark", 768, IS_SOAK),
)

SHOW_MESSAGE = """() => document.getElementById("toasts").append(
  document.getElementById("no-answer").content.cloneNode(true))"""

Open = Callable[[Page], object]


def click(selector: str) -> Open:
    return lambda page: page.locator(selector).first.click()


def details(selector: str) -> Open:
    """Open the element, and wait until it has fetched its content."""

    def open_details(page: Page) -> None:
        page.evaluate("(selector) => document.querySelector(selector).open = true", selector)
        page.wait_for_load_state("networkidle")

    return open_details


def preview(form: str) -> Open:
    """Go to the preview of a bulk change."""

    def go(page: Page) -> None:
        page.locator(f"{form} button.button").last.click()
        page.locator(".bulk-confirm").wait_for()
        page.evaluate(NO_TRANSITIONS)

    return go


def submit_empty(selector: str) -> Open:
    def submit(page: Page) -> None:
        page.evaluate("for (const each of document.forms) each.noValidate = true")
        page.locator(f"{selector} button.button-primary").first.click()
        page.locator(f"{selector} [aria-invalid=true]").first.wait_for()

    return submit


# Where the states are, and in this order on one page: how to get there, and what to check. Escape
# closes what a state has opened.
STATES: dict[str, list[tuple[Open, str]]] = {
    "/accounts/": [
        (details("#time-machine"), "#time-machine"),
        (details("#facet-dates"), "#facet-dates"),
        (details("#facet-vp"), "#facet-vp, .sections"),
        (click("tbody td a[href*='/platforms/']"), "#dialog"),
        (click("tbody input[type=checkbox]"), ".bulk-bar"),
    ],
    "/use-cases/": [(details("#facet-dates"), "#facet-dates")],
    "/accounts/bulk/change/?key=BSN001": [(preview("[aria-labelledby=bulk-1]"), "main")],
    "/use-cases/bulk/change/?all=on": [(preview(".bulk-form:last-child"), "main")],
    "/activity/": [
        (details(".history-filters"), ".history-filters"),
        (details("#facet-business_area"), ".history-filters, .sections"),
    ],
    "/accounts/BSN001/": [
        (click("main a[hx-target='#dialog']"), "#dialog"),
        (submit_empty("form[action$='/compose/']"), "form[action$='/compose/']"),
    ],
    "/accounts/BSN001/edit/": [
        (lambda page: page.fill("[name=team]", ""), "#record"),
        (submit_empty("#record form"), "#record"),
    ],
    "/as-of/?next=/since/": [(lambda page: None, "main")],
    "/as-of/?moment=wrong": [(lambda page: None, "main")],
    "/activity/?vp=nobody": [(lambda page: None, "#history")],
    "/use-cases/?mine=on": [(lambda page: None, "#listing")],
}


@soak
def test_every_state(
    new_context: Callable[..., BrowserContext], tables: Warehouse, account: str, bsnid: str
) -> None:
    page = new_context().new_page()
    page.add_init_script(Axe().axe_script)
    problems = []
    for path, states in STATES.items():
        page.goto(path)
        page.evaluate(NO_TRANSITIONS)
        for number, (open_state, selector) in enumerate(states):
            page.set_viewport_size({"width": 1440, "height": 900})
            page.keyboard.press("Escape")
            open_state(page)
            problems += [f"{path} {number}: {each}" for each in found_by_axe(page, selector)]
    page.goto(f"{account}edit/")
    seen = accounts.get(tables, bsnid).updated_at
    accounts.update(tables, bsnid, {"team": "Of somebody else"}, seen)
    page.fill("[name=team]", "Of mine")
    page.locator("#record form button.button-primary").first.click()
    page.locator("#record .asked").first.wait_for()
    page.evaluate(NO_TRANSITIONS)
    problems += [f"conflict: {each}" for each in found_by_axe(page, "#record")]
    problems += hidden_by_bars(page)
    assert not problems, "\n".join(problems)


def hidden_by_bars(page: Page) -> Iterator[str]:
    """Look for the focus behind the bar of selected rows and a message, on a phone and zoomed."""
    page.goto("/accounts/")
    page.evaluate(SHOW_MESSAGE)
    for width, height in PHONE, ZOOMED:
        page.set_viewport_size({"width": width, "height": height})
        page.locator(".pick input:visible").last.check()
        if hidden := controls_with_hidden_focus(page):
            yield f"hides the focus at {width} x {height} px: {hidden}"


def found_by_axe(page: Page, selector: str) -> Iterator[str]:
    page.wait_for_load_state("networkidle")
    for theme, width, by_all_rules in APPEARANCES:
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 900})
        for problem in page.evaluate(CHECK, [selector, OPTIONS if by_all_rules else None]):
            yield f"{theme}, {width} px: {problem}"
