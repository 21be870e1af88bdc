"""Find controls that nobody sees when they have the focus (WCAG 2.2, 2.4.11)."""

from __future__ import annotations

from playwright.sync_api import Page

# Give the focus to each control, first to last and back, as Tab and Shift+Tab do. Return those
# of which no point is on top of everything else in the window.
_HIDDEN = """() => {
  const isSeen = (element) => {
    const box = element.getBoundingClientRect();
    const left = Math.max(box.left, 0), right = Math.min(box.right, innerWidth);
    const top = Math.max(box.top, 0), bottom = Math.min(box.bottom, innerHeight);
    if (right - left < 1 || bottom - top < 1) return false;
    return [0.02, 0.25, 0.5, 0.75, 0.98].some((down) => [0.1, 0.5, 0.9].some((across) => {
      const x = left + (right - left) * across, y = top + (bottom - top) * down;
      const found = document.elementFromPoint(x, y);
      return found && (element.contains(found) || found.contains(element) && found !== document.body
        && found.closest("main, dialog, label"));
    }));
  };
  const controls = [...document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")]
    .filter((each) => each.checkVisibility() && !each.disabled && each.tabIndex >= 0);
  const hidden = new Set();
  for (const element of [...controls, ...controls.toReversed()]) {
    element.focus();
    if (document.activeElement === element && !isSeen(element))
      hidden.add(`<${element.localName}> ${(element.textContent.trim() || element.name)
        .slice(0, 30)}`);
  }
  return [controls.length, [...hidden]];
}"""


def controls_with_hidden_focus(page: Page) -> list[str]:
    """Return the page's controls that are hidden while they have the focus."""
    count, hidden = page.evaluate(_HIDDEN)
    assert count > 5, "the page has hardly any controls"
    return hidden
