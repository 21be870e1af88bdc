"""The pages with the form of a saved view: filled in, refused, and for a view that is gone."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse

from crm.forms.saved_views import TOO_MANY_SETTINGS, SavedViewForm, view_id
from crm.model.saved_view import SavedView
from crm.repository.records.saved_views import QUERY_LENGTH, ViewChanged
from crm.request import Request
from crm.warehouse.errors import WarehouseError

from . import _saved_views
from ._failures import failure_of
from ._saved_views import LISTS
from ._subject import Subject


def show(
    request: Request,
    subject: Subject,
    query: str,
    form: SavedViewForm,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    context = {"form": form, "query": query, **_saved_views.settings_of(subject, query), **more}
    return render(request, "saved_views/form.html", context, status=status)


def sent_form(request: Request, query: str, *, is_new: bool) -> SavedViewForm:
    """Return the form that was sent; it is invalid if the settings ``query`` are too many."""
    form = SavedViewForm(request.POST, is_new=is_new)
    if form.is_valid() and len(query) > QUERY_LENGTH:
        form.add_error("query", TOO_MANY_SETTINGS)
    return form


def show_failure(
    request: Request,
    subject: Subject,
    query: str,
    form: SavedViewForm,
    error: WarehouseError,
    view: SavedView | None = None,
    *,
    while_reading: bool = False,
) -> HttpResponse:
    """Show the form again, with what went wrong, and which table or right was missing to save it.

    ``while_reading``: it was not going to be saved yet, so nothing is said about a table or right.
    """
    if not while_reading and (why := _saved_views.why_not_saved(error)):
        messages.error(request, why)
    failure = failure_of(error)
    more = {"failure": failure, "view": view, "look_url": reverse("saved-views")}
    response = show(request, subject, query, form, failure.status, **more)
    if failure.retry_after:
        response["Retry-After"] = str(failure.retry_after)
    return response


def show_conflict(request: Request, mine: SavedView, error: ViewChanged) -> HttpResponse:
    """Show the version that the other person saved and this person's version."""
    subject, theirs = LISTS[mine.list_name], error.current
    if theirs is None or not theirs.is_visible_to(request.person.email):
        return _show_as_new(request, subject, mine.query, mine.name, is_shared=mine.is_shared)
    context = {
        "mine": mine,
        "theirs": theirs,
        "my_settings": _saved_views.settings_of(subject, mine.query)["settings"],
        "their_settings": _saved_views.settings_of(subject, theirs.query)["settings"],
        "subject": subject,
    }
    return render(request, "saved_views/conflict.html", context, status=409)


def show_without_view(request: Request, error: Http404 | WarehouseError) -> HttpResponse:
    """Show what was typed for a view that is gone, or that cannot be read now.

    Raises the error for requests that sent no such form.
    """
    subject = LISTS.get(request.POST.get("list", ""))
    if subject is None:
        raise error
    query = _saved_views.normal(request.POST.get("query", ""), subject)
    if isinstance(error, WarehouseError):
        form = SavedViewForm(request.POST, is_new=False)
        return show_failure(request, subject, query, form, error, while_reading=True)
    name, is_shared = request.POST.get("name", ""), "shared" in request.POST
    return _show_as_new(request, subject, query, name, is_shared=is_shared)


def _show_as_new(
    request: Request, subject: Subject, query: str, name: str, *, is_shared: bool
) -> HttpResponse:
    """Offer to save as a new view what was typed for a view that is gone."""
    typed = QueryDict(mutable=True)
    typed.update({"id": view_id(""), "list": subject.table.name, "query": query, "name": name})
    if is_shared:
        typed["shared"] = "on"
    form = SavedViewForm(typed, is_new=True)
    action = reverse("saved-view-create")
    return show(request, subject, query, form, 409, action=action, is_gone=True)
