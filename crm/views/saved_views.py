"""Saved views: lists with all their settings under a name, private or shared.

Everybody who may read may save views, since they change no data. Only its owner or an
administrator changes a shared view.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.text import get_text_list
from django.views.decorators.http import require_POST, require_safe

from crm.access import writes_nothing
from crm.forms.saved_views import SavedViewForm, view_id
from crm.model.saved_view import SavedView
from crm.page_urls import record_url
from crm.repository.records import saved_views as repository
from crm.repository.records.saved_views import ViewChanged
from crm.request import Request
from crm.warehouse.errors import ObjectNotFound, PermissionDenied, WarehouseError

from . import _personal, _respond, _saved_view_form, _saved_views
from ._saved_views import LISTS
from ._subject import Subject


@require_safe
def saved_views(request: Request) -> HttpResponse:
    """Show the person's views and the shared ones; to htmx those of one list, with a form that
    saves the list as it is shown."""
    person = _personal.person_of(request)
    subject = LISTS.get(request.GET.get("list", ""))
    is_missing, views = False, list[SavedView]()
    try:
        views = repository.find(request.warehouse, person)
    except (ObjectNotFound, PermissionDenied):
        is_missing = True
    is_full = len(views) >= repository.MOST
    if subject:
        views = [view for view in views if view.list_name == subject.table.name]
    rows = _saved_views.rows_of(request, views)
    lists = [subject] if subject else list(LISTS.values())
    context: dict[str, Any] = {
        "is_missing": is_missing,
        "groups": [(each, [row for row in rows if row.subject is each]) for each in lists],
        "subject": subject,
        "most": repository.MOST if is_full else 0,
        "may_save": not request.as_of,
    }
    if subject:
        query = _shown_query(request, subject)
        initial = {"list": subject.table.name, "query": query}
        context |= _saved_views.settings_of(subject, query) | {
            "form": SavedViewForm(is_new=True, initial=initial)
        }
    return _respond.show(request, "saved_views/list.html", "saved_views/_panel.html", context)


def _shown_query(request: Request, subject: Subject) -> str:
    """Return the list's settings, from the URL or from the page that sent the htmx request."""
    query = request.GET.get("query")
    if query is None:
        path, _, query = (request.htmx.current_url_abs_path or "").partition("?")
        query = query if path == subject.list_url else ""
    return _saved_views.normal(query, subject)


@writes_nothing
@_respond.form_page
@_personal.only_now
def saved_view_create(request: Request) -> HttpResponse:
    """Save a list under a name. Two or three statements."""
    person = _personal.person_of(request)
    given = request.POST if request.method == "POST" else request.GET
    subject = LISTS.get(given.get("list", ""))
    if subject is None:
        return HttpResponseRedirect(reverse("saved-views"))
    query = _saved_views.normal(given.get("query", ""), subject)
    if request.method != "POST":
        initial: dict[str, Any] = {"list": subject.table.name, "query": query}
        initial |= {"name": given.get("name", ""), "shared": "shared" in given}
        form = SavedViewForm(is_new=True, initial=initial)
        return _saved_view_form.show(request, subject, query, form)
    form = _saved_view_form.sent_form(request, query, is_new=True)
    if not form.is_valid():
        return _saved_view_form.show(request, subject, query, form, status=422)
    try:
        known = repository.find(request.warehouse, person)
        view = _saved_views.of_form(form, person, query, known)
        if _saved_views.has_name(view, known):
            form.add_error("name", f"You have a view “{view.name}” of this list already.")
            return _saved_view_form.show(request, subject, query, form, status=422)
        repository.create(request.warehouse, view)
        if form.cleaned_data["default"]:
            repository.set_default(request.warehouse, person, view.list_name, view.id)
    except WarehouseError as error:
        return _saved_view_form.show_failure(request, subject, query, form, error)
    messages.success(request, f"The view “{view.name}” was saved.{_shared_note(view)}")
    return _saved_views.forget_default(
        request, _respond.go(request, record_url("saved-view", view.id))
    )


def _shared_note(view: SavedView) -> str:
    return " Everybody sees it under Views." if view.is_shared else ""


@require_safe
def saved_view(request: Request, id: str) -> HttpResponse:
    """Redirect to the list with the view's settings. One statement."""
    try:
        view = _saved_views.found(request, id)
    except (Http404, ObjectNotFound, PermissionDenied) as error:
        if response := _saved_views.instead_of_lost(request, id, error):
            return response
        raise
    if gone := _saved_views.dropped(view):
        left_out = get_text_list(gone, "and")
        messages.warning(
            request,
            f"The view “{view.name}” has settings that the list no longer knows; they were left "
            f"out: {left_out}.",
        )
    return HttpResponseRedirect(_saved_views.list_url(view, request.person.email))


