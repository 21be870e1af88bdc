"""The name in the URL of a person's or a business area's page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpResponse

from crm.page_urls import NAME_ELSEWHERE
from crm.request import Request

_View = Callable[[Request, str], HttpResponse]


def page(view: _View) -> _View:
    """Pass the view the name from the parameter ``name`` if a URL path cannot contain it."""

    @wraps(view)
    def named(request: Request, name: str) -> HttpResponse:
        elsewhere = request.GET.get("name", "") if name == NAME_ELSEWHERE else ""
        return view(request, elsewhere or name)

    return named
