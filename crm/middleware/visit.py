"""When the person was last here, which their browser remembers in a signed cookie.

A cookie costs no statement, needs no right to write, and every instance can read it. A column of
the table ``people`` would cost a commit for each visit, and readers would need MODIFY on it.
Therefore each browser remembers its own visits.
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
# Whoever asks for nothing for this long has left.
AWAY_AFTER = dt.timedelta(hours=1)
# The cookie is written at most this often.
_NOTED_AFTER = dt.timedelta(minutes=1)
# Browsers keep no cookie longer: RFC 6265bis, section 5.5.
_KEPT_FOR = dt.timedelta(days=400)
# The part of a page that htmx fetches again and again: templates/import_/_job.html.
_REFRESHED = "import-job"
_TEXT = re.compile(r"(\d{1,11})-(\d{0,11})")


@dataclass(frozen=True)
class Visit:
    """The person's visit.

    :param seen: when they last asked for a page; up to ``_NOTED_AFTER`` earlier.
    :param before: ``seen`` of the visit before; None if the browser knows none.
    """

    seen: dt.datetime
    before: dt.datetime | None = None

    def at(self, now: dt.datetime) -> Visit:
        """Return this visit with what is asked for now, or a new one."""
        if now - self.seen > AWAY_AFTER:
            return Visit(now, self.seen)
        return replace(self, seen=now) if now - self.seen >= _NOTED_AFTER else self


class VisitMiddleware:
    """Sets ``request.last_visit``, for who is signed in. It comes after PersonMiddleware."""

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
        # Who got an error has seen nothing: the visit before is still the last one.
        if visit != known and _is_asked_by_person(request) and response.status_code < 400:
            _write(request, response, visit)
        return response


def _is_asked_by_person(request: Request) -> bool:
    """Return whether a person asks, not a script: open pages ask for changes and refresh."""
    headers = request.headers
    if "HX-Request" in headers:
        return headers.get("HX-Target") != _REFRESHED
    is_page = headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
    return is_page and "text/html" in headers.get("Accept", "")


def _read(request: Request) -> Visit | None:
    """Return the visit in the person's cookie; None for that of somebody else."""
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
