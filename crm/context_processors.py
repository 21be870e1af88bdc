"""The template context of every page: sections, person, moment and theme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from crm.cookies import default_views
from crm.identity import Person
from crm.page_urls import page_url, record_url
from crm.theme import THEMES, chosen_theme


@dataclass(frozen=True)
class Section:
    label: str
    url: str
    icon: str
    current: str


_SECTIONS = (
    ("Overview", "overview", "squares-2x2"),
    ("Accounts", "account-list", "building-office-2"),
    ("Use cases", "use-case-list", "light-bulb"),
    ("Updates", "update-list", "chat-bubble-left-right"),
    ("Activity", "activity", "queue-list"),
)

# The lists that open with a saved view, if the person has chosen one.
_LISTS = {"account-list": "accounts", "use-case-list": "use_cases", "update-list": "updates"}

# Every path begins with the overview's path.
_WITHIN_OVERVIEW = ("attention", "trends", "report")

_ADMIN_TOOLS = ("Admin tools", "admin-tools", "wrench-screwdriver")


def frame(request: HttpRequest) -> dict[str, Any]:
    person = getattr(request, "person", Person())
    as_of = getattr(request, "as_of", None)
    sections = (*_SECTIONS, _ADMIN_TOOLS) if person.is_admin and not as_of else _SECTIONS
    known = default_views(request, person.email) if person.email else {}
    return {
        "sections": tuple(_section(request.path, known, *section) for section in sections),
        "person": person,
        "me_url": page_url("me"),
        "search_url": page_url("search"),
        "help_url": page_url("help"),
        "guide_url": page_url("guide"),
        "help_about": request.resolver_match.url_name if request.resolver_match else "",
        "as_of": as_of,
        "last_visit": getattr(request, "last_visit", None),
        "live": bool(settings.EDIP_LIVE_SECONDS) and not as_of,
        "theme": chosen_theme(request),
        "themes": THEMES,
        "zone": timezone.get_current_timezone_name(),
    }


def _section(path: str, known: dict[str, str] | None, label: str, name: str, icon: str) -> Section:
    url = page_url(name)
    if name == "overview":
        inside = path in {page_url(each) for each in _WITHIN_OVERVIEW}
    else:
        inside = path.startswith(url)
    opens = _default_view(known, _LISTS[name]) if name in _LISTS else ""
    return Section(label, opens or url, icon, "page" if path == url else "true" if inside else "")


def _default_view(known: dict[str, str] | None, list_name: str) -> str:
    """Return the URL of the person's default view of a list; empty if there is none."""
    if known is None:
        return record_url("default-view", list_name)
    return record_url("saved-view", known.get(list_name))
