"""The template tags and filters of the product."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Hashable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django import template
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import get_text_list

from crm import fragments, icons, row_fragments
from crm.forms.fields import format_moment, posted
from crm.forms.moment import CHOICES
from crm.model import links
from crm.model.as_of_address import address
from crm.model.changes import CREATED, Change
from crm.model.records import Record, Update, UseCase
from crm.model.schema import TABLES, Column, Table
from crm.page_urls import change_url, record_url
from crm.request import Request, sent_fields
from crm.warehouse.errors import WarehouseError

from . import _history_groups, _list_cells, _list_rows, _week_columns

register = template.Library()

# The HTTP statuses after which the same form can be sent again; after 401 once the person has
# signed in again in another tab. 403 is not one of them: its form may come from another site,
# unless the failure says that it is ours.
_SEND_AGAIN = {401, 409, 422, 429, 500, 503, 504}


@register.simple_tag
def fields_to_send_again(
    request: Request, status: int, sent_by_us: bool
) -> list[tuple[str, str]] | None:
    """Return the fields of a form that failed; None if it cannot be sent again.

    A page cannot send files again.
    """
    may_pass = status in _SEND_AGAIN or sent_by_us
    if request.method != "POST" or not may_pass or request.FILES:
        return None
    return sent_fields(request)


@register.simple_tag
def icon(name: str, size: int = 16) -> str:
    """Return an icon for use beside a word; crm/icons.py lists the names."""
    return icons.icon(name, size)


@register.simple_tag
def fixed(template: str, **values: Hashable) -> SafeString:
    """Render a template that depends only on ``values``; the result is cached by them."""
    if settings.DEBUG:  # somebody may be editing the template
        return render_to_string(template, values)
    return _rendered(template, **values)


@lru_cache(maxsize=500, typed=True)
def _rendered(template: str, **values: Hashable) -> SafeString:
    return render_to_string(template, values)


@dataclass(frozen=True)
class Fact:
    column: Column
    value: Any


@register.filter
def facts_except(record: Record, placed: str) -> list[Fact]:
    """Return the editable columns with the record's values, without those in ``placed``: the
    names, separated by blanks, of columns that the template shows elsewhere."""
    return [
        Fact(column, record.value(column.name))
        for column in record.table.editable
        if column.name not in placed.split()
    ]


@register.inclusion_tag("as_of/_picker.html", takes_context=True)
def time_machine(context: template.Context) -> dict[str, Any]:
    request = context["request"]
    as_of = getattr(request, "as_of", None)
    here = request.get_full_path() if request.method == "GET" else "/"
    return {
        "here": as_of.present_url if as_of else here,
        "choices": CHOICES,
        "last_visit": getattr(request, "last_visit", None),
        "chosen": timezone.localtime(as_of.moment if as_of else None).replace(microsecond=0),
    }


@register.simple_tag(takes_context=True)
def as_of_url(context: template.Context, value: dt.datetime) -> str:
    """Return the URL of this page as of a moment."""
    request = context["request"]
    here = request.as_of.present_url if request.as_of else request.get_full_path()
    return address(value, here)


@register.simple_tag(takes_context=True)
def history_groups(
    context: template.Context, groups: Iterable[_history_groups.Group], is_gathered: bool = False
) -> SafeString:
    """Return the groups of changes, with links to the pages that revert them.

    Those pages lead back here; from a dialog, to the page under it. If the history is gathered,
    an operation of many rows is one entry.
    """
    back, bsnid = _back(context), str(context.get("bsnid") or "")
    token = str(context.get("csrf_token", ""))
    shown = (
        _history_groups.group_of_changes(
            group,
            bsnid,
            is_gathered and bool(group.summary),
            token,
            lambda changes: _change_items(changes, back),
        )
        for group in groups
    )
    return mark_safe("".join(shown))


@register.simple_tag(takes_context=True)
def changed_accounts(
    context: template.Context, changes: Iterable[Change], bsnid: str
) -> SafeString:
    """Return a section for each account of the changes, which are sorted by account.

    It has a heading, unless the page is about the account ``bsnid``.
    """
    back, sections = _back(context), []
    for key, of_account in groupby(changes, lambda change: change.bsnid):
        found = list(of_account)
        team, items = found[0].team, _change_items(found, back)
        sections.append(row_fragments.changed_account(key, team, items, has_head=not bsnid))
    return mark_safe("".join(sections))


def _back(context: template.Context) -> str:
    """Return the query with which the page that reverts a change leads back; empty for people who
    may not write."""
    if not context["person"].may_write:
        return ""
    request: Request = context["request"]
    page = request.htmx.current_url_abs_path if request.htmx.target == "dialog" else None
    return _next(page or request.get_full_path())


def _change_items(changes: Iterable[Change], back: str) -> SafeString:
    items = []
    for change in changes:
        can_revert = change.kind != CREATED and not change.is_back
        is_asked = back and change.has_address and can_revert
        url = change_url(change.table.name, change.key, change.version) if is_asked else ""
        items.append(row_fragments.change_item(change, url and f"{url}?{back}"))
    return mark_safe("".join(items))


@lru_cache(maxsize=8)
def _next(path: str) -> str:
    return urlencode({"next": path})


@register.simple_tag
def history_url(bsnid: str, key: str) -> str:
    """Return the URL of a record's history; an account's history has all its records."""
    url = record_url("account-history", bsnid)
    return url if key == bsnid else f"{url}?{urlencode({'record': key})}"


@register.simple_tag(takes_context=True)
def card_actions(context: template.Context, child: UseCase | Update, back: str) -> SafeString:
    """Return the links of a child's card; edit and delete lead back with the query ``back``."""
    what = child.table.singular
    history = history_url(context["account"].bsnid, child.id)
    if not context["person"].may_write:
        return fragments.card_actions(what, history, "", "", "")
    name = what.replace(" ", "-")
    edit, delete = record_url(f"{name}-edit", child.id), record_url(f"{name}-delete", child.id)
    return fragments.card_actions(what, history, edit, delete, back)


