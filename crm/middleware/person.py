"""Middleware for the person of a request: sign-in, access, time zone, and warehouse errors."""

from __future__ import annotations

import threading
import zoneinfo
from collections.abc import Callable
from contextlib import ExitStack
from functools import lru_cache
from typing import cast
from urllib.parse import unquote

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from crm import access
from crm.cookies import cookie_name
from crm.identity.sign_in import SignIn, sign_in
from crm.request import Request
from crm.views import errors
from crm.warehouse import Warehouse
from crm.warehouse.errors import PoolExhausted, SignInAgain, WarehouseError

GetResponse = Callable[[HttpRequest], HttpResponse]

# The most requests of this process that may use the warehouse, or wait for a connection, at the
# same time. gunicorn.conf.py has more threads, so that pages without statements need not wait.
REQUESTS_AT_ONCE = 48
_places = threading.BoundedSemaphore(REQUESTS_AT_ONCE)

_PROBES = frozenset({"/healthz", "/readyz"})

# Cookies that stay when another person signs in with the same browser.
_SHARED_COOKIES = ("theme", "tz")


class PersonMiddleware:
    """Sets ``request.person`` and ``request.warehouse``.

    It comes before all middleware that reads headers: it removes the person's token from them.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        signed_in = sign_in(request)
        request.person = signed_in.person
        with ExitStack() as at_the_end:

            def open_warehouse() -> Warehouse:
                warehouse = signed_in.open_warehouse()
                if not _places.acquire(blocking=False):
                    raise PoolExhausted(f"{REQUESTS_AT_ONCE} requests use the warehouse")
                at_the_end.callback(_places.release)
                return warehouse

            # The lazy object behaves as the warehouse that it opens at its first use.
            request.warehouse = cast(Warehouse, SimpleLazyObject(open_warehouse))
            return self._answer(request, signed_in)

    def _answer(self, request: Request, signed_in: SignIn) -> HttpResponse:
        if not signed_in.ended:
            return _uncached(self.get_response(request))
        # End the session, and with it the other person's messages and open forms.
        request.is_of_next_person = True
        shared = (cookie_name(request, name) for name in _SHARED_COOKIES)
        keep = {*shared, settings.SESSION_COOKIE_NAME}
        others = [name for name in request.COOKIES if name not in keep]
        for name in others:
            del request.COOKIES[name]
        response = self.get_response(request)
        for name in others:
            if name not in response.cookies:
                response.delete_cookie(name, samesite="Lax")
        return _uncached(response)


def _uncached(response: HttpResponse) -> HttpResponse:
    """Forbid caches to store the page, which the next person at the same browser could see."""
    response.headers["Cache-Control"] = "private, no-store"
    return response


class AccessMiddleware:
    """Refuses people without the right that a view needs (crm/access.py), and on Databricks Apps
    requests without a person, except for the platform's probes."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        if (
            settings.IN_DATABRICKS_APPS
            and not request.person.email
            and request.path_info not in _PROBES
        ):
            return errors.nobody(request)
        return self.get_response(request)

    def process_view(
        self, request: Request, view: Callable[..., HttpResponse], *arguments: object
    ) -> HttpResponse | None:
        """Check the right; Django calls this after the CSRF check and before the view."""
        if access.is_for_admins(view) and not request.person.is_admin:
            return errors.not_an_admin(request)
        if not access.needs_right_to_write(request, view):
            return None
        try:
            return None if request.person.may_write else errors.read_only(request)
        except SignInAgain as error:
            # The form's view shows the error and keeps the input; it cannot write anyway.
            return None if request.method == "POST" else errors.warehouse_failed(request, error)
        except WarehouseError as error:
            return errors.warehouse_failed(request, error)


class ReaderTimeZoneMiddleware:
    """Shows times in the browser's zone, which app.js stores in a cookie; UTC without it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(reader_zone(request)):
            return self.get_response(request)


def reader_zone(request: HttpRequest) -> zoneinfo.ZoneInfo:
    """Return the zone of the cookie ``tz``; UTC if it names no zone."""
    name = unquote(request.COOKIES.get(cookie_name(request, "tz"), ""))
    return zoneinfo.ZoneInfo(name if name in zone_names() else "UTC")


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


class WarehouseErrorMiddleware:
    """Turns a WarehouseError that a view did not handle into a page, or a toast for HTMX."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, WarehouseError):
            return errors.warehouse_failed(request, error)
        return None
