from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.views.decorators.http import require_POST

from crm.access import writes_nothing
from crm.request import Request

from . import _respond

YEAR = 365 * 24 * 60 * 60


@dataclass(frozen=True)
class Theme:
    name: str
    label: str
    icon: str


THEMES = (
    Theme("light", "Light", "sun"),
    Theme("system", "As the system", "computer-desktop"),
    Theme("dark", "Dark", "moon"),
)
_NAMES = {theme.name for theme in THEMES}


def chosen_theme(request: Request) -> str:
    name = request.COOKIES.get("theme", "")
    return name if name in _NAMES else "system"


@writes_nothing
@require_POST
def theme(request: Request) -> HttpResponse:
    response = _respond.go(request, _respond.local_url(request, "/"))
    name = request.POST.get("theme", "")
    if name in _NAMES:
        # Not HttpOnly: app.js changes it, too.
        secure = request.is_secure()
        response.set_cookie("theme", name, max_age=YEAR, samesite="Lax", secure=secure)
    return response
