"""Find what a printed page should not have."""

from __future__ import annotations

from collections.abc import Iterator

from playwright.sync_api import Page

# A sheet of A4 within the margins of Chromium.
WIDTH, HEIGHT = 717, 1045
# On paper, a form's values are text: a line to write on, without a box.
_WRONG = """() => {
  const shown = (selector, is_wrong = () => true) => [...document.querySelectorAll(selector)]
    .filter((each) => each.checkVisibility() && is_wrong(getComputedStyle(each), each))
    .map((each) => `${each.localName} ${each.className || each.name || each.innerText}`);
  const ours = getComputedStyle(document.body).backgroundColor;
  return {
    "a control": shown("button, .button, [type=file], nav:not(.trail, .guide-chapters, .choices, .part-pages)"),
    "another choice": shown(".choices a:not([aria-current])"),
    "a box": shown("select, textarea, input:not([type=checkbox], [type=radio])",
      (style) => style.borderTopWidth !== "0px"),
    "a fixed place": shown("body *", (style) => /fixed|sticky/.test(style.position)),
    "a text cut off": shown("main :not(.visually-hidden)", (style, each) =>
      style.overflowX !== "visible" && each.scrollWidth > each.clientWidth),
    "too much width": document.documentElement.scrollWidth > innerWidth ? ["html"] : [],
    "a dark ground": ours === "rgb(255, 255, 255)" ? [] : [ours],
  };
}"""


def problems_on_paper(page: Page) -> Iterator[str]:
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page.emulate_media(media="print")
    for what, elements in page.evaluate(_WRONG).items():
        if elements:
            yield f"has {what} on paper: {elements[:3]}"
    page.emulate_media(media="screen")
