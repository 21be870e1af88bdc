"""The list pages: a page of rows, all rows as a file, and the values of a filter.

A list's whole state is in its URL; a page beyond the end is the last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django_htmx.http import push_url

from crm.model.records import AccountRow, Page
from crm.request import Request

from . import _columns, _facets, _list_file, _list_state, _mine, _respond
from ._list_controls import Controls
from ._list_state import query, read
from ._subject import Subject

# A name in the URL of a filter's panel that means the choice of columns; no filter has it.
_COLUMNS = "columns"


def show(
    request: Request, subject: Subject, more: Mapping[str, Any] = MappingProxyType({})
) -> HttpResponseBase:
    """Show the list page; with ``format`` in the URL return the whole list as a file.

    ``more`` is further template context for the subject's table.
    """
    listing = read(request.GET, subject, request.person.email)
    form = request.GET.get("format", "")
    if form in _list_file.FORMATS:
        find_all = subject.repository.find_all
        return _list_file.download(request, form, subject.table, find_all, listing)
    page, _ = _mine.load(
        request,
        lambda of: subject.repository.search(request.warehouse, replace(listing, of_person=of)),
    )
    context = {
        **more,
        "page": page,
        "controls": Controls(subject, request.path, page),
        "table": f"{subject.template}/_table.html",
        "subject": subject,
        "mine": _mine.asked(request),
        # The panel of columns is open, so the answer includes the choices.
        "chooses_columns": _respond.wants_part(request) and "choosing" in request.GET,
        "is_panel": True,
        "has_duplicates": _has_duplicates(page),
    }
    template = f"{subject.template}/list.html"
    response = _respond.show(request, template, "listing/_listing.html", context)
    if _respond.wants_part(request):
        push_url(response, request.path + query(page.listing, subject))
    return response


def show_facet(request: Request, subject: Subject, name: str) -> HttpResponse:
    """Show the values of a filter of the list, or the columns to choose from."""
    if name == _COLUMNS:
        return _show_columns(request, subject)
    listing = replace(read(request.GET, subject, request.person.email), page=1)
    find, state = _list_state.search_of_facet(request, name), _list_state.pairs(listing, subject)
    response, _ = _mine.load(
        request,
        lambda of: _facets.show(
            request, subject, replace(listing, of_person=of), name, find, state
        ),
    )
    return response


def _show_columns(request: Request, subject: Subject) -> HttpResponse:
    listing = replace(read(request.GET, subject, request.person.email), page=1)
    path = request.path.removesuffix(f"facet/{_COLUMNS}/")
    controls = Controls(subject, path, Page((), 0, listing))
    context = {
        "subject": subject,
        "controls": controls,
        "state": [each for each in controls.state if each[0] != _columns.NAME],
        "back_url": controls.url(),
        "is_panel": _respond.wants_part(request),
    }
    part = "listing/_column-choices.html"
    return _respond.show(request, "listing/columns.html", part, context)


def _has_duplicates(page: Page[Any]) -> bool:
    """Return whether several rows of the page have one key."""
    keys = [row.account.bsnid if isinstance(row, AccountRow) else row.id for row in page.rows]
    return len(set(keys)) < len(keys)
