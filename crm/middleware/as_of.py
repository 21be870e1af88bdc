"""The whole app as of a moment: ``/as-of/2026-11-20T09:30:00Z/accounts/`` is the list as it was.

The moment stands before the rest of the path, as a prefix that ``reverse`` puts before every
link of such a page. So nothing else needs to know of it: pages, filters, pages of lists and
exports stay in the past, and the address can be shared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import get_script_prefix, set_script_prefix
from django.utils.functional import SimpleLazyObject

from crm import access
from crm.identity.person import InThePast
from crm.model import as_of_address
from crm.repository import versions
from crm.request import AsOf
from crm.views import errors


class AsOfMiddleware:
    """Takes the moment out of the path, and gives the view a warehouse that reads the past.

    Stands after PersonMiddleware, whose person and warehouse it narrows.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.as_of = None
        home = get_script_prefix()
        segment, text, rest = as_of_address.split(request.path_info)
        if segment != as_of_address.SEGMENT or not text:
            return self.get_response(request)
        moment = as_of_address.parse(text)
        if moment is None:
            request.path_info = "/"  # the page that says so belongs to the present
            request.as_of_problem = text
            return self.get_response(request)
        prefix = f"{home}{as_of_address.SEGMENT}/{text}/"
        query = request.META.get("QUERY_STRING", "")
        # What has changed since then is no question in the present.
        present = f"{home}{rest.removesuffix('since/')}{'?' if query else ''}{query}"
        if not rest and not request.path_info.endswith("/"):
            return HttpResponseRedirect(prefix)
        request.as_of = AsOf(moment, present)
        request.path_info, request.path = f"/{rest}", f"{prefix}{rest}"
        now = request.warehouse
        request.warehouse = SimpleLazyObject(lambda: versions.as_of(now, moment))
        request.person = replace(request.person, rights=InThePast(request.person.rights))
        set_script_prefix(prefix)
        try:
            return self.get_response(request)
        finally:
            set_script_prefix(home)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], *arguments: object
    ) -> HttpResponse | None:
        """Before the view, and before what asks for a right to write."""
        if text := getattr(request, "as_of_problem", ""):
            raise Http404(f"“{text[:40]}” is no moment; it should read like 2026-11-20T09:30:00Z.")
        if request.as_of is None:
            return None
        if access.is_for_admins(view):
            return HttpResponseRedirect(request.as_of.present_url)
        if access.needs_right_to_write(request, view):
            return errors.past_is_read_only(request)
        return None
