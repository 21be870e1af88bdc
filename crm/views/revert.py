"""Putting a field, a record or a deleted record back to what it was: asks, then does it."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.text import get_text_list
from django.views.decorators.http import require_http_methods, require_POST

from crm.access import for_writers
from crm.forms.records import fingerprint
from crm.model.changes import CREATED, DELETED, Change
from crm.model.schema import ACCOUNTS, TABLES, Column, Table
from crm.repository.errors import AlreadyExists, Missing, Stale
from crm.repository.past import revert_bulk, revert_record
from crm.repository.past.revert_record import Reversal
from crm.request import Request

from . import _respond

_SALT = "crm.undo-bulk"
_LATEST_POSSIBLE = 2**63 - 1
_UNDONE_WITHIN = 24 * 60 * 60
_BY_NAME = {table.name: table for table in TABLES}


# How often others may change other fields of the record meanwhile.
_TRIES = 5


@dataclass(frozen=True)
class Row:
    """A field now, as it would be again, and whether it was changed again in between."""

    column: Column
    now: str
    then: str
    is_changed_again: bool

    @property
    def differs(self) -> bool:
        return self.now != self.then

    @property
    def mark(self) -> str:
        """Tells whether the field still says what somebody was shown."""
        return f"{self.column.name}={fingerprint(self.now)}"


@for_writers
@require_http_methods(["GET", "HEAD", "POST"])
def revert(request: Request, table: str, key: str, version: int) -> HttpResponse:
    """Puts back one ``field``, the ``whole`` record or, with neither, what the change changed."""
    then = _find(request, table, key, version)
    if then.change.kind == DELETED:
        return _bring_back(request, then) if request.method == "POST" else _ask(request, then)
    if request.method != "POST":
        return _ask(request, then, _rows(request, then))
    return _put_back(request, then)


def _put_back(request: Request, then: Reversal) -> HttpResponse:
    """What others do to other fields meanwhile is left alone; what they do to these is shown."""
    shown = set(request.POST.get("shown", "").split())
    for _ in range(_TRIES):
        rows = _rows(request, then)
        if then.now is None:
            return _ask(request, then, rows)
        if any(row.mark not in shown for row in rows):
            break
        columns = [row.column for row in rows if row.differs]
        try:
            if columns:
                names = [column.name for column in columns]
                revert_record.revert_fields(request.warehouse, then, names, then.updated_at)
        except (Stale, Missing):
            change = then.change
            then = _find(request, change.table.name, change.key, change.version)
            continue
        messages.success(request, _said(then.change, columns))
        return _respond.go(request, _respond.local_url(request, _page_of(then.change)))
    return _ask(request, then, rows, stale=True)


def _said(change: Change, columns: list[Column]) -> str:
    if not columns:
        return f"{change.name} is so already."
    labels = get_text_list([column.label for column in columns], "and")
    return f"{labels} of {change.name} {'was' if len(columns) == 1 else 'were'} put back."


@require_POST
def revert_deletion(request: Request, table: str, key: str) -> HttpResponse:
    """Bring back what was deleted last under this key: one click, right after it."""
    version = revert_record.latest_deletion(request.warehouse, _table(table), key)
    if version is None:
        raise Http404("Nothing is known of its deletion, so it cannot be undone.")
    return _bring_back(request, _find(request, table, key, version))


def bulk_url(request: Request, before: revert_bulk.Versions, after: revert_bulk.Versions) -> str:
    """Where this person can undo what they did to many records between these versions."""
    done = {"before": before, "after": after, "who": request.warehouse.actor}
    return reverse("revert-bulk", args=[signing.dumps(done, salt=_SALT)])


@require_POST
def revert_bulk_change(request: Request, done: str) -> HttpResponse:
    """Undo an import, or a repair, of one's own."""
    try:
        said = signing.loads(done, salt=_SALT, max_age=_UNDONE_WITHIN)
    except signing.BadSignature as error:
        raise Http404("This cannot be undone at once any more; the history still can.") from error
    if said["who"] != request.warehouse.actor:
        raise Http404("Only who did it can undo it at once; the history still can.")
    # As long as the import that it undoes, which had no deadline either.
    wh = request.warehouse.within(None)
    count = revert_bulk.revert(wh, said["before"], said["after"])
    records = "1 record is" if count == 1 else f"{count} records are"
    if count:
        text = f"{records} as before. What somebody has changed since was left alone."
    else:
        text = "Nothing was undone: it is so already, or somebody has changed it since."
    messages.success(request, text)
    return _respond.go(request, reverse("activity"))


