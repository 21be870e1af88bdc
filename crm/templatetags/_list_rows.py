"""Functions that render the rows of lists: see crm/fragments.py.

The common parts of a page's rows, such as the beginning of a column's cells, are rendered once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence

from django.utils.safestring import SafeString

from crm import fragments
from crm.forms.fields import format_moment
from crm.fragments import filled
from crm.icons import icon
from crm.model.records import AccountRow, Page, Update, UseCase
from crm.page_urls import record_urls
from crm.row_fragments import ListColumn, row_id

from . import _list_cells
from ._list_cells import NO_PROBLEM, NO_TEXT, Cell

_ROW = '<tr id="{}" data-record="{}/{}"{} data-version="{}">{}</tr>\n'
_CHECK = (
    '<td class="pick"><input type="checkbox" form="bulk" name="key" value="{}"'
    ' aria-label="Select {}"></td>'
)
_ACTIONS = '<td class="row-actions">{}{}</td>'
_ACTION = '<a class="icon-button" href="{}?{}" title="{}">{}</a>'


def account_rows(
    page: Page[AccountRow],
    columns: Iterable[ListColumn],
    from_list: str,
    may_write: bool,
    sets_statuses: bool,
) -> SafeString:
    """Return the rows of a page of accounts.

    ``from_list`` are the parameters that lead back to the list: see crm/views/_from_list.py.
    """
    cells = _list_cells.of_accounts(columns, from_list, page.first_row, may_write, sets_statuses)
    rows = []
    for at, row in enumerate(page.rows):
        account = row.account
        check = _check(account.bsnid, account.name) if may_write else ""
        more = filled(' data-account="{}"', account.bsnid)
        shown = [check, *(cell(row, at) for cell in cells)]
        rows.append(_row("accounts", account.bsnid, account.updated_at, shown, more))
    return _joined(rows)


def use_case_rows(
    page: Page[UseCase],
    columns: Iterable[ListColumn],
    here: str,
    may_write: bool,
    sets_statuses: bool,
) -> SafeString:
    """Return the rows of a page of use cases; ``here`` is the list's quoted address."""
    cells = _list_cells.of_use_cases(columns, sets_statuses)
    return _child_rows(page.rows, cells, here, may_write, "problem", NO_PROBLEM)


def update_rows(
    page: Page[Update], columns: Iterable[ListColumn], here: str, may_write: bool
) -> SafeString:
    """Return the rows of a page of updates; ``here`` is the list's quoted address."""
    cells = _list_cells.of_updates(columns)
    return _child_rows(page.rows, cells, here, may_write, "description", NO_TEXT)


def _child_rows(
    children: Sequence[UseCase] | Sequence[Update],
    cells: Sequence[Cell],
    here: str,
    may_write: bool,
    named_by: str,
    nameless: str,
) -> SafeString:
    actions = _actions(here) if may_write else None
    rows = []
    for child in children:
        shown = [cell(child) for cell in cells]
        if actions:
            name = fragments.shorten(child.value(named_by) or nameless, 40)
            shown = [_check(child.id, name), *shown, actions(child)]
        rows.append(_row(child.table.name, child.id, child.value("updated_at"), shown))
    return _joined(rows)


def _row(
    table: str, key: str, updated_at: dt.datetime | None, cells: Iterable[str], more: str = ""
) -> SafeString:
    version = format_moment(updated_at)
    return filled(_ROW, row_id(key), table, key, more, version, _joined(cells))


def _joined(parts: Iterable[str]) -> SafeString:
    return SafeString("".join(map(fragments.escaped, parts)))


def _check(key: str, name: str) -> SafeString:
    """Return the cell that selects a row for a bulk change; the form ``bulk`` sends its key."""
    return filled(_CHECK, key, name)


def _actions(here: str) -> Callable[[UseCase | Update], SafeString]:
    """Return the function that renders the cell with two links: write an update about the child's
    account, and edit the child. Both lead back to its row in the list at ``here``."""
    write, edit = icon("chat-bubble-left-right", 16), icon("pencil-square", 16)
    write_urls = record_urls("update-create")

    def cell(child: UseCase | Update) -> SafeString:
        back = f"next={here}%23{row_id(child.id)}"
        what, links = child.table.singular, ["", ""]
        if url := write_urls(child.account_bsnid):
            title = f"Write an update about {child.team or child.account_bsnid}"
            links[0] = filled(_ACTION, url, back, title, write)
        if url := record_urls(f"{what.replace(' ', '-')}-edit")(child.id):
            links[1] = filled(_ACTION, url, back, f"Edit this {what}", edit)
        return filled(_ACTIONS, *links)

    return cell


TAGS = (account_rows, use_case_rows, update_rows)
