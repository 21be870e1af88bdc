"""Guards of the pages that belong to one person: their names, digest and saved views."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseRedirect

from crm.access import SAFE
from crm.request import Request

from . import errors


def person_of(request: Request) -> str:
    """Return the person's address. Raises Http404 if nobody is signed in."""
    if not request.person.email:
        raise Http404("Nobody is signed in.")
    return request.person.email


def only_now(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Make a page ignore "as of": redirect to the present page, and refuse to write."""

    @wraps(view)
    def answer(request: Request, *args: Any, **options: Any) -> HttpResponse:
        if not request.as_of:
            return view(request, *args, **options)
        if request.method in SAFE:
            return HttpResponseRedirect(request.as_of.present_url)
        return errors.past_is_read_only(request)

    return answer