def _bring_back(request: Request, then: Reversal) -> HttpResponse:
    try:
        revert_record.revert_deletion(request.warehouse, then)
    except AlreadyExists:
        there = "is there already" if then.is_back else "has another in its place by now"
        messages.info(request, f"{then.change.name} {there}.")
    except Missing:
        return _ask(request, then, orphan=True)
    else:
        messages.success(request, f"{then.change.name} is back.")
    return _respond.go(request, _page_of(then.change))


def _ask(
    request: Request,
    then: Reversal,
    rows: list[Row] | None = None,
    *,
    stale: bool = False,
    orphan: bool = False,
) -> HttpResponse:
    others = [] if rows is None else _others(then, rows)
    context = {
        "then": then,
        "change": then.change,
        "rows": rows,
        "differs": rows is None or any(row.differs for row in rows),
        "again": [row.column.label for row in rows or () if row.is_changed_again],
        "shown": " ".join(row.mark for row in rows or ()),
        "others": [row.column.label for row in others],
        "whole": _with(request, whole="1"),
        "brings": [(table, len(lost)) for table, lost in then.rows.items()][1:],
        "may_go": not orphan and _may_go(then, rows),
        "stale": stale,
        "orphan": orphan,
        "back": _respond.local_url(request, reverse("account-history", args=[then.change.bsnid])),
    }
    status = 409 if stale or orphan else 200
    page, part = "revert/revert.html", "revert/_dialog.html"
    response = _respond.show(request, page, part, context, status)
    if status == 409 and _respond.wants_part(request):
        response["HX-Reswap"] = "innerHTML"
        response["HX-Retarget"] = "#dialog"
    return response


def _may_go(then: Reversal, rows: list[Row] | None) -> bool:
    """Whether there is something to be done that can be done."""
    if rows is None:
        return then.now is None or (then.is_back and len(then.rows) > 1)
    return then.now is not None and any(row.differs for row in rows)


def _rows(request: Request, then: Reversal) -> list[Row]:
    """The fields to be put back: one, all that the change has changed, or all that differ."""
    if request.GET.get("whole"):
        return [row for row in _all_rows(then) if row.differs]
    only = request.GET.get("field", "")
    changed = {field.column.name for field in then.change.fields}
    wanted = {only} & changed if only else changed
    return [row for row in _all_rows(then) if row.column.name in wanted]


def _others(then: Reversal, rows: list[Row]) -> list[Row]:
    """Fields beside these that are not as they were before the change either."""
    names = {row.column.name for row in rows}
    return [row for row in _all_rows(then) if row.differs and row.column.name not in names]


def _all_rows(then: Reversal) -> list[Row]:
    now, before, after = then.now or {}, then.earlier, then.change.after or {}
    return [
        Row(
            column,
            now.get(column.name, ""),
            before.get(column.name, ""),
            then.now is not None and now.get(column.name, "") != after.get(column.name, ""),
        )
        for column in then.change.table.editable
    ]


def _with(request: Request, **changes: str) -> str:
    query = request.GET.copy()
    query.pop("field", None)
    query.update(changes)
    return f"{request.path}?{query.urlencode()}"


def _find(request: Request, table: str, key: str, version: int) -> Reversal:
    if version > _LATEST_POSSIBLE:
        raise Http404("There is no such version.")
    then = revert_record.load(request.warehouse, _table(table), key, version)
    if then is not None and then.change.kind == CREATED:
        raise Http404("There is nothing before a creation. Delete the record to take it back.")
    if then is None:
        raise Http404("This change is not known, or not kept any more.")
    return then


def _table(name: str) -> Table:
    if name not in _BY_NAME:
        raise Http404(f"There are no {name[:40]}.")
    return _BY_NAME[name]


def _page_of(change: Change) -> str:
    key = change.key if change.table is ACCOUNTS else change.bsnid
    return reverse("account-detail", args=[key])
