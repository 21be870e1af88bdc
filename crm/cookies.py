"""The names of our cookies."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest, HttpResponse

# With this prefix, browsers accept a cookie from our host only, over TLS and for the whole site:
# no other app of the same domain can set it. static/js/cookies.js has the same.
PREFIX = "__Host-edip-"


def cookie_name(request: HttpRequest, name: str) -> str:
    """Return the name of the cookie in the request's browser."""
    return f"{PREFIX}{name}" if request.is_secure() else name


# The person's default view of each list, so that the menu needs no statement. A choice in another
# browser counts after this cookie has ended. The cookie counts only for the same person.
DEFAULT_VIEWS = "views"
_DEFAULTS_KEPT_FOR = 60 * 60
VIEW_ID = re.compile(r"[0-9a-f-]{1,64}")
_OF = "of"


def default_views(request: HttpRequest, person: str) -> dict[str, str] | None:
    """Return the ids of the default views by list name; None without a cookie of this person."""
    found = dict(parse_qsl(request.COOKIES.get(cookie_name(request, DEFAULT_VIEWS), "")))
    if found.pop(_OF, "") != _hash(person):
        return None
    return {name: id for name, id in found.items() if VIEW_ID.fullmatch(id)}


def remember_default_views(
    request: HttpRequest, response: HttpResponse, person: str, found: Mapping[str, str]
) -> None:
    response.set_cookie(
        cookie_name(request, DEFAULT_VIEWS),
        urlencode({**found, _OF: _hash(person)}),
        max_age=_DEFAULTS_KEPT_FOR,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )


def _hash(person: str) -> str:
    return hashlib.sha256(person.encode()).hexdigest()[:12]


class MessageStorage(CookieStorage):
    """Django's messages, in a cookie of this name."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.cookie_name = cookie_name(request, "messages")
