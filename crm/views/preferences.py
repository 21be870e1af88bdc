"""The preferences of a reader that a cookie keeps: the theme."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_POST

from crm import theme as themes
from crm.access import writes_nothing
from crm.cookies import cookie_name
from crm.request import Request

from . import _respond

YEAR = 365 * 24 * 60 * 60


@writes_nothing
@require_POST
def theme(request: Request) -> HttpResponse:
    response = _respond.go(request, _respond.local_url(request, "/"))
    name = request.POST.get("theme", "")
    if name in themes.NAMES:
        # Not HttpOnly, because app.js also changes it.
        cookie, secure = cookie_name(request, themes.COOKIE), request.is_secure()
        response.set_cookie(cookie, name, max_age=YEAR, samesite="Lax", secure=secure)
    return response