@writes_nothing
@_respond.form_page
@_personal.only_now
def saved_view_edit(request: Request, id: str) -> HttpResponse:
    """Change the name of the view, and whether it is shared."""
    try:
        view = _saved_views.to_change(request, id)
    except (Http404, WarehouseError) as error:
        return _saved_view_form.show_without_view(request, error)
    subject = LISTS[view.list_name]
    if request.method != "POST":
        return _saved_view_form.show(request, subject, view.query, _form_of(view), view=view)
    return _save(request, view, view.query, back=reverse("saved-views"))


def _form_of(view: SavedView) -> SavedViewForm:
    initial = {
        "id": view.id,
        "list": view.list_name,
        "query": view.query,
        "name": view.name,
        "shared": view.is_shared,
        "seen": view.updated_at,
    }
    return SavedViewForm(is_new=False, initial=initial)


@writes_nothing
@require_POST
@_personal.only_now
def saved_view_save(request: Request, id: str) -> HttpResponse:
    """Save the list's settings, the name and the sharing in the view."""
    try:
        view = _saved_views.to_change(request, id)
    except (Http404, WarehouseError) as error:
        return _saved_view_form.show_without_view(request, error)
    query = _saved_views.normal(request.POST.get("query", ""), LISTS[view.list_name])
    return _save(request, view, query, back=record_url("saved-view", id))


def _save(request: Request, view: SavedView, query: str, back: str) -> HttpResponse:
    """Save the form and these settings in the view. One statement, two for a new name; one more
    if it changes nothing."""
    subject = LISTS[view.list_name]
    form = _saved_view_form.sent_form(request, query, is_new=False)
    if not form.is_valid():
        return _saved_view_form.show(request, subject, query, form, status=422, view=view)
    given = form.cleaned_data
    changed = replace(view, query=query, name=given["name"], is_shared=given["shared"])
    try:
        if changed.name != view.name and _is_taken(request, changed):
            form.add_error("name", f"There is a view “{changed.name}” of this list already.")
            return _saved_view_form.show(request, subject, query, form, status=422, view=view)
        repository.update(request.warehouse, changed, request.person.email, given["seen"])
    except ViewChanged as error:
        return _saved_view_form.show_conflict(request, changed, error)
    except WarehouseError as error:
        return _saved_view_form.show_failure(request, subject, query, form, error, view)
    messages.success(request, f"The view “{changed.name}” was saved.{_shared_note(changed)}")
    return _respond.go(request, back)


def _is_taken(request: Request, view: SavedView) -> bool:
    return _saved_views.has_name(view, repository.find(request.warehouse, view.person))


@writes_nothing
@require_POST
@_personal.only_now
def saved_view_copy(request: Request, id: str) -> HttpResponse:
    """Copy a view into a new private one of the person. Three statements."""
    view = _saved_views.found(request, id)
    person, form_id = _personal.person_of(request), view_id(request.POST.get("id", ""))
    try:
        known = repository.find(request.warehouse, person)
        copy = _saved_views.copy_of(view, form_id, person, known)
        repository.create(request.warehouse, copy)
    except (ObjectNotFound, PermissionDenied) as error:
        messages.error(request, _saved_views.why_not_saved(error))
        return _respond.go(request, reverse("saved-views"))
    messages.success(request, f"“{copy.name}” is a view of your own now.")
    return _respond.go(request, record_url("saved-view-edit", copy.id))


@writes_nothing
@_respond.form_page
@_personal.only_now
def saved_view_delete(request: Request, id: str) -> HttpResponse:
    view = _saved_views.to_change(request, id)
    if request.method != "POST":
        subject = LISTS[view.list_name]
        context = {"view": view, **_saved_views.settings_of(subject, view.query)}
        return render(request, "saved_views/delete.html", context)
    try:
        repository.delete(request.warehouse, id)
    except (ObjectNotFound, PermissionDenied) as error:
        messages.error(request, _saved_views.why_not_saved(error))
        return _respond.go(request, reverse("saved-views"))
    messages.success(request, f"The view “{view.name}” was deleted.")
    return _saved_views.forget_default(request, _respond.go(request, reverse("saved-views")))
