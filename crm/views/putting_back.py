"""Putting a field, a record or a deleted record back to what it was: asks, then does it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from crm.changes import CREATED, DELETED, Change
from crm.fields import parse_moment
from crm.repository import putting_back, undoing
from crm.repository.errors import AlreadyExists, Missing, Stale
from crm.repository.putting_back import Then
from crm.schema import ACCOUNTS, TABLES, Column, Table
from crm.views import pages
from crm.views.access import for_writers

_SALT = "crm.undo-bulk"
_UNDONE_WITHIN = 24 * 60 * 60
_BY_NAME = {table.name: table for table in TABLES}


@dataclass(frozen=True)
class Row:
    """A field now, and as it would be again."""

    column: Column
    now: str
    then: str

    @property
    def differs(self) -> bool:
        return self.now != self.then


def url(change: Change, field: str = "") -> str:
    """Where to put a change back, or one field of it."""
    address = reverse("put-back", args=[change.table.name, change.key, change.version])
    return f"{address}?{urlencode({'field': field})}" if field else address


@for_writers
@require_http_methods(["GET", "HEAD", "POST"])
def put_back(request: HttpRequest, table: str, key: str, version: int) -> HttpResponse:
    then = _find(request, table, key, version)
    if then.change.kind == DELETED:
        return _bring_back(request, then) if request.method == "POST" else _ask(request, then)
    rows = _rows(then, request.GET.get("field", ""))
    if request.method != "POST" or then.now is None:
        return _ask(request, then, rows)
    fields = [row.column.name for row in rows if row.differs]
    try:
        if fields:
            seen = parse_moment(request.POST.get("updated_at", ""))
            putting_back.change(request.warehouse, then, fields, seen)
    except Stale:
        then = _find(request, table, key, version)
        return _ask(request, then, _rows(then, request.GET.get("field", "")), stale=True)
    except Missing:
        return _ask(request, _find(request, table, key, version), rows)
    messages.success(request, f"{then.change.name} was put back.")
    return pages.go(request, _page_of(then.change))


@require_POST
def undo(request: HttpRequest, table: str, key: str) -> HttpResponse:
    """Bring back what was deleted last under this key: one click, right after it."""
    version = putting_back.latest_deletion(request.warehouse, _table(table), key)
    if version is None:
        raise Http404("Nothing is known of its deletion, so it cannot be undone.")
    return _bring_back(request, _find(request, table, key, version))


def bulk_undo_url(request: HttpRequest, before: undoing.Versions, after: undoing.Versions) -> str:
    """Where this person can undo what they did to many records between these versions."""
    done = {"before": before, "after": after, "who": request.warehouse.actor}
    return reverse("undo-bulk", args=[signing.dumps(done, salt=_SALT)])


@require_POST
def undo_bulk(request: HttpRequest, done: str) -> HttpResponse:
    """Undo an import, or a repair, of one's own."""
    try:
        said = signing.loads(done, salt=_SALT, max_age=_UNDONE_WITHIN)
    except signing.BadSignature as error:
        raise Http404("This cannot be undone at once any more; the history still can.") from error
    if said["who"] != request.warehouse.actor:
        raise Http404("Only who did it can undo it at once; the history still can.")
    count = undoing.undo(request.warehouse, said["before"], said["after"])
    records = "1 record is" if count == 1 else f"{count} records are"
    text = f"{records} as before. What somebody has changed since was left alone."
    messages.success(request, text)
    return pages.go(request, reverse("activity"))


def _bring_back(request: HttpRequest, then: Then) -> HttpResponse:
    try:
        putting_back.bring_back(request.warehouse, then)
    except AlreadyExists:
        messages.info(request, f"{then.change.name} is there already.")
    except Missing:
        return _ask(request, then, orphan=True)
    else:
        messages.success(request, f"{then.change.name} is back.")
    return pages.go(request, _page_of(then.change))


def _ask(
    request: HttpRequest,
    then: Then,
    rows: list[Row] | None = None,
    *,
    stale: bool = False,
    orphan: bool = False,
) -> HttpResponse:
    context = {
        "then": then,
        "change": then.change,
        "rows": rows,
        "differs": rows is None or any(row.differs for row in rows),
        "brings": [(table, len(lost)) for table, lost in then.rows.items()][1:],
        "stale": stale,
        "orphan": orphan,
        "back": _page_of(then.change),
    }
    status = 409 if stale or orphan else 200
    page, part = "history/put-back.html", "history/_put-back-dialog.html"
    response = pages.show(request, page, part, context, status)
    if status == 409 and pages.wants_part(request):
        response["HX-Reswap"] = "innerHTML"
        response["HX-Retarget"] = "#dialog"
    return response


def _rows(then: Then, only: str) -> list[Row]:
    """The fields to be put back: one, or all that this change has changed."""
    return [
        Row(field.column, (then.now or {}).get(field.column.name, ""), field.before)
        for field in then.change.fields
        if only in ("", field.column.name)
    ]


def _find(request: HttpRequest, table: str, key: str, version: int) -> Then:
    then = putting_back.load(request.warehouse, _table(table), key, version)
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
