"""Probes of liveness and readiness, and metrics."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm import access
from crm import metrics as registry
from crm.repository.tables import readiness
from crm.request import Request
from crm.warehouse import gauges
from crm.warehouse.errors import SignInAgain, WarehouseError


@never_cache
@require_safe
def healthz(request: Request) -> HttpResponse:
    return _text("ok")


@never_cache
@require_safe
@access.for_admins
def metrics(request: Request) -> HttpResponse:
    """Return the counters of all processes of this instance, for Prometheus."""
    return HttpResponse(
        registry.text(gauges), content_type="text/plain; version=0.0.4; charset=utf-8"
    )


@never_cache
@require_safe
def readyz(request: Request) -> HttpResponse:
    """Report whether the warehouse answers, the tables fit this version and the rights suffice.

    With user sign-in a probe has no token, and no other token may be used for it.
    """
    try:
        found = readiness.ask(request.warehouse)
    except SignInAgain:
        return _text("ready; nobody is signed in to ask the warehouse")
    except WarehouseError as error:
        return _text(f"not ready: {type(error).__name__}", 503)
    if not found.is_ready:
        return _text(f"not ready: {found.text}", 503)
    return _text(f"ready; {found.text}" if found.text else "ready")


def _text(text: str, status: int = 200) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain")
