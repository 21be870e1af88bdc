"""Functions that render column headings of lists and parts of histories: see crm/fragments.py.

The rows of lists are in crm/templatetags/_list_rows.py.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from html import escape
from typing import Protocol

from django.utils.safestring import SafeString, mark_safe

from crm.fragments import filled, moment, upper_first
from crm.icons import icon
from crm.model.as_of_address import address
from crm.model.changes import CHANGED, CREATED, DELETED, Change
from crm.page_urls import page_url, record_url

_PLAIN = re.compile(r"[A-Za-z0-9-]+")
# The number of the second and third sort key of a list.
_PLACE = {
    place: mark_safe(
        f'<span class="sort-place"><span class="visually-hidden">, sort key </span>{place}</span>'
    )
    for place in (2, 3)
}
_WAS = '<del><span class="visually-hidden">was </span><span dir="auto">{}</span></del>'
_IS = '<ins><span class="visually-hidden">now </span><span dir="auto">{}</span></ins>'
_REVERT = (
    '<a class="put-back" href="{url}" hx-get="{url}" hx-target="#dialog">'
    'Revert<span class="visually-hidden"> {label}</span></a>'
)
_REASON = '<p class="change-reason">Reason: <span dir="auto">{}</span></p>'
_PUT_BACK = (
    '<p class="change-actions"><a class="button" href="{0}" hx-get="{0}" hx-target="#dialog">'
    '{1}{2}<span class="visually-hidden">: {3}</span></a></p>'
)
_CHANGED_HEAD = '<h3 class="moment-head"><a {} dir="auto">{}</a></h3>'


@dataclass(frozen=True)
class ListColumn:
    """A column of a list.

    :param name: its name in the list's CSV file.
    :param kind: how its cells look: a kind of crm.model.schema.Column, or "name", "account",
        "status", "platform status", "number", "day".
    :param sort: the sort key of the column; empty if the list cannot be sorted by it.
    """

    name: str
    label: str
    kind: str
    sort: str = ""


class SortLink(Protocol):
    """A link that sorts a list by a column (crm/views/_listing.py)."""

    @property
    def key(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def url(self) -> str: ...

    @property
    def direction(self) -> str: ...

    @property
    def place(self) -> int: ...

    @property
    def icon(self) -> str: ...


class SortControls(Protocol):
    """The part of a list's controls that column headings need."""

    def sort_link(self, key: str) -> SortLink: ...


class Moment(Protocol):
    """A group of one person's changes to one account (crm/views/_history_groups.py)."""

    @property
    def person(self) -> str: ...

    @property
    def outside(self) -> bool: ...

    @property
    def bsnid(self) -> str: ...

    @property
    def team(self) -> str: ...

    @property
    def summary(self) -> str: ...

    @property
    def moment(self) -> dt.datetime: ...

    @property
    def before(self) -> dt.datetime: ...

    @property
    def deletes_account(self) -> bool: ...


def moment_head(group: Moment, bsnid: str, is_one_entry: bool) -> SafeString:
    """Return the heading of a group: person, moment, and the account if it is not ``bsnid``.

    ``is_one_entry``: the group is an operation of many rows, shown as one entry.
    """
    url = "" if bsnid or is_one_entry else record_url("account-history", group.bsnid)
    team = escape(group.team or group.bsnid)
    link = f'· <a href="{escape(url)}" dir="auto">{team}</a>' if url else ""
    return mark_safe(
        f'<header class="moment-head">{_who(group)} {escape(group.summary)} {link}'
        f'<span class="moment-when">{moment(group.moment)}{_see(group, is_one_entry)}</span>'
        "</p></header>"
    )


def changed_account(bsnid: str, team: str, items: str, *, has_head: bool) -> SafeString:
    """Return the section of an account with the items of its changes."""
    head = ""
    if has_head:
        url = record_url("account-diff", bsnid)
        head = filled(_CHANGED_HEAD, filled('href="{}"', url) if url else "", team or bsnid)
    return filled(
        '<section class="moment">{}<ul class="moment-changes">{}</ul></section>', head, items
    )


