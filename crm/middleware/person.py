"""Who asks, in which time zone, and what is said when the warehouse does not answer."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from functools import cache
from urllib.parse import unquote

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.functional import SimpleLazyObject

from crm import access
from crm.identity.sign_in import sign_in
from crm.views import errors
from crm.warehouse.config import USER
from crm.warehouse.errors import SignInAgain, WarehouseError

GetResponse = Callable[[HttpRequest], HttpResponse]


# What a browser may keep when another person signs in with it.
_COOKIES_OF_NOBODY = {"theme", "tz"}


class PersonMiddleware:
    """Sets ``request.person`` and ``request.warehouse``, the person's way to the data.

    Stands before all that reads headers: it takes the person's token out of them.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        signed_in = sign_in(request)
        request.person = signed_in.person
        request.warehouse = SimpleLazyObject(signed_in.open_warehouse)
        if not signed_in.ended:
            return _kept_private(self.get_response(request))
        # Forms that the other person had open, and what they were told, end with the session.
        keep = {*_COOKIES_OF_NOBODY, settings.SESSION_COOKIE_NAME}
        others = [name for name in request.COOKIES if name not in keep]
        for name in others:
            del request.COOKIES[name]
        response = self.get_response(request)
        for name in others:
            if name not in response.cookies:
                response.delete_cookie(name, samesite="Lax")
        return _kept_private(response)


def _kept_private(response: HttpResponse) -> HttpResponse:
    """Under user sign-in no browser keeps a page for whoever signs in with it next."""
    if settings.WAREHOUSE.auth == USER and not response.has_header("Cache-Control"):
        add_never_cache_headers(response)
    return response


class AccessMiddleware:
    """Lets nobody write who may not, whatever the view (crm/access.py)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], *arguments: object
    ) -> HttpResponse | None:
        """After the CSRF check, before the view."""
        if access.is_for_admins(view) and not request.person.is_admin:
            return errors.not_an_admin(request)
        if not access.needs_right_to_write(request, view):
            return None
        try:
            return None if request.person.may_write else errors.read_only(request)
        except SignInAgain as error:
            # A form says so itself, and keeps what was typed: nothing can be written anyway.
            return None if request.method == "POST" else errors.warehouse_failed(request, error)
        except WarehouseError as error:
            return errors.warehouse_failed(request, error)


class ReaderTimeZoneMiddleware:
    """Shows times in the zone that app.js found in the browser; UTC until it is known."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(reader_zone(request)):
            return self.get_response(request)


def reader_zone(request: HttpRequest) -> zoneinfo.ZoneInfo:
    name = unquote(request.COOKIES.get("tz", ""))
    return zoneinfo.ZoneInfo(name if name in _zone_names() else "UTC")


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


class WarehouseErrorMiddleware:
    """Turns what a view could not handle into a page, or a toast for HTMX."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, WarehouseError):
            return errors.warehouse_failed(request, error)
        return None
