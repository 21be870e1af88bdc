"""Rename a person or a business area everywhere, or unite several spellings of the name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from crm.access import for_writers
from crm.forms.fields import field_for
from crm.identity import rights
from crm.model.schema import ACCOUNTS, AREA, TABLE_BY_NAME, Table
from crm.page_urls import name_url, page_url
from crm.repository import operations, summaries
from crm.repository.bulk import rename as repository
from crm.repository.bulk import undone
from crm.repository.bulk.rename import Rename, RenamePreview, Seen
from crm.repository.errors import TooMany
from crm.repository.operations import Operation
from crm.repository.records import people
from crm.repository.records.people import ROLES, Name
from crm.request import Request

from . import (
    _named,
    _policies,
    _respond,
    _resume,
    _revert_links,
    _revert_wording,
    _signed_plans,
)
from ._signed_plans import Signed
from ._wording import counted

_KIND = "rename"
_EXPIRED = _signed_plans.expired("changed")


@dataclass(frozen=True)
class _Kind:
    """A kind of name: ``page`` is the URL name of its page, ``all`` that of its list."""

    page: str
    all: str
    noun: str
    columns: tuple[tuple[Table, str], ...]


_PERSON = _Kind("person", "people", "person", ROLES)
_AREA = _Kind("area", "areas", "business area", ((ACCOUNTS, AREA),))


@dataclass(frozen=True)
class _Plan(Signed):
    """The plan of a previewed rename."""

    rename: Rename
    rows: dict[Table, list[Seen]]


@never_cache
@for_writers
@_respond.form_page
@_named.page
def rename_person(request: Request, name: str) -> HttpResponse:
    return _rename(request, _PERSON, name)


@never_cache
@for_writers
@_respond.form_page
@_named.page
def rename_area(request: Request, name: str) -> HttpResponse:
    return _rename(request, _AREA, name)


def _rename(request: Request, kind: _Kind, name: str) -> HttpResponse:
    """GET asks for the new name. POST shows a preview; with the preview's plan it renames."""
    columns = _columns(request, kind)
    if not columns:
        raise PermissionDenied
    if _signed_plans.FIELD in request.POST:
        return _run(request, kind, name)
    if request.method != "POST":
        return _ask(request, kind, name)
    old = tuple(dict.fromkeys(request.POST.getlist("old")))[:100]
    new, problem = _checked(columns, request.POST.get("new", ""))
    rename = Rename(columns, old, new)
    if not problem and not rename.replaced:
        problem = "Choose at least one name that differs from the new one."
    if problem:
        return _ask(request, kind, name, problem)
    try:
        found = repository.preview(request.warehouse, rename)
    except TooMany as error:
        problem = f"These are more rows than one change takes: at most {error.most:,}."
        return _ask(request, kind, name, problem)
    return render(request, "rename/preview.html", _preview(request, kind, name, rename, found))


def _columns(request: Request, kind: _Kind) -> tuple[tuple[Table, str], ...]:
    """Return the columns that may have the name and that no policy masks."""
    return tuple((t, c) for t, c in kind.columns if c not in _policies.masked(request, t))


def _checked(columns: tuple[tuple[Table, str], ...], text: str) -> tuple[str, str]:
    """Return the new name as a record's form would store it, and an error text or an empty one."""
    table, column = columns[0]
    try:
        new = str(field_for(table.column(column)).clean(text))
    except ValidationError as error:
        return "", " ".join(error.messages)
    return (new, "") if new.strip() else ("", "Type the new name.")


def _ask(request: Request, kind: _Kind, name: str, problem: str = "") -> HttpResponse:
    found = _found(request, kind, name)
    if found is None:
        raise Http404(f"No row that you may see has the name “{name[:100]}”.")
    chosen = request.POST.getlist("old") if request.method == "POST" else list(found.variants)
    context = {
        **_context(kind, name),
        "variants": [(each, n, each in chosen) for each, n in found.variants.items()],
        "new": request.POST.get("new", found.name),
        "problem": problem,
        "hides_columns": len(_columns(request, kind)) < len(kind.columns),
        "is_filtered": bool(_policies.filtered(request, [table for table, _ in kind.columns])),
    }
    return render(request, "rename/rename.html", context, status=422 if problem else 200)


def _found(request: Request, kind: _Kind, name: str) -> Name | None:
    get = people.get_person if kind is _PERSON else people.get_area
    found = get(request.warehouse, name)
    return found.name if found else None


def _page_of_one(request: Request, kind: _Kind, names: Iterable[str]) -> str:
    """Return the URL of the first name that a row still has; else of the list of all names."""
    known = next((each for each in names if _found(request, kind, each)), None)
    return page_url(kind.all) if known is None else name_url(kind.page, known)