def _who(group: Moment) -> str:
    person = escape(group.person)
    if not group.outside:
        return (
            f'<span class="initials" aria-hidden="true">{escape(initials(group.person))}</span>'
            f'<p><b dir="auto">{person}</b>'
        )
    user = f' <span class="quiet">as <span dir="auto">{person}</span></span>' if person else ""
    return (
        '<span class="initials initials-outside" aria-hidden="true">'
        f"{icon('arrow-top-right-on-square', 16)}</span><p><b>Outside EDIP CRM</b>{user}"
    )


def _see(group: Moment, is_one_entry: bool) -> str:
    """Return the link to the account as of that moment, or as of the moment before its
    deletion."""
    if is_one_entry:
        return ""
    when, label = group.moment, "see it as of then"
    if group.deletes_account:
        when, label = group.before, "see it before"
    page = record_url("account-detail", group.bsnid) or page_url("overview")
    return (
        f' <span class="only-screen">· <a href="{escape(address(when, page))}">{label}</a></span>'
    )


def initials(name: str) -> str:
    words = name.partition("@")[0].replace(".", " ").replace("_", " ").split()
    return "".join(word[0] for word in words[:2]).upper() or "?"


def row_id(key: str | None) -> str:
    """Return the HTML id of a record's row, which can be a URL fragment for any key."""
    text = key or ""
    return f"row-{text}" if _PLAIN.fullmatch(text) else f"row_{text.encode().hex()}"


def sort_header(controls: SortControls, key: str, label: str = "", kind: str = "") -> SafeString:
    """Return the heading of a column by which the list can be sorted."""
    link = controls.sort_link(key)
    return filled(
        '<th scope="col"{}{}>'
        '<a class="sort-link" id="sort-{}" href="{}" hx-get="{}">{}{}{}</a></th>',
        filled(' class="{}"', kind) if kind else "",
        filled(' aria-sort="{}"', link.direction) if link.place == 1 else "",
        link.key,
        link.url,
        link.url,
        label or link.label,
        icon(link.icon, 16),
        _PLACE.get(link.place, ""),
    )


def change_item(change: Change, revert: str) -> str:
    """Return one change of a history; ``revert`` is the URL that reverts it, or empty."""
    kind = change.kind
    note = _REASON.format(escape(change.reason)) if change.reason else ""
    put_back = ""
    if revert and kind == CHANGED and len(change.fields) > 1:
        put_back = _put_back(revert, "Revert all of this", change.name)
    bring_back = _put_back(revert, "Bring it back", change.name) if kind == DELETED else ""
    return (
        f'<li class="change change-{kind}" data-change="{change.table.name}/{escape(change.key)}/'
        f'{change.version or ""}"><details{" open" if kind == CHANGED else ""}>'
        f"<summary>{icon(_change_icon(change), 16)}"
        f'<span dir="auto">{escape(upper_first(change.what))}</span>{icon("chevron-right", 16)}'
        f'</summary>{note}<dl class="field-changes">{_field_changes(change, revert)}</dl>'
        f"{put_back}</details>{bring_back}</li>\n"
    )


def _change_icon(change: Change) -> str:
    if change.returned:
        return "arrow-uturn-left"
    return {CREATED: "plus", DELETED: "trash"}.get(change.kind, "pencil-square")


def _put_back(url: str, label: str, name: str) -> str:
    if not url:
        return ""
    return _PUT_BACK.format(escape(url), icon("arrow-uturn-left", 16), label, escape(name))


def _field_changes(change: Change, revert: str) -> str:
    """Return the list of changed fields.

    Fields can be reverted separately only if the record was changed, not created or deleted.
    """
    kind, lines = change.kind, []
    for field in change.fields:
        label = escape(field.column.label)
        parts = []
        if kind != CREATED:
            parts.append(_WAS.format(escape(field.before or "—")))
        if kind != DELETED:
            parts.append(_IS.format(escape(field.after or "—")))
        if revert and kind == CHANGED:
            url = escape(f"{revert}&field={field.column.name}")
            parts.append(_REVERT.format(url=url, label=label))
        lines.append(f"<div><dt>{label}</dt><dd>{' '.join(parts)}</dd></div>")
    return "".join(lines)


TAGS = (sort_header,)