@register.simple_tag(takes_context=True)
def may_hide(context: template.Context, *names: str) -> bool:
    """Return whether a row filter may hide rows of these tables from the person.

    It may cost a statement, so use it only on pages that have nothing to show.
    """
    with suppress(WarehouseError):
        return any(context["person"].is_filtered(each) for each in TABLES if each.name in names)
    return True


@register.simple_tag(takes_context=True)
def masked_labels(context: template.Context, table: Table) -> str:
    """Return the labels of the columns that a mask may hide from the person, as a text.

    It may cost a statement, like ``may_hide``.
    """
    masked: Collection[str] = ()
    with suppress(WarehouseError):
        masked = context["person"].masked(table)
    labels = [column.label for column in table.editable if column.name in masked]
    return get_text_list(labels, "and")


@register.simple_tag
def marked(parts: Iterable[tuple[str, bool]]) -> SafeString:
    """Return the text of these parts, with the differing ones marked."""
    pieces = (format_html("<mark>{}</mark>" if differs else "{}", text) for text, differs in parts)
    return mark_safe("".join(pieces)) or mark_safe('<span class="nothing">(empty)</span>')


@register.filter
def get(mapping: dict[str, Any], key: str) -> Any:
    """Return the value of the key; None if the mapping does not have it."""
    return mapping.get(key) if mapping else None


for _tag in (
    *fragments.TAGS,
    *row_fragments.TAGS,
    *_list_cells.TAGS,
    *_list_rows.TAGS,
    *_week_columns.TAGS,
    record_url,
):
    register.simple_tag(_tag)
register.filter("tone", fragments.tone)
register.filter("plain_day", fragments.plain_day)
register.filter("day_of_month", fragments.day_of_month)
register.filter("upper_first", fragments.upper_first)
register.filter("initials", row_fragments.initials)
register.filter("row_id", row_fragments.row_id)
register.filter("posted", posted)
register.filter("version", format_moment)
register.filter("links", links.lines)
register.filter("shorten", fragments.shorten)
