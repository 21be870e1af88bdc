"""The whole app as of a moment: ``/as-of/2026-11-20T09:30:00Z/accounts/`` is the list as it was.

The moment is a prefix of the path, and ``reverse`` puts it before every link of such a page. So
all other code works unchanged: filters, paging and downloads stay in the past, and people can
share the address.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import get_script_prefix, set_script_prefix
from django.utils.encoding import escape_uri_path
from django.utils.functional import SimpleLazyObject

from crm import access
from crm.identity.person import PastRights
from crm.model import as_of_address
from crm.repository import versions
from crm.request import AsOf, Request
from crm.views import errors
from crm.warehouse import Warehouse

# The key under which ``__call__`` stores an invalid moment for ``process_view``.
_BAD_MOMENT = "edip.bad_moment"


class AsOfMiddleware:
    """Removes the moment from the path and gives the view a warehouse that reads the past.

    It comes after PersonMiddleware: it replaces the request's person and warehouse.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        request.as_of = None
        home = get_script_prefix()
        if request.path_info.startswith("//"):
            # Two slashes in a link would name another host.
            request.path_info = request.path = f"/{request.path_info.lstrip('/')}"
        segment, text, rest = as_of_address.split(request.path_info)
        if segment != as_of_address.SEGMENT or not text:
            return self.get_response(request)
        moment = as_of_address.parse(text)
        if moment is None:
            request.path_info = "/"  # the page with the error belongs to the present
            request.META[_BAD_MOMENT] = text
            return self.get_response(request)
        prefix = f"{home}{as_of_address.SEGMENT}/{text}/"
        query = request.META.get("QUERY_STRING", "")
        # The page of changes since the moment exists only in the past. If the rest began with a
        # slash or a backslash, browsers would take it for another host.
        page = escape_uri_path(rest.removesuffix("since/").lstrip("/"))
        present = f"{home}{page}{'?' if query else ''}{query}"
        if not rest and not request.path_info.endswith("/"):
            return HttpResponseRedirect(prefix)
        request.as_of = AsOf(moment, present)
        request.path_info, request.path = f"/{rest}", f"{prefix}{rest}"
        now = request.warehouse
        # The lazy object behaves as the warehouse that it opens at its first use.
        request.warehouse = cast(Warehouse, SimpleLazyObject(lambda: versions.as_of(now, moment)))
        request.person = replace(request.person, rights=PastRights(request.person.rights))
        set_script_prefix(prefix)
        try:
            return self.get_response(request)
        finally:
            set_script_prefix(home)

    def process_view(
        self, request: Request, view: Callable[..., HttpResponse], *arguments: object
    ) -> HttpResponse | None:
        """Refuse pages that do not exist in the past, before AccessMiddleware checks rights."""
        if text := request.META.get(_BAD_MOMENT, ""):
            raise Http404(f"“{text[:40]}” is not a moment. Write it like 2026-11-20T09:30:00Z.")
        if request.as_of is None:
            return None
        if access.is_for_admins(view):
            return HttpResponseRedirect(request.as_of.present_url)
        if access.needs_right_to_write(request, view):
            return errors.past_is_read_only(request)
        return None
