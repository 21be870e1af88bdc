"""The person's last visit, stored in a signed cookie of their browser.

A cookie costs no statement and needs no right to write, and every instance can read it. A column
of the table ``people`` would cost a commit for each visit, and readers would need MODIFY on it.
The disadvantage: each browser knows only its own visits.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from django.http import HttpRequest, HttpResponse

from crm.cookies import cookie_name
from crm.request import Request
from crm.warehouse import now as warehouse_now

COOKIE = "visit"
# A visit ends after this long without a request.
AWAY_AFTER = dt.timedelta(hours=1)
# The cookie is written at most this often.
_NOTED_AFTER = dt.timedelta(minutes=1)
# The longest lifetime of a cookie in browsers: RFC 6265bis, section 5.5.
_KEPT_FOR = dt.timedelta(days=400)
# The part of a page that htmx fetches repeatedly: templates/import_/_job.html.
_REFRESHED = "import-job"
_TEXT = re.compile(r"(\d{1,11})-(\d{0,11})")


@dataclass(frozen=True)
class Visit:
    """The person's visit.

    :param seen: the last request for a page, noted with a delay of up to ``_NOTED_AFTER``.
    :param before: ``seen`` of the visit before; None if there is none in the cookie.
    """

    seen: dt.datetime
    before: dt.datetime | None = None

    def at(self, now: dt.datetime) -> Visit:
        """Return this visit extended to ``now``, or a new visit."""
        if now - self.seen > AWAY_AFTER:
            return Visit(now, self.seen)
        return replace(self, seen=now) if now - self.seen >= _NOTED_AFTER else self


class VisitMiddleware:
    """Sets ``request.last_visit`` for signed-in people. It comes after PersonMiddleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        request.last_visit = None
        if not request.person.email:
            return self.get_response(request)
        now = warehouse_now().replace(microsecond=0)
        known = _read(request)
        visit = known.at(now) if known else Visit(now)
        request.last_visit = visit.before
        response = self.get_response(request)
        # An error page does not count as a visit.
        if visit != known and _is_asked_by_person(request) and response.status_code < 400:
            _write(request, response, visit)
        return response


def _is_asked_by_person(request: Request) -> bool:
    """Return whether a person made the request, not a script of an open page."""
    headers = request.headers
    if "HX-Request" in headers:
        return headers.get("HX-Target") != _REFRESHED
    is_page = headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
    return is_page and "text/html" in headers.get("Accept", "")


def _read(request: Request) -> Visit | None:
    """Return the visit in the cookie; None if it is another person's."""
    text = request.get_signed_cookie(cookie_name(request, COOKIE), "", salt=_salt(request))
    match = _TEXT.fullmatch(text or "")
    if match is None:
        return None
    seen, before = (_moment(seconds) for seconds in match.groups())
    return Visit(seen, before) if seen else None


def _moment(seconds: str) -> dt.datetime | None:
    return dt.datetime.fromtimestamp(int(seconds), dt.UTC) if seconds else None


def _write(request: Request, response: HttpResponse, visit: Visit) -> None:
    before = int(visit.before.timestamp()) if visit.before else ""
    response.set_signed_cookie(
        cookie_name(request, COOKIE),
        f"{int(visit.seen.timestamp())}-{before}",
        salt=_salt(request),
        max_age=_KEPT_FOR,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )


def _salt(request: Request) -> str:
    return f"visit of {request.person.email}"
