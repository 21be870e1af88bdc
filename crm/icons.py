"""The icons of the pages: one file, from which each page takes its icons with ``<use>``.

The drawings come from the installed package ``heroicons``: outlines, and its smaller ``micro``
drawings for icons of at most 16 pixels. Browsers keep the file; pages hold references only.

Firefox loads such a file under our Content-Security-Policy since version 132 (``img-src``).
https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Content-Security-Policy/default-src
"""

from __future__ import annotations

from functools import lru_cache

from django.templatetags.static import static
from django.utils.html import format_html
from heroicons.templatetags.heroicons import heroicon_micro, heroicon_outline

FILE = "icons.svg"
_LARGEST_MICRO = 16

MICRO = frozenset(
    {
        "arrow-down-tray",
        "arrow-path",
        "arrow-right",
        "arrow-top-right-on-square",
        "arrow-up",
        "arrow-up-tray",
        "arrow-uturn-left",
        "arrows-pointing-in",
        "arrows-right-left",
        "bolt",
        "bookmark",
        "building-office-2",
        "chat-bubble-left-right",
        "chart-bar",
        "check-circle",
        "chevron-down",
        "chevron-left",
        "chevron-right",
        "chevron-up",
        "chevron-up-down",
        "clock",
        "computer-desktop",
        "document-text",
        "exclamation-circle",
        "exclamation-triangle",
        "eye",
        "funnel",
        "inbox-arrow-down",
        "light-bulb",
        "lock-closed",
        "minus-circle",
        "moon",
        "pause-circle",
        "pencil",
        "pencil-square",
        "plus",
        "printer",
        "question-mark-circle",
        "rectangle-stack",
        "server-stack",
        "signal",
        "sun",
        "trash",
        "user-circle",
        "users",
        "wrench-screwdriver",
        "x-circle",
        "x-mark",
    }
)
OUTLINE = frozenset(
    {
        "building-office-2",
        "chat-bubble-left-right",
        "check-circle",
        "clock",
        "exclamation-triangle",
        "light-bulb",
        "magnifying-glass",
        "queue-list",
        "squares-2x2",
        "users",
        "wrench-screwdriver",
    }
)


def sprite() -> str:
    """Return the SVG file with a ``<symbol>`` for each icon."""
    symbols = [
        *(_symbol(f"{name}-micro", heroicon_micro(name, size=None)) for name in sorted(MICRO)),
        *(_symbol(name, heroicon_outline(name, size=None)) for name in sorted(OUTLINE)),
    ]
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>\n'


def _symbol(key: str, drawing: str) -> str:
    inside = drawing.removeprefix("<svg").removesuffix("</svg>")
    return f'<symbol id="{key}"{inside}</symbol>\n'


@lru_cache(maxsize=200)
def icon(name: str, size: int) -> str:
    """Return an icon for use beside a word; it is hidden from screen readers.

    Raises LookupError for an icon that the file does not have.
    """
    is_micro = size <= _LARGEST_MICRO
    if name not in (MICRO if is_micro else OUTLINE):
        raise LookupError(f"add the icon {name!r} of {size} pixels to crm/icons.py")
    return format_html(
        '<svg class="icon" width="{0}" height="{0}" aria-hidden="true">'
        '<use href="{1}#{2}"/></svg>',
        size,
        static(FILE),
        f"{name}-micro" if is_micro else name,
    )
