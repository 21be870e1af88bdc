"""One log line for each request: person, page, result and cost.

It has no values, addresses, query strings or tokens. A path may contain a record's key or a signed
link, so the line has the page's route instead. gunicorn's access log is off.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from crm import metrics, telemetry
from crm.warehouse.usage import Usage, measure

log = logging.getLogger("crm.requests")

HEADER = "X-Request-Id"
_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
# These would hide the other lines in a terminal: open pages request them, not people.
_BY_PAGES = {"recent-changes", "static", "healthz"}


class RequestLogMiddleware:
    """Writes the line. It comes before all middleware that answers, so it sees each answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        usage, started = Usage(request=_id(request)), time.monotonic()
        usage.span = None if _page_of_no_view(request) else telemetry.begin_request()
        request.usage = usage  # type: ignore[attr-defined]
        with measure(usage):
            response = self.get_response(request)
        response.headers[HEADER] = usage.request
        _note(request, response, usage, time.monotonic() - started)
        return response

    def process_view(self, request: HttpRequest, *view: object) -> None:
        """Note the page, which becomes a tag of the statements from now on."""
        usage: Usage = request.usage  # type: ignore[attr-defined]
        usage.page = _route(request)


def _id(request: HttpRequest) -> str:
    """Return the request's id from the proxy, else a new one."""
    given = request.META.get("HTTP_X_REQUEST_ID", "")
    return given if _ID.fullmatch(given) else str(uuid.uuid4())


def _route(request: HttpRequest) -> str:
    if match := request.resolver_match:
        return match.url_name or "none"
    return _page_of_no_view(request) or "none"


def _page_of_no_view(request: HttpRequest) -> str:
    """Return the page name for a path that a middleware answers; empty for other paths."""
    if request.path_info == "/healthz":
        return "healthz"
    return "static" if request.path_info.startswith(settings.STATIC_URL) else ""


def _note(request: HttpRequest, response: HttpResponse, usage: Usage, seconds: float) -> None:
    route, status = _route(request), str(response.status_code)
    # The view of a refused form shows it again with the person's input.
    refusal = getattr(request, "refusal", "") or _REFUSED.get(response.status_code, "")
    metrics.count("edip_requests_total", page=route, status=status)
    metrics.observe("edip_request_seconds", seconds, page=route)
    if refusal:
        metrics.count("edip_refusals_total", reason=refusal)
    fields: dict[str, Any] = {
        "request": usage.request,
        "person": str(getattr(request, "person", "")),
        "method": request.method if request.method in _METHODS else "other",
        "route": route,
        "status": response.status_code,
        "ms": round(seconds * 1000),
        "statements": usage.statements,
        "statement_ms": round(usage.seconds * 1000),
        "pool_wait_ms": round(usage.pool_wait * 1000),
        "query_ids": usage.query_ids,
    }
    fields |= {"refusal": refusal} if refusal else {}
    telemetry.end_request(usage.span, fields)
    is_quiet = response.status_code < 400 and (
        route in ("static", "healthz")
        or (route in _BY_PAGES and settings.EDIP_LOG_FORMAT == "text")
    )
    log.log(logging.DEBUG if is_quiet else logging.INFO, _text(fields), extra={"fields": fields})


_REFUSED = {401: "sign-in", 403: "right"}
_METHODS = {"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"}


def _text(fields: dict[str, Any]) -> str:
    text = f"{fields['method']} {fields['route']} {fields['status']} in {fields['ms']} ms"
    if count := fields["statements"]:
        plural = "" if count == 1 else "s"
        text += f", {count} statement{plural} in {fields['statement_ms']} ms"
    if "refusal" in fields:
        text += f", refused: {fields['refusal']}"
    return text
