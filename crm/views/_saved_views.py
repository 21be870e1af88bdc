"""Code shared by the pages of saved views: lists, settings, and who may change a view."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied as NotAllowed
from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict

from crm.cookies import DEFAULT_VIEWS, cookie_name, default_views
from crm.forms.saved_views import SavedViewForm
from crm.model.own_tables import SAVED_VIEWS
from crm.model.records import Listing, Page
from crm.model.saved_view import SavedView
from crm.page_urls import page_url, record_url
from crm.repository.records import saved_views as repository
from crm.repository.records import view_counts
from crm.request import Request
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, PermissionDenied, WarehouseError

from . import _account_list, _columns, _list_state, _personal, _wording, updates, use_cases
from ._list_controls import Controls
from ._subject import Subject

LISTS = {each.table.name: each for each in (_account_list.LIST, use_cases.LIST, updates.LIST)}
MISSING = (
    "Nothing was saved: the tables “saved_views” and “default_views” are missing. "
    f"{_wording.CREATE_TABLES}."
)
_GONE = "is gone: it was deleted, or its owner no longer shares it."
_UNREAD = (
    "cannot be read now: the tables “saved_views” and “default_views” are missing, or you may not "
    f"read them. {_wording.CREATE_TABLES}."
)


@dataclass(frozen=True)
class ViewRow:
    """A view in the list of views. ``count`` is None if its rows were not counted."""

    view: SavedView
    subject: Subject
    count: int | None
    is_mine: bool
    may_change: bool

    @property
    def url(self) -> str:
        return record_url("saved-view", self.view.id)

    @property
    def edit_url(self) -> str:
        return record_url("saved-view-edit", self.view.id)

    @property
    def copy_id(self) -> str:
        """Return the id of the copy; it is the same however often the button is pressed."""
        return str(uuid.uuid4())

    @property
    def rows_label(self) -> str:
        table = self.subject.table
        return table.singular if self.count == 1 else table.plural


def may_change(request: Request, view: SavedView) -> bool:
    """Return whether the person owns the view, or is an administrator and sees it."""
    if request.as_of:
        return False
    return view.person == request.person.email or (request.person.is_admin and view.is_shared)


def listing_of(view: SavedView, person: str) -> Listing:
    """Return the settings of the view for a person; see ``dropped``."""
    return _list_state.read(QueryDict(view.query), LISTS[view.list_name], person)


def list_url(view: SavedView, person: str) -> str:
    """Return the address of the view's list, with its settings."""
    subject = LISTS[view.list_name]
    listing = replace(listing_of(view, person), view=view.id)
    return page_url(f"{subject.url_name}-list") + _list_state.query(listing, subject)


def dropped(view: SavedView) -> list[str]:
    """Return the names of the settings that the list no longer has."""
    subject = LISTS[view.list_name]
    found = []
    for name, value in parse_qsl(view.query, keep_blank_values=True):
        if name in _list_state.SORTS:
            if value.removeprefix("-") not in subject.repository.SORTS:
                found.append(f"sorting by “{value.removeprefix('-')}”")
        elif name == _columns.NAME:
            if value not in _columns.names(subject):
                found.append(f"the column “{value}”")
        elif not _is_kept(name, value, subject):
            found.append(f"the filter “{name}”")
    return list(dict.fromkeys(found))


def _is_kept(name: str, value: str, subject: Subject) -> bool:
    listing = _list_state.read(QueryDict(urlencode({name: value})), subject, "somebody")
    return name in dict(_list_state.pairs(listing, subject)) or (name, value) == ("q", "")


def described(subject: Subject, listing: Listing) -> list[tuple[str, str]]:
    """Return the settings as pairs of label and value."""
    controls = Controls(subject, "", Page((), 0, listing))
    found = [(chip.label, chip.value or "no value") for chip in controls.chips]
    sorts = (listing.sort, *listing.then)
    by = [
        f"{subject.label(sort.removeprefix('-'))} {'↓' if sort.startswith('-') else '↑'}"
        for sort in sorts
    ]
    found.append(("Sorted by", ", ".join(by)))
    if listing.columns:
        shown = (column.label for column in _columns.shown(subject, controls.page))
        found.append(("Columns", ", ".join(shown)))
    return found


def rows_of(request: Request, views: Sequence[SavedView]) -> list[ViewRow]:
    """Return the views with the number of their rows. One statement."""
    known = [view for view in views if view.list_name in LISTS]
    counts = _counts(request.warehouse, request.person.email, known)
    me = request.person.email
    return [
        ViewRow(view, LISTS[view.list_name], n, view.person == me, may_change(request, view))
        for view, n in zip(known, counts, strict=True)
    ]


