"""Functions that render the cells of lists: see _list_rows.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Any
from urllib.parse import quote

from django.utils.safestring import SafeString

from crm import fragments, row_fragments
from crm.fragments import escaped, filled
from crm.icons import icon
from crm.model import links
from crm.model.records import AccountRow, Update, UseCase
from crm.model.vocabulary import NOT_STARTED
from crm.page_urls import record_urls
from crm.row_fragments import ListColumn, SortControls

# Renders the cell of a child, or of an account's row with its place on the page.
Cell = Callable[[Any], str]
AccountCell = Callable[[AccountRow, int], str]

NO_PROBLEM, NO_TEXT = "(no problem described)", "(no text)"
_CLASSES = {"number": "number", **dict.fromkeys(("day", "date", "timestamp", "choice"), "nowrap")}
_CLAMPED = 160
_WRITE = (
    '<a class="icon-button row-write" href="{}&amp;write=1" title="Write an update"'
    ' aria-label="Write an update about {}">{}</a>'
)
_NAMED = (
    '<th scope="row"><a class="row-link" {}dir="auto">{}</a> <span class="key">{}</span> {}</th>'
)
_CHILD = '<th scope="row" class="wide"><a class="{} clamp" {} dir="auto">{}</a></th>'
_HREF = 'href="{}?{}={}#{}-{}"'
# The attributes of an AccountRow apart from the account.
_COUNTED = {
    "use_cases": "use_case_count",
    "updates": "update_count",
    "last_update": "last_update",
}


def column_header(controls: SortControls, column: ListColumn) -> SafeString:
    """Return the heading of a column."""
    kind = "number" if column.kind == "number" else ""
    if column.sort:
        return row_fragments.sort_header(controls, column.sort, column.label, kind)
    return filled('<th scope="col"{}>{}</th>', _class(kind), column.label)


def of_accounts(
    columns: Iterable[ListColumn], from_list: str, first: int, may_write: bool, sets_statuses: bool
) -> list[AccountCell]:
    """Return a function for each column that renders an account's cell.

    ``from_list`` and ``first``, the place of the page's first row, lead back to the list.
    """

    def cell(column: ListColumn) -> AccountCell:
        if column.kind == "name":
            return _account(from_list, first, may_write)
        if column.kind == "platform status":
            return _platform_status(column, sets_statuses)
        wrap, show = _wrap(column), _show(column)
        if column.name in _COUNTED:
            return lambda row, _: wrap(show(getattr(row, _COUNTED[column.name])))
        return lambda row, _: wrap(show(row.account.value(column.name)))

    return [cell(column) for column in columns]


def of_use_cases(columns: Iterable[ListColumn], sets_statuses: bool) -> list[Cell]:
    """Return a function for each column that renders a use case's cell."""

    def cell(column: ListColumn) -> Cell:
        if column.kind == "name":
            return _child("use-case", "row-link", "problem", NO_PROBLEM, _CLAMPED)
        if column.kind == "status":
            return _status(column, sets_statuses)
        return _of_child(column)

    return [cell(column) for column in columns]


def of_updates(columns: Iterable[ListColumn]) -> list[Cell]:
    """Return a function for each column that renders an update's cell."""
    return [
        _child("update", "row-text", "description", NO_TEXT, 220)
        if column.kind == "name"
        else _of_child(column)
        for column in columns
    ]


def _account(from_list: str, first: int, may_write: bool) -> AccountCell:
    """Return the function that renders an account's name and key with links to its page."""
    urls, write_icon = record_urls("account-detail"), icon("chat-bubble-left-right", 16)

    def cell(row: AccountRow, place: int) -> str:
        account, href, write = row.account, "", ""
        if url := urls(account.bsnid):
            url = f"{url}?{from_list}&at={first + place}"
            href = filled('href="{}" ', url)
            if may_write:
                write = filled(_WRITE, url, account.name, write_icon)
        return filled(_NAMED, href, account.name, account.bsnid, write)

    return cell


def _platform_status(column: ListColumn, sets_statuses: bool) -> AccountCell:
    wrap, platform = _wrap(column), column.name
    urls = record_urls("platform-status") if sets_statuses else _no_url

    def cell(row: AccountRow, _: int) -> str:
        account, status = row.account, row.statuses.get(platform) or NOT_STARTED
        url = urls(account.bsnid)
        return wrap(fragments.platform_status_link(url, platform, status, account.name))

    return cell


def _status(column: ListColumn, sets_statuses: bool) -> Cell:
    wrap = _wrap(column)
    urls = record_urls("use-case-status") if sets_statuses else _no_url

    def cell(use_case: UseCase) -> str:
        name = fragments.shorten(use_case.problem or NO_PROBLEM, 40)
        return wrap(fragments.status_link(urls(use_case.id), use_case.status, name))

    return cell


def _child(what: str, kind: str, column: str, nameless: str, length: int) -> Cell:
    """Return the function that renders a child's name, from ``column``, with the link to it on its
    account's page."""
    urls, parameter = record_urls("account-detail"), what.replace("-", "_")

    def cell(child: UseCase | Update) -> str:
        href, name = "", fragments.shorten(child.value(column) or nameless, length)
        if url := urls(child.account_bsnid):
            key = child.id
            href = filled(_HREF, url, parameter, quote(key, safe=""), what, key)
        return filled(_CHILD, kind, href, name)

    return cell


def _of_child(column: ListColumn) -> Cell:
    wrap, name = _wrap(column), column.name
    if column.kind != "account":
        show = _show(column)
        return lambda child: wrap(show(child.value(name)))
    urls = record_urls("account-detail")

    def cell(child: UseCase | Update) -> str:
        url, team = urls(child.account_bsnid), child.team or child.account_bsnid
        href = filled('href="{}"', url) if url else ""
        return wrap(filled('<a {} dir="auto">{}</a>', href, team))

    return cell


def _no_url(key: str | None) -> str:
    return ""


def _wrap(column: ListColumn) -> Callable[[str], str]:
    """Return the function that wraps the content in a cell of the column."""
    kind = _CLASSES.get(column.kind, "")
    opening = filled('<td data-label="{}"{}>', column.label, _class(kind))
    return lambda content: SafeString(f"{opening}{escaped(content)}</td>")


def _class(name: str) -> str:
    return filled(' class="{}"', name) if name else ""


def _show(column: ListColumn) -> Callable[[Any], str]:
    """Return the function that renders a value of the column; it renders equal values once."""
    return cache(_SHOWN.get(column.kind) or partial(fragments.value_link, column.name))


def _long(value: str | None) -> str:
    if not value:
        return fragments.text(value)
    shown = fragments.shorten(value, _CLAMPED)
    return filled('<span class="clamp" dir="auto">{}</span>', shown)


def _links(value: str | None) -> str:
    """Return the first of the links, and how many more there are."""
    found = links.lines(value)
    if not found:
        return fragments.text(value)
    first, more = found[0], filled(" +{}", len(found) - 1) if len(found) > 1 else ""
    if not first.url:
        return filled('<span dir="auto">{}</span>{}', first.text, more)
    return filled(
        '<a href="{}" target="_blank" rel="noopener noreferrer">{}{}'
        '<span class="visually-hidden"> (opens a new tab)</span></a>',
        first.url,
        first.text,
        more,
    )


_SHOWN: dict[str, Callable[[Any], str]] = {
    "number": str,
    "day": fragments.day,
    "date": fragments.day,
    "timestamp": fragments.moment,
    "long_text": _long,
    "links": _links,
}

TAGS = (column_header,)
