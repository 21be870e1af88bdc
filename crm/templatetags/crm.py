"""The template tags and filters of the product."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote, urlencode, urlsplit

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from crm import icons
from crm.forms.fields import format_moment, posted
from crm.forms.moment import AGO
from crm.model import vocabulary
from crm.model.as_of_address import address
from crm.model.changes import CREATED, DELETED, Change
from crm.model.links import link_problem
from crm.model.records import Record
from crm.model.schema import Column
from crm.request import Request, sent_fields

register = template.Library()

_NOTHING = mark_safe('<span class="nothing">—</span>')


# The statuses of failures after which the same form can be sent again. 403 is not among them: its
# form may come from another site.
_SEND_AGAIN = {409, 422, 429, 500, 503, 504}


@register.simple_tag
def fields_to_send_again(request: Request, status: int) -> list[tuple[str, str]] | None:
    """Return the fields of a form that failed with the status; None if it cannot be sent again.

    A page cannot send files again.
    """
    if request.method != "POST" or status not in _SEND_AGAIN or request.FILES:
        return None
    return sent_fields(request)


@register.simple_tag
def icon(name: str, size: int = 16) -> str:
    """Return an icon that stands beside a word: crm/icons.py has its name."""
    return icons.icon(name, size)


@register.inclusion_tag("_badge.html")
def badge(status: str | None) -> dict[str, Any]:
    return {"status": status, "icon": vocabulary.appearance(status or "").icon}


@register.filter
def tone(status: str | None) -> str:
    """Return a status' colour; words outside the vocabulary share one."""
    known = (*vocabulary.onboarding_statuses(), *vocabulary.use_case_statuses())
    return vocabulary.appearance(status or "").tone if status in known else "other"


@register.simple_tag
def text(value: str | None) -> str:
    """Return a record's value, or a dash. Its writing direction does not affect its neighbours."""
    return format_html('<span dir="auto">{}</span>', value) if value else _NOTHING


class SortLink(Protocol):
    @property
    def label(self) -> str: ...


class SortControls(Protocol):
    """The part of a list's controls that a column's heading needs (crm/views/_listing.py)."""

    def sort_link(self, key: str) -> SortLink: ...


@dataclass(frozen=True)
class Fact:
    column: Column
    value: Any


@register.filter
def facts_except(record: Record, placed: str) -> list[Fact]:
    """The columns that people fill in, with the record's values, except those in ``placed``:
    the names, blanks between them, of columns that the template shows at a place of its own."""
    return [
        Fact(column, record.value(column.name))
        for column in record.table.editable
        if column.name not in placed.split()
    ]


@register.inclusion_tag("listing/_sort-header.html")
def sort_header(
    controls: SortControls, key: str, label: str = "", kind: str = ""
) -> dict[str, Any]:
    link = controls.sort_link(key)
    return {"link": link, "label": label or link.label, "kind": kind}


@register.simple_tag
def moment(value: dt.datetime | None) -> str:
    """Return a time in the reader's zone; a script corrects it on a first visit."""
    if not value:
        return _NOTHING
    local = timezone.localtime(value)
    shown = date_format(local, "j M Y, H:i")
    return format_html('<time datetime="{}" data-moment>{}</time>', value.isoformat(), shown)


@register.inclusion_tag("as_of/_picker.html", takes_context=True)
def time_machine(context: template.Context) -> dict[str, Any]:
    request = context["request"]
    as_of = getattr(request, "as_of", None)
    here = request.get_full_path() if request.method == "GET" else "/"
    return {
        "here": as_of.present_url if as_of else here,
        "choices": AGO,
        "chosen": timezone.localtime(as_of.moment if as_of else None).replace(microsecond=0),
    }


@register.simple_tag(takes_context=True)
def as_of_url(context: template.Context, value: dt.datetime) -> str:
    """Return the present page as of a moment."""
    request = context["request"]
    here = request.as_of.present_url if request.as_of else request.get_full_path()
    return address(value, here)


@register.simple_tag
def as_of_page(value: dt.datetime, bsnid: str) -> str:
    """Return an account's page as of a moment; the overview where no address can hold its key."""
    try:
        return address(value, reverse("account-detail", args=[bsnid or ""]))
    except NoReverseMatch:
        return address(value, reverse("overview"))


@register.simple_tag(takes_context=True)
def revert_url(context: template.Context, change: Change, field: str = "") -> str:
    """Return the page that reverts a change, or one ``field`` of it, and then leads back here.

    From a dialog it leads back to the page that the dialog stands on.
    """
    request: Request = context["request"]
    page = request.htmx.current_url_abs_path if request.htmx.target == "dialog" else None
    query = {"next": page or request.get_full_path()} | ({"field": field} if field else {})
    url = reverse("revert", args=[change.table.name, change.key, change.version])
    return f"{url}?{urlencode(query)}"


@register.simple_tag
def history_url(bsnid: str, key: str) -> str:
    """Return the history page of one record; an account's is that of all its records."""
    url = reverse("account-history", args=[bsnid])
    return url if key == bsnid else f"{url}?{urlencode({'record': key})}"


@register.filter
def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


@register.filter
def change_icon(change: Change) -> str:
    """Return the icon of what happened to the record."""
    if change.returned:
        return "arrow-uturn-left"
    return {CREATED: "plus", DELETED: "trash"}.get(change.kind, "pencil-square")


@register.simple_tag
def marked(parts: Iterable[tuple[str, bool]]) -> SafeString:
    """Return a text in parts, those that differ marked."""
    pieces = (format_html("<mark>{}</mark>" if differs else "{}", text) for text, differs in parts)
    return mark_safe("".join(pieces)) or mark_safe('<span class="nothing">(empty)</span>')


@register.simple_tag
def day(value: dt.date | None) -> str:
    if not value:
        return _NOTHING
    shown = date_format(value, "j M Y")
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), shown)


@register.filter
def get(mapping: dict[str, Any], key: str) -> Any:
    """Return the value of a key that a variable holds, None where there is none."""
    return mapping.get(key) if mapping else None


@register.filter
def shown(value: Any) -> str | SafeString:
    """Return a value of any kind as plain text, so that two can be compared."""
    return date_format(value, "j M Y") if isinstance(value, dt.date) else value or "—"


register.filter("posted", posted)
register.filter("version", format_moment)


@dataclass(frozen=True)
class Link:
    """A link's text and address; ``url`` is empty where the text is no valid link."""

    text: str
    url: str


@register.filter
def links(value: str | None) -> list[Link]:
    lines = (line.strip() for line in (value or "").splitlines())
    return [_link(line) for line in lines if line]


def _link(line: str) -> Link:
    if link_problem(line):
        return Link(line, "")
    parts = urlsplit(line)
    last = unquote(parts.path.rstrip("/").rpartition("/")[2])
    return Link(f"{parts.hostname} › {last}" if last else str(parts.hostname), line)


@register.filter
def initials(name: str) -> str:
    words = name.partition("@")[0].replace(".", " ").replace("_", " ").split()
    return "".join(word[0] for word in words[:2]).upper() or "?"
