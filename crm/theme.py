"""The colour themes that a reader can choose, and the cookie that holds the choice."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from crm.cookies import cookie_name

COOKIE = "theme"


@dataclass(frozen=True)
class Theme:
    name: str
    label: str
    icon: str


THEMES = (
    Theme("light", "Light", "sun"),
    Theme("system", "Same as the system", "computer-desktop"),
    Theme("dark", "Dark", "moon"),
)
NAMES = frozenset(theme.name for theme in THEMES)


def chosen_theme(request: HttpRequest) -> str:
    """Return the name in the cookie, ``system`` where it names no theme."""
    name = request.COOKIES.get(cookie_name(request, COOKIE), "")
    return name if name in NAMES else "system"