def _counts(wh: Warehouse, person: str, views: Sequence[SavedView]) -> list[int | None]:
    """Return the number of rows of each view; None if its filter, such as Mine, cannot be read."""
    asked = [(LISTS[view.list_name].table, listing_of(view, person)) for view in views]
    try:
        return view_counts.count(wh, asked)
    except (ObjectNotFound, PermissionDenied):
        return [None] * len(views)


def why_not_saved(error: WarehouseError) -> str:
    """Say which table or right is missing; empty if the error has another cause."""
    if isinstance(error, PermissionDenied):
        return (
            f"Nothing was saved: you may not write to the table “{SAVED_VIEWS.name}”. Ask the "
            "owner of the data to grant you MODIFY on it and on “default_views”."
        )
    return MISSING if isinstance(error, ObjectNotFound) else ""


def normal(query: str, subject: Subject) -> str:
    listing = _list_state.read(QueryDict(query), subject, "somebody")
    return _list_state.settings(listing, subject)


def settings_of(subject: Subject, query: str) -> dict[str, Any]:
    listing = _list_state.read(QueryDict(query), subject, "somebody")
    return {"subject": subject, "settings": described(subject, listing)}


def found(request: Request, id: str) -> SavedView:
    """Return the view if the person may see it. Raises Http404, and WarehouseError: without the
    tables nobody knows whether there is such a view."""
    person = _personal.person_of(request)
    view = repository.get(request.warehouse, id, person)
    if view is None or view.list_name not in LISTS or not view.is_visible_to(person):
        raise Http404("There is no such view: it was deleted, or its owner does not share it.")
    return view


def of_form(form: SavedViewForm, person: str, query: str, known: Sequence[SavedView]) -> SavedView:
    """Return the new view of the form."""
    given = form.cleaned_data
    id = _own_id(given["id"], person)
    view = SavedView(id, person, given["list"], given["name"], query, given["shared"])
    return _with_new_id(view, known)


def copy_of(view: SavedView, id: str, person: str, known: Sequence[SavedView]) -> SavedView:
    """Return a private copy of the view, for the form with this id; if the person has a view of
    its name, with a number behind the name."""
    copy = SavedView(_own_id(id, person), person, view.list_name, "", view.query)
    ends = ("" if number == 1 else f" {number}" for number in count(1))
    names = (f"Copy of {view.name}"[: repository.NAME_LENGTH - len(end)] + end for end in ends)
    copies = (_with_new_id(replace(copy, name=name), known) for name in names)
    return next(each for each in copies if not has_name(each, known))


def _own_id(id: str, person: str) -> str:
    """Return the id of the person's view that a form with this id saves. So a forged id of another
    person's view has no effect."""
    return str(uuid.uuid5(uuid.UUID(id), person))


def _with_new_id(view: SavedView, known: Sequence[SavedView]) -> SavedView:
    """Return the view with another id if a different one of the ``known`` views has its id: then
    somebody went back in the browser and sent the form again with other content."""
    facts = (view.name, view.query, view.is_shared)
    if any(v.id == view.id and (v.name, v.query, v.is_shared) != facts for v in known):
        return replace(view, id=str(uuid.uuid4()))
    return view


def has_name(view: SavedView, known: Sequence[SavedView]) -> bool:
    """Return whether another view of the person has the name."""
    return any(
        (each.person, each.list_name, each.name.lower())
        == (view.person, view.list_name, view.name.lower())
        and each.id != view.id
        for each in known
    )


def to_change(request: Request, id: str) -> SavedView:
    view = found(request, id)
    if not may_change(request, view):
        raise NotAllowed
    return view


def instead_of_lost(request: Request, id: str, error: Exception) -> HttpResponse | None:
    """If the view was the person's default, redirect to its list, and say why it does not open.
    Else return None."""
    known = default_views(request, request.person.email) or {}
    subject = next((LISTS[name] for name in LISTS if known.get(name) == id), None)
    if subject is None:
        return None
    why = _GONE if isinstance(error, Http404) else _UNREAD
    messages.warning(request, f"The view that this list opened with {why}")
    return forget_default(request, HttpResponseRedirect(subject.list_url))


def forget_default(request: Request, response: HttpResponse) -> HttpResponse:
    response.delete_cookie(cookie_name(request, DEFAULT_VIEWS), samesite="Lax")
    return response
