"""Pages of a person or a business area: which name the address has."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpResponse

from crm.page_urls import NAME_ELSEWHERE
from crm.request import Request

_View = Callable[[Request, str], HttpResponse]


def page(view: _View) -> _View:
    """Let the view have the name from the parameter ``name``, where the path cannot have it."""

    @wraps(view)
    def named(request: Request, name: str) -> HttpResponse:
        elsewhere = request.GET.get("name", "") if name == NAME_ELSEWHERE else ""
        return view(request, elsewhere or name)

    return named
