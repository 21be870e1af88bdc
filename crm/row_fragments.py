"""The parts of lists' rows and headings, and of a history, as functions: see crm/fragments.py."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from html import escape
from typing import Protocol

from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from crm.fragments import filled, moment
from crm.icons import icon
from crm.model.as_of_address import address
from crm.model.records import Account, Update, UseCase
from crm.page_urls import page_url, record_url

_PLAIN = re.compile(r"[A-Za-z0-9-]+")
_WRITE = (
    '<a class="icon-button row-write" href="{url}" title="Write an update"'
    ' aria-label="Write an update about {name}">{icon}</a>'
)
# Of the second and third key that a list is sorted by.
_PLACE = {
    place: mark_safe(
        f'<span class="sort-place"><span class="visually-hidden">, sort key </span>{place}</span>'
    )
    for place in (2, 3)
}
_ROW_ACTION = '<a class="icon-button" href="{}" title="{}">{}</a>'


@dataclass(frozen=True)
class ListColumn:
    """A column of a list.

    :param name: its name in the list as a file.
    :param kind: how its cells look: of crm.model.schema.Column, or "name", "account", "status",
        "platform status", "number", "day".
    :param sort: the key by which the list can be sorted by it, if it can.
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
    """The part of a list's controls that a column's heading needs."""

    def sort_link(self, key: str) -> SortLink: ...


class Moment(Protocol):
    """What one person did to one account at about one time (crm/views/_history_groups.py)."""

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
    """Return who did it, to which account, unless that is the page's ``bsnid``, and when.

    ``is_one_entry`` is an operation of many rows in short.
    """
    url = "" if bsnid or is_one_entry else record_url("account-history", group.bsnid)
    team = escape(group.team or group.bsnid)
    link = f'· <a href="{escape(url)}" dir="auto">{team}</a>' if url else ""
    return mark_safe(
        f'<header class="moment-head">{_who(group)} {escape(group.summary)} {link}'
        f'<span class="moment-when">{moment(group.moment)}{_see(group, is_one_entry)}</span>'
        "</p></header>"
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
    """Return the link to the account as it was then, or before it was deleted."""
    if is_one_entry:
        return ""
    when, label = group.moment, "see it as of then"
    if group.deletes_account:
        when, label = group.before, "see it before"
    page = record_url("account-detail", group.bsnid) or page_url("overview")
    return f' · <a href="{escape(address(when, page))}">{label}</a>'


def initials(name: str) -> str:
    words = name.partition("@")[0].replace(".", " ").replace("_", " ").split()
    return "".join(word[0] for word in words[:2]).upper() or "?"


def row_check(key: str, name: str) -> SafeString:
    """Return the cell that selects a row for a bulk change; the form ``bulk`` sends its key."""
    return filled(
        '<td class="pick"><input type="checkbox" form="bulk" name="key" value="{}"'
        ' aria-label="Select {}"></td>',
        key,
        name,
    )


def row_id(key: str | None) -> str:
    """Return the id of a record's row, which an address can name whatever the key is."""
    text = key or ""
    return f"row-{text}" if _PLAIN.fullmatch(text) else f"row_{text.encode().hex()}"


def row_actions(record: UseCase | Update, here: str) -> SafeString:
    """Return the cell of a child's row with the links that write an update about its account and
    edit it. Both come back to its row in the list with the quoted address ``here``."""
    back = f"next={here}%23{row_id(record.id)}"
    what, links = record.table.singular, []
    if url := record_url("update-create", record.account_bsnid):
        team = record.team or record.account_bsnid
        write = icon("chat-bubble-left-right", 16)
        links.append((f"{url}?{back}", f"Write an update about {team}", write))
    if url := record_url(f"{what.replace(' ', '-')}-edit", record.id):
        edit = icon("pencil-square", 16)
        links.append((f"{url}?{back}", f"Edit this {what}", edit))
    return filled('<td class="row-actions">{}</td>', format_html_join(" ", _ROW_ACTION, links))


def row_account(account: Account, parameters: str, at: int, may_write: bool) -> SafeString:
    """Return the account's name and key in a list, with the links to its page.

    ``parameters`` and ``at`` lead back to the list: see crm/views/_from_list.py.
    """
    url = record_url("account-detail", account.bsnid)
    if not url:
        link, write = filled('<a class="row-link" dir="auto">{}</a>', account.name), ""
    else:
        url = f"{url}?{parameters}&at={at}"
        link = filled('<a class="row-link" href="{}" dir="auto">{}</a>', url, account.name)
        write = filled(
            _WRITE,
            url=f"{url}&write=1",
            name=account.name,
            icon=icon("chat-bubble-left-right", 16),
        )
    shown = write if may_write else ""
    return filled('{} <span class="key">{}</span> {}', link, account.bsnid, shown)


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


TAGS = (row_check, row_account, row_actions, sort_header, moment_head)
