"""The type of the request in views: Django's, with the attributes that the middleware adds."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from crm.identity import Person
from crm.warehouse import Warehouse


@dataclass(frozen=True)
class AsOf:
    """The moment that a page is shown as of (aware, UTC), and the page's URL in the present."""

    moment: dt.datetime
    present_url: str


class Request(HttpRequest):
    """Annotates requests that passed all middleware; Django still creates the objects.

    ``as_of`` is None in the present. Code that also runs for a request which a middleware
    refused (crm/views/errors.py) takes an ``HttpRequest`` and looks for each attribute.
    ``last_visit`` (aware, UTC) is when the person was last here before this visit; None if their
    browser does not know. ``is_of_next_person`` is set if another person has signed in since the
    browser's last request. ``refusal`` is why the request was refused, one word for the log.
    """

    person: Person
    warehouse: Warehouse
    as_of: AsOf | None
    last_visit: dt.datetime | None
    htmx: HtmxDetails
    is_of_next_person: bool
    refusal: str


def page_number(text: str) -> int:
    """Return the number of a page, from 1 to a million; 1 where the text is no number."""
    # Python raises ValueError for numbers of thousands of digits.
    return min(int(text[:20]), 1_000_000) or 1 if text.isdecimal() else 1


def sent_fields(request: HttpRequest, without: str = "") -> list[tuple[str, str]]:
    """Return the submitted fields (name, value) for sending the form again, without the CSRF token
    and the field ``without``."""
    return [
        (name, value)
        for name, values in request.POST.lists()
        if name not in ("csrfmiddlewaretoken", without)
        for value in values
    ]
