"""The list of all updates, and writing, changing and deleting one."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe

from crm.access import for_writers
from crm.forms.records import UpdateForm
from crm.model.schema import UPDATES
from crm.repository.records import updates
from crm.request import Request

from . import _children, _editing, _listing, _respond
from ._children import ChildKind
from ._dates import OF_UPDATES
from ._subject import Subject

UPDATE = ChildKind(UPDATES, UpdateForm, updates, "update")
LIST = Subject(UPDATES, updates, "updates", default_sort="-date", dates=OF_UPDATES)


@require_safe
def update_list(request: Request) -> HttpResponseBase:
    return _listing.show(request, LIST)


@require_safe
def update_facet(request: Request, name: str) -> HttpResponse:
    return _listing.show_facet(request, LIST, name)


@for_writers
@_respond.form_page
def update_create(request: Request, bsnid: str) -> HttpResponse:
    """Create an update. ReaderTimeZoneMiddleware has set the zone of its form's day, today."""
    initial = {"author": request.person.name, "date": timezone.localdate()}
    return _children.create(request, UPDATE, bsnid, initial)


@for_writers
@_respond.form_page
def update_edit(request: Request, id: str) -> HttpResponse:
    return _editing.change(request, UPDATE, id)


@for_writers
@_respond.form_page
def update_delete(request: Request, id: str) -> HttpResponse:
    return _children.delete(request, UPDATE, id)
