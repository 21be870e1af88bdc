"""Reverting a change of a field or record, a deletion, or a bulk change, after a confirmation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from crm.access import for_writers
from crm.forms.fields import fingerprint
from crm.model.changes import CREATED, DELETED, Change
from crm.model.schema import ACCOUNTS, TABLE_BY_NAME, Column, Table
from crm.page_urls import page_url, record_url
from crm.repository import operations, versions
from crm.repository.errors import AlreadyExists, Missing, Stale
from crm.repository.past import revert_bulk, revert_record
from crm.repository.past.revert_bulk import Reverted
from crm.repository.past.revert_record import Reversal
from crm.repository.steps import Step, run_steps
from crm.request import Request
from crm.warehouse import Warehouse

from . import _respond, _resume, _revert_links, _revert_wording
from .updates import UPDATE
from .use_cases import USE_CASE

_MAX_VERSION = 2**63 - 1
# The tables whose records have an anchor on their account's page.
_CHILDREN = {kind.table: kind for kind in (USE_CASE, UPDATE)}
# How often a revert is repeated while others change other fields of the record.
_TRIES = 5


@dataclass(frozen=True)
class Row:
    """A field's value now and after the revert, and whether it changed again after the change."""

    column: Column
    now: str
    reverted: str
    is_changed_again: bool

    @property
    def differs(self) -> bool:
        return self.now != self.reverted

    @property
    def mark(self) -> str:
        """The fingerprint of the present value that the page shows."""
        return fingerprint(self.column, self.now)


@for_writers
@_respond.form_page
def revert(request: Request, table: str, key: str, version: int) -> HttpResponse:
    """Revert one ``field``, the ``whole`` record or, with neither, all fields of the change."""
    found = _find(request, table, key, version)
    if found.change.kind == DELETED:
        return _bring_back(request, found) if request.method == "POST" else _ask(request, found)
    if request.method != "POST":
        return _ask(request, found, _rows(request, found))
    return _revert_fields(request, found)


def _revert_fields(request: Request, found: Reversal) -> HttpResponse:
    """Write the fields, unless one of them no longer has the value that the person saw.

    Fields that already have the earlier value count as done, for example if the request is sent
    again after its answer was lost. If others changed only other fields meanwhile, read again and
    write.
    """
    shown = set(request.POST.get("shown", "").split())
    change = found.change
    for _ in range(_TRIES):
        rows = _rows(request, found)
        if found.now is None:
            return _ask(request, found, rows)
        if any(row.differs and row.mark not in shown for row in rows):
            break
        columns = [row.column for row in rows if row.differs]
        try:
            if columns:
                names = [column.name for column in columns]
                revert_record.revert_fields(request.warehouse, found, names, found.updated_at)
        except (Stale, Missing):
            found = _find(request, change.table.name, change.key, change.version or 0)
            continue
        labels = [column.label for column in columns]
        messages.success(request, _revert_wording.reverted(change, labels))
        return _respond.go(request, _respond.local_url(request, _page_of(change)))
    return _ask(request, found, rows, stale=True)


@require_POST
def revert_deletion(request: Request, table: str, key: str) -> HttpResponse:
    """Restore the record that was last deleted with this key. The button Undo after a deletion
    posts here."""
    version = revert_record.latest_deletion(request.warehouse, _table(table), key)
    if version is None:
        raise Http404("The history has no deletion of this record, so there is nothing to undo.")
    return _bring_back(request, _find(request, table, key, version))


@require_POST
def revert_bulk_change(request: Request, done: str) -> HttpResponse:
    """Undo an import, a repair or a bulk change that this person made."""
    link = _revert_links.read(done)
    if link.who != request.warehouse.actor:
        raise Http404(_revert_wording.NOT_YOURS)
    # Like the change that it undoes, the undo has no deadline.
    wh = request.warehouse.within(None)
    before, after = link.before, link.after
    if link.began:
        before = versions.versions_at(wh, link.began)
        after = revert_bulk.current_versions(wh)
    # The last operation is undone first: it may have overwritten changes of an earlier one.
    results = _revert_all(wh, list(reversed(link.operations)), before, after)
    count = _resume.earlier(request).changed + sum(r.count for r in results)
    if count:
        # After a lost answer it is unknown what the statement changed.
        count = max(count, sum(r.done for r in results))
    left = [each for r in results for each in r.left]
    account = next((r.account for r in results if r.account), "")
    name = next((r.name for r in results if r.name), "")
    if not left:
        messages.success(request, _revert_wording.bulk_reverted(count, name))
        return _respond.go(request, record_url("account-detail", account) or reverse("activity"))
    context = _revert_wording.left_alone(count, left, sum(r.total for r in results), name)
    return render(request, "revert/left_alone.html", context)


def _revert_all(
    wh: Warehouse, undone: list[str], before: revert_bulk.Versions, after: revert_bulk.Versions
) -> list[Reverted]:
    """Undo these operations in this order. Raises HalfDone."""
    results: list[Reverted] = []

    def revert_one(id: str) -> int:
        results.append(revert_bulk.revert(wh, id, before, after))
        return results[-1].count

    steps = [
        Step(f"Undo part {number} of {len(undone)}", partial(revert_one, id))
        for number, id in enumerate(undone, 1)
    ]
    run_steps(wh, operations.new(wh, operations.REVERT), steps)
    return results


