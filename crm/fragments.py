"""Functions that render small parts of which a page has dozens, ten times as fast as templates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.html import conditional_escape, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator

from crm.icons import icon
from crm.model import links, vocabulary
from crm.model.schema import AREA, PEOPLE_COLUMNS
from crm.page_urls import name_url

_NOTHING = mark_safe('<span class="nothing">—</span>')
_LONG_TEXT = 600
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def filled(markup: str, *args: object) -> SafeString:
    """Return the same as Django's ``format_html``, in a quarter of its time."""
    return SafeString(markup.format(*map(escaped, args)))


def escaped(value: Any) -> str:
    """Return the same as Django's ``conditional_escape``, in a fraction of its time."""
    if type(value) is str:
        return escape(value)
    return value if type(value) is SafeString else conditional_escape(value)


def text(value: str | None) -> str:
    """Return a record's value, or a dash. Its writing direction does not affect its neighbours."""
    return filled('<span dir="auto">{}</span>', value) if value else _NOTHING


def value_link(column: str, value: str | None) -> str:
    """Return a value of a column, with the link to its page if it is a person or an area."""
    if column in PEOPLE_COLUMNS:
        return person_link(value)
    return area_link(value) if column == AREA else text(value)


def person_link(name: str | None) -> str:
    """Return a person's name, with the link to their page, or a dash."""
    return _name_link("person", name)


def area_link(name: str | None) -> str:
    """Return a business area, with the link to its page, or a dash."""
    return _name_link("area", name)


def _name_link(page: str, name: str | None) -> str:
    if not name or not name.strip():
        return text(name)
    return filled('<a class="name" href="{}" dir="auto">{}</a>', name_url(page, name), name)


def prose(value: str | None) -> str:
    """Return a text with its line breaks, links and mentions; a long text is collapsed."""
    if not value:
        return ""
    whole = filled('<p class="prose" dir="auto">{}</p>', linked(value))
    if len(value) <= _LONG_TEXT:
        return whole
    return filled(
        '<details class="long-text"><summary><span class="prose clamped" dir="auto">{}…</span>'
        '<span class="more">Show all</span></summary>{}</details>',
        value[:_LONG_TEXT],
        whole,
    )


def linked(value: str) -> str:
    """Return a text with links, and with mentions of people marked."""
    if "://" not in value and "@" not in value:
        return value
    return format_html_join(
        "", "{}", ((_LINKED[kind](part),) for kind, part in links.parts(value))
    )


_LINKED: dict[str, Callable[[str], str]] = {
    links.TEXT: str,
    links.LINK: lambda url: filled('<a href="{0}" rel="noopener nofollow">{0}</a>', url),
    links.MENTION: lambda name: filled('<b class="mention">{}</b>', name),
}


def shorten(text: str, length: int) -> str:
    """Return the text, cut with an ellipsis if it is longer than ``length``."""
    if len(text) <= length:
        return text
    # Truncator is slow: it examines each character, because of combining ones.
    return f"{text[: length - 1]}…" if text.isascii() else Truncator(text).chars(length)


def badge(status: str | None, swaps: str = "") -> str:
    """Return a status with its colour and icon, or a dash.

    htmx replaces the page's element that the selector ``swaps`` finds with it.
    """
    if not status:
        return _NOTHING
    return _badge(status, swaps, tone(status), vocabulary.appearance(status).icon)


@lru_cache(maxsize=200)
def _badge(status: str, swaps: str, tone: str, icon_name: str) -> SafeString:
    return filled(
        '<span class="badge tone-{}"{}>{}<span dir="auto">{}</span></span>',
        tone,
        filled(' hx-swap-oob="outerHTML:{}"', swaps) if swaps else "",
        icon(icon_name, 16),
        status,
    )


def status_link(link: str, status: str | None, of: str) -> str:
    """Return a status that links to the form which sets it; without ``link``, only the status.

    ``of`` names its owner for screen readers, since the statuses of a list sound alike.
    """
    if not link:
        return badge(status)
    return filled(
        '<a class="set-status" href="{}"><span class="visually-hidden">{}: </span>{}</a>',
        link,
        of,
        badge(status),
    )


def platform_status_link(url: str, platform: str, status: str, account: str) -> str:
    """Return an account's status for a platform, as ``status_link`` does."""
    return status_link(url and status_url(url, platform), status, f"{platform}, {account}")


def status_url(url: str, platform: str) -> str:
    """Return the URL of the form that sets the status for a platform."""
    return f"{url}?{_of_platform(platform)}"


@lru_cache(maxsize=100)
def _of_platform(platform: str) -> str:
    return urlencode({"platform": platform})


def tone(status: str | None) -> str:
    """Return a status' colour; words outside the vocabulary share one."""
    known = (*vocabulary.onboarding_statuses(), *vocabulary.use_case_statuses())
    return vocabulary.appearance(status or "").tone if status in known else "other"


def day(value: dt.date | None) -> str:
    if not value:
        return _NOTHING
    return filled('<time datetime="{}">{}</time>', value.isoformat(), plain_day(value))


def moment(value: dt.datetime | None) -> str:
    """Return a time in the reader's zone; a script corrects it on a first visit."""
    if not value:
        return _NOTHING
    here = _local(value)
    shown = f"{plain_day(here.date())}, {here:%H:%M}"
    return filled('<time datetime="{}" data-moment>{}</time>', value.isoformat(), shown)


def _local(at: dt.datetime) -> dt.datetime:
    try:
        return timezone.localtime(at)
    except OverflowError:  # on the calendar's first or last day
        return at


def plain_day(value: dt.date) -> str:
    """Return the day as ``3 Feb 2026``; of a moment, the day in the reader's zone."""
    # Django's date_format takes ten times as long.
    value = _local(value) if isinstance(value, dt.datetime) else value
    return f"{day_of_month(value)} {value.year:04}"


def day_of_month(value: dt.date) -> str:
    """Return the day as ``3 Feb``."""
    return f"{value.day} {_MONTHS[value.month - 1]}"


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def card_actions(what: str, history: str, edit: str, delete: str, back: str) -> SafeString:
    """Return the links of a card: its history and, for those who may write, edit and delete.

    ``what`` is the name of the record's kind. ``edit`` is empty for people who may not write. The
    list of the cards names the dialog in ``hx-target``.
    """
    links = [
        filled(
            '<a class="icon-button" href="{0}" hx-get="{0}" title="History"'
            ' aria-label="History of this {2}">{1}</a>',
            history,
            icon("clock", 16),
            what,
        )
    ]
    if edit:
        links += [
            filled(
                '<a class="icon-button" href="{0}" title="Edit"'
                ' aria-label="Edit this {2}">{1}</a>',
                edit,
                icon("pencil-square", 16),
                what,
            ),
            filled(
                '<a class="icon-button" href="{0}" hx-get="{0}" title="Delete"'
                ' aria-label="Delete this {2}">{1}</a>',
                delete + back,
                icon("trash", 16),
                what,
            ),
        ]
    return filled('<span class="card-actions">{}</span>', mark_safe(" ".join(links)))


TAGS = (
    text,
    person_link,
    value_link,
    area_link,
    prose,
    badge,
    day,
    moment,
    status_link,
    platform_status_link,
)