def _context(kind: _Kind, name: str) -> dict[str, Any]:
    return {
        "noun": kind.noun,
        "name": name,
        "all_url": page_url(kind.all),
        "all_label": "People" if kind is _PERSON else "Business areas",
        "page_url": name_url(kind.page, name),
        "rename_url": name_url(f"rename-{kind.page}", name),
    }


def _preview(
    request: Request, kind: _Kind, name: str, rename: Rename, found: RenamePreview
) -> dict[str, Any]:
    facts = {
        "kind": kind.page,
        "columns": [[table.name, column] for table, column in rename.columns],
        "old": rename.old,
        "new": rename.new,
        "rows": {table.name: rows for table, rows in found.rows.items()},
    }
    plan = _signed_plans.sign(request, _KIND, found.moment, facts) if found.count else ""
    return {
        **_context(kind, name),
        "old": rename.replaced,
        "new": rename.new,
        "count": counted(found.count, "row"),
        "counts": [
            (table.plural, table.column(column).label, n)
            for (table, column), n in found.counts.items()
        ],
        "plan": plan,
        "hides_columns": len(rename.columns) < len(kind.columns),
        "no_undo": _policies.no_undo(request),
    }


def _run(request: Request, kind: _Kind, name: str) -> HttpResponse:
    plan = _read(request, kind)
    if plan is None:
        messages.warning(request, _EXPIRED)
        is_known = _found(request, kind, name) is not None
        url = name_url(f"rename-{kind.page}", name) if is_known else page_url(kind.all)
        return _respond.go(request, url)
    allowed = _columns(request, kind)
    if not set(plan.rename.columns) <= set(allowed):
        raise PermissionDenied
    wh, rename, earlier = request.warehouse, plan.rename, _resume.earlier(request)
    masks = rights.masked_columns(wh)
    operation = Operation(plan.operation, operations.BULK, wh.actor, masks, plan.began)
    planned = sum(map(len, plan.rows.values()))
    before = operations.begin(wh, operation, summaries.began(_summary(rename, planned)))
    if (before.summary or earlier.done) and undone.was_undone(wh, operation):
        messages.warning(request, _revert_wording.undone("rename"))
        return _respond.go(request, _page_of_one(request, kind, (name, rename.new)))
    written = repository.write(wh, operation, rename, plan.rows, earlier)
    operations.note_done(wh, operation, plan.began, _summary(rename, written))
    if not written:
        messages.warning(request, "All of these rows changed after the preview: none was changed.")
        return _respond.go(request, _page_of_one(request, kind, (name, rename.new)))
    left = max(0, planned - written)  # a row may have got a copy after the preview
    undo = _revert_links.undo_url(request, operation, plan.began)
    messages.success(request, _renamed(rename, written, left), extra_tags=undo)
    if before.summary:  # by now all rows may have another name
        return _respond.go(request, _page_of_one(request, kind, (rename.new, name)))
    return _respond.go(request, name_url(kind.page, rename.new))


def _renamed(rename: Rename, count: int, left: int) -> str:
    """Say in how many rows the names were replaced, and how many were left alone."""
    old, was = _quoted(rename.replaced), "was" if len(rename.replaced) == 1 else "were"
    text = f"{old} {was} renamed to “{rename.new}” in {counted(count, 'record')}."
    if not left:
        return text
    were = "it was" if left == 1 else "they were"
    return f"{text} {counted(left, 'row')} changed after the preview, so {were} left alone."


def _summary(rename: Rename, count: int) -> str:
    return summaries.renamed(_quoted(rename.replaced), rename.new, counted(count, "record"))


def _quoted(names: tuple[str, ...]) -> str:
    """Return the first three names in quotes, and how many more there are."""
    more = [counted(len(names) - 3, "more name")] if len(names) > 3 else []
    return ", ".join([*(f"“{each}”" for each in names[:3]), *more])


def _read(request: Request, kind: _Kind) -> _Plan | None:
    """Return the submitted plan; None if it is invalid or of another kind."""

    def make(signed: Signed, facts: Mapping[str, Any]) -> _Plan | None:
        if facts["kind"] != kind.page:
            return None
        columns = tuple((TABLE_BY_NAME[table], column) for table, column in facts["columns"])
        rows = {
            TABLE_BY_NAME[table]: [(key, seen) for key, seen in each]
            for table, each in facts["rows"].items()
        }
        rename = Rename(columns, tuple(facts["old"]), facts["new"])
        return _Plan(signed.operation, signed.began, rename, rows)

    return _signed_plans.read(request, _KIND, make)
