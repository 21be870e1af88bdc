"""The saved view with which the menu opens a list for a person."""

from __future__ import annotations

from contextlib import suppress

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from crm.access import writes_nothing
from crm.cookies import remember_default_views
from crm.page_urls import record_url
from crm.repository.records import saved_views as repository
from crm.request import Request
from crm.warehouse.errors import ObjectNotFound, PermissionDenied

from . import _personal, _respond, _saved_views
from ._saved_views import LISTS
from ._subject import Subject


@writes_nothing
@_respond.form_page
def default_view(request: Request, name: str) -> HttpResponse:
    """Redirect to the person's default view of a list, else to the list; POST chooses it."""
    person, subject = _personal.person_of(request), LISTS.get(name)
    if subject is None:
        raise Http404("There is no such list.")
    if request.method == "POST":
        return _choose_default(request, person, subject)
    found: dict[str, str] = {}
    with suppress(ObjectNotFound, PermissionDenied):  # without the table nobody has a default view
        found = repository.defaults(request.warehouse, person)
    url = record_url("saved-view", found[name]) if name in found else subject.list_url
    response = HttpResponseRedirect(url)
    remember_default_views(request, response, person, found)
    return response


@_personal.only_now
def _choose_default(request: Request, person: str, subject: Subject) -> HttpResponse:
    id, back = request.POST.get("view", ""), _respond.local_url(request, reverse("saved-views"))
    if id and _saved_views.found(request, id).list_name != subject.table.name:
        raise Http404("This view belongs to another list.")
    try:
        repository.set_default(request.warehouse, person, subject.table.name, id)
    except (ObjectNotFound, PermissionDenied) as error:
        messages.error(request, _saved_views.why_not_saved(error))
        return _respond.go(request, back)
    shown = "that view" if id else f"all {subject.table.plural}"
    messages.success(request, f"The menu opens {shown} first now.")
    return _saved_views.forget_default(request, _respond.go(request, back))