def _bring_back(request: Request, found: Reversal) -> HttpResponse:
    try:
        revert_record.revert_deletion(request.warehouse, found, _resume.earlier(request))
    except AlreadyExists:
        if found.now is None:  # in the meantime the key was used again
            change = found.change
            found = _find(request, change.table.name, change.key, change.version or 0)
        is_back = not found.is_another
        messages.info(request, _revert_wording.already_exists(found.change, is_back))
    except Missing:
        return _ask(request, found, orphan=True)
    else:
        messages.success(request, f"{_revert_wording.name(found.change)} is back.")
    return _respond.go(request, _place_of(found.change))


def _ask(
    request: Request,
    found: Reversal,
    rows: list[Row] | None = None,
    *,
    stale: bool = False,
    orphan: bool = False,
) -> HttpResponse:
    """Show the changes of the revert, or with ``stale`` or ``orphan`` why it was refused. ``rows``
    are the fields to revert, None for a deletion."""
    change, status = found.change, 409 if stale or orphan else 200
    orphan = orphan or (rows is None and found.is_orphan)
    fields, others = rows or [], [] if rows is None else _others(found, rows)
    children = [(table, len(lost)) for table, lost in found.rows.items()][1:]
    context = {
        "found": found,
        "change": change,
        "rows": fields if any(row.differs for row in fields) and found.now is not None else [],
        "shown": " ".join(row.mark for row in fields),
        "whole_url": _with(request, whole="1"),
        "can_revert": not orphan and _can_revert(found, rows),
        "stale": stale,
        "orphan": orphan,
        "may_be_hidden": orphan and request.person.is_filtered(ACCOUNTS),
        "back": _respond.local_url(request, _history_of(change)),
    }
    if rows is None:
        context |= _revert_wording.of_deletion(change, children, found.is_back, found.is_another)
    else:
        context |= _revert_wording.of_change(
            change,
            exists=found.now is not None,
            fields={row.column.label: row.differs for row in rows},
            again=[row.column.label for row in rows if row.is_changed_again],
            others=[row.column.label for row in others],
        )
    return _show(request, context, status)


def _show(request: Request, context: dict[str, Any], status: int) -> HttpResponse:
    response = _respond.show(request, "revert/revert.html", "revert/_dialog.html", context, status)
    if status == 409 and _respond.wants_part(request):
        response["HX-Reswap"] = "innerHTML"
        response["HX-Retarget"] = "#dialog"
    return response


def _history_of(change: Change) -> str:
    return record_url("account-history", change.bsnid) or page_url("activity")


def _can_revert(found: Reversal, rows: list[Row] | None) -> bool:
    """Return whether the revert would change anything."""
    if rows is None:
        return found.now is None or (found.is_back and len(found.rows) > 1)
    return found.now is not None and any(row.differs for row in rows)


def _rows(request: Request, found: Reversal) -> list[Row]:
    """Return the fields to revert: one, all of the change, or all that differ from then."""
    if request.GET.get("whole"):
        return [row for row in _all_rows(found) if row.differs]
    only = request.GET.get("field", "")
    changed = {field.column.name for field in found.change.fields}
    wanted = {only} & changed if only else changed
    return [row for row in _all_rows(found) if row.column.name in wanted]


def _others(found: Reversal, rows: list[Row]) -> list[Row]:
    """Return further fields whose value differs from that before the change."""
    names = {row.column.name for row in rows}
    return [row for row in _all_rows(found) if row.differs and row.column.name not in names]


def _all_rows(found: Reversal) -> list[Row]:
    now, before, after = found.now or {}, found.earlier, found.change.after or {}
    return [
        Row(
            column,
            now.get(column.name, ""),
            before.get(column.name, ""),
            found.now is not None and now.get(column.name, "") != after.get(column.name, ""),
        )
        for column in found.change.table.editable
    ]


def _with(request: Request, **changes: str) -> str:
    query = request.GET.copy()
    query.pop("field", None)
    query.update(changes)
    return f"{request.path}?{query.urlencode()}"


def _find(request: Request, table: str, key: str, version: int) -> Reversal:
    if version > _MAX_VERSION:
        raise Http404("There is no such version.")
    found = revert_record.load(request.warehouse, _table(table), key, version)
    if found is not None and found.change.kind == CREATED:
        raise Http404("A creation cannot be reverted. Delete the record instead.")
    if found is None:
        raise Http404("There is no such change, or the warehouse no longer keeps it.")
    return found


def _table(name: str) -> Table:
    if name not in TABLE_BY_NAME:
        raise Http404(f"There is no table “{name[:40]}”.")
    return TABLE_BY_NAME[name]


def _place_of(change: Change) -> str:
    """Return the URL of the record on its account's page."""
    kind = _CHILDREN.get(change.table)
    return kind.page_of(change.bsnid, change.key) if kind else _page_of(change)


def _page_of(change: Change) -> str:
    key = change.key if change.table is ACCOUNTS else change.bsnid
    return record_url("account-detail", key) or page_url("activity")
