"""The accounts that the person opened lately; a signed cookie in their browser lists them."""

from __future__ import annotations

import datetime as dt

from django.core import signing
from django.http import HttpResponse

from crm.cookies import cookie_name
from crm.request import Request

COOKIE = "opened"
MOST = 8
# Longer keys could make the cookie larger than browsers accept.
_KEY_LENGTH = 64
_KEPT_FOR = dt.timedelta(days=90)


def read(request: Request) -> tuple[str, ...]:
    """Return the accounts' keys, the latest first; none if another person opened them."""
    try:
        text = request.COOKIES.get(cookie_name(request, COOKIE), "")
        keys = signing.loads(text, salt=_salt(request))
    except signing.BadSignature:
        return ()
    return tuple(str(key) for key in keys)[:MOST]


def note(request: Request, response: HttpResponse, bsnid: str) -> None:
    """Add the account to the cookie."""
    known = read(request)
    keys = tuple(dict.fromkeys((bsnid, *known)))[:MOST]
    if keys == known or len(bsnid) > _KEY_LENGTH:
        return
    response.set_cookie(
        cookie_name(request, COOKIE),
        signing.dumps(keys, salt=_salt(request), compress=True),
        max_age=_KEPT_FOR,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )


def _salt(request: Request) -> str:
    return f"opened by {request.person.email}"
