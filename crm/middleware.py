"""Who asks, in which time zone, and what is said when the warehouse does not answer."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from functools import cache
from urllib.parse import unquote

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from crm import warehouse
from crm.views import errors
from crm.warehouse.errors import WarehouseError

GetResponse = Callable[[HttpRequest], HttpResponse]


class PersonMiddleware:
    """Sets ``request.person`` and ``request.warehouse``, the person's way to the data."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.person = settings.EDIP_USER
        request.warehouse = SimpleLazyObject(lambda: warehouse.for_person(request.person))
        return self.get_response(request)


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
