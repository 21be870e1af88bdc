"""Liveness and readiness, for the platform that runs the app."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm.repository.tables import inspection
from crm.request import Request
from crm.warehouse.errors import SignInAgain, WarehouseError


@never_cache
@require_safe
def healthz(request: Request) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: Request) -> HttpResponse:
    """Ask the warehouse one cheap statement.

    Under user sign-in a probe has no token, and no other token may stand in for it.
    """
    try:
        inspection.ping(request.warehouse)
    except SignInAgain:
        return HttpResponse(
            "ready; nobody is signed in to ask the warehouse\n", content_type="text/plain"
        )
    except WarehouseError as error:
        text = f"not ready: {type(error).__name__}\n"
        return HttpResponse(text, status=503, content_type="text/plain")
    return HttpResponse("ready\n", content_type="text/plain")
