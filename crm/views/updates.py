from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from crm.forms import UpdateForm
from crm.repository import updates
from crm.schema import UPDATES
from crm.views import children, editing, listing
from crm.views.access import for_writers
from crm.views.editing import Kind

UPDATE = Kind(UPDATES, UpdateForm, updates, "update", "description")
LIST = listing.Subject(UPDATES, updates, "updates", default_sort="-date")


@require_safe
def update_list(request: HttpRequest) -> HttpResponseBase:
    return listing.show(request, LIST)


@for_writers
@require_http_methods(["GET", "HEAD", "POST"])
def update_create(request: HttpRequest, bsnid: str) -> HttpResponse:
    """Today is the reader's today: ReaderTimeZoneMiddleware has set the zone."""
    initial = {"author": request.person.email, "date": timezone.localdate()}
    return children.create(request, UPDATE, bsnid, initial)


@for_writers
@require_http_methods(["GET", "HEAD", "POST"])
def update_edit(request: HttpRequest, id: str) -> HttpResponse:
    return editing.change(request, UPDATE, id)


@for_writers
@require_http_methods(["GET", "HEAD", "POST"])
def update_delete(request: HttpRequest, id: str) -> HttpResponse:
    return children.delete(request, UPDATE, id)
