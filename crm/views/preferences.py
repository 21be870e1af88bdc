"""The preferences of a reader. They are kept in cookies, because they change no data."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_POST

from crm import theme as themes
from crm.access import writes_nothing
from crm.request import Request

from . import _respond

YEAR = 365 * 24 * 60 * 60


@writes_nothing
@require_POST
def theme(request: Request) -> HttpResponse:
    response = _respond.go(request, _respond.local_url(request, "/"))
    name = request.POST.get("theme", "")
    if name in themes.NAMES:
        # Not HttpOnly: app.js changes it, too.
        secure = request.is_secure()
        response.set_cookie(themes.COOKIE, name, max_age=YEAR, samesite="Lax", secure=secure)
    return response
