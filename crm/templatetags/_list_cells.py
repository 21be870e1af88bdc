"""The cells of a list's rows, as functions: see crm/fragments.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from django.utils.safestring import SafeString

from crm import fragments, row_fragments
from crm.fragments import filled
from crm.model import links
from crm.model.records import AccountRow, Update, UseCase
from crm.model.vocabulary import NOT_STARTED
from crm.page_urls import record_url
from crm.row_fragments import ListColumn, SortControls

_CELL = '<td data-label="{}"{}>{}</td>'
_CLASSES = {"number": "number", **dict.fromkeys(("day", "date", "timestamp", "choice"), "nowrap")}
_CLAMPED = 160
_NO_PROBLEM, _NO_TEXT = "(no problem described)", "(no text)"


def column_header(controls: SortControls, column: ListColumn) -> SafeString:
    """Return the heading of a column."""
    kind = "number" if column.kind == "number" else ""
    if column.sort:
        return row_fragments.sort_header(controls, column.sort, column.label, kind)
    return filled('<th scope="col"{}>{}</th>', _class(kind), column.label)


def account_cells(
    columns: Sequence[ListColumn],
    row: AccountRow,
    from_list: str,
    at: int,
    may_write: bool,
    sets_statuses: bool,
) -> SafeString:
    """Return the cells of an account's row; see ``row_fragments.row_account``."""
    account = row.account
    url = record_url("platform-status", account.bsnid) if sets_statuses else ""
    others = {
        "use_cases": row.use_case_count,
        "updates": row.update_count,
        "last_update": row.last_update,
    }

    def cell(column: ListColumn) -> SafeString:
        if column.kind == "name":
            named = row_fragments.row_account(account, from_list, at, may_write)
            return filled('<th scope="row">{}</th>', named)
        if column.kind == "platform status":
            status = row.statuses.get(column.name) or NOT_STARTED
            link = fragments.platform_status_link(url, column.name, status, account.name)
            return filled(_CELL, column.label, "", link)
        value = others[column.name] if column.name in others else account.value(column.name)
        return _cell(column, value)

    return _joined(map(cell, columns))


def use_case_cells(
    columns: Sequence[ListColumn], use_case: UseCase, sets_statuses: bool
) -> SafeString:
    """Return the cells of a use case's row."""
    url = record_url("use-case-status", use_case.id) if sets_statuses else ""
    name = use_case.problem or _NO_PROBLEM

    def cell(column: ListColumn) -> SafeString:
        if column.kind == "name":
            return _child(use_case, "row-link", fragments.shorten(name, _CLAMPED))
        if column.kind == "status":
            link = fragments.status_link(url, use_case.status, fragments.shorten(name, 40))
            return filled(_CELL, column.label, "", link)
        return _child_cell(column, use_case)

    return _joined(map(cell, columns))


def update_cells(columns: Sequence[ListColumn], update: Update) -> SafeString:
    """Return the cells of an update's row."""

    def cell(column: ListColumn) -> SafeString:
        if column.kind == "name":
            text = update.value("description") or _NO_TEXT
            return _child(update, "row-text", fragments.shorten(text, 220))
        return _child_cell(column, update)

    return _joined(map(cell, columns))


def _joined(cells: Any) -> SafeString:
    return SafeString("\n  ".join(cells))


def _child(record: UseCase | Update, kind: str, text: str) -> SafeString:
    """Return the cell that names the record, with the link to it on its account's page."""
    what = record.table.singular.replace(" ", "-")
    url, link = record_url("account-detail", record.account_bsnid), ""
    if url:
        parameter = what.replace("-", "_")
        link = filled(
            'href="{}?{}={}#{}-{}"',
            url,
            parameter,
            quote(record.id, safe=""),
            what,
            record.id,
        )
    return filled(
        '<th scope="row" class="wide"><a class="{} clamp" {} dir="auto">{}</a></th>',
        kind,
        link,
        text,
    )


def _child_cell(column: ListColumn, record: UseCase | Update) -> SafeString:
    if column.kind != "account":
        return _cell(column, record.value(column.name))
    url = record_url("account-detail", record.account_bsnid)
    href = filled('href="{}"', url) if url else ""
    team = record.team or record.account_bsnid
    link = filled('<a {} dir="auto">{}</a>', href, team)
    return filled(_CELL, column.label, "", link)


def _cell(column: ListColumn, value: Any) -> SafeString:
    show = _SHOWN.get(column.kind)
    shown = show(value) if show else fragments.value_link(column.name, value)
    return filled(_CELL, column.label, _class(_CLASSES.get(column.kind, "")), shown)


def _class(name: str) -> str:
    return filled(' class="{}"', name) if name else ""


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

TAGS = (column_header, account_cells, use_case_cells, update_cells)
