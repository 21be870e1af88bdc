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
    """Return the name under which the request's browser keeps the cookie."""
    return f"{PREFIX}{name}" if request.is_secure() else name


# Which saved view the person sees first in each list: so the menu needs no statement. One that was
# chosen in another browser counts when the cookie has ended. Another person in this browser has
# other ones.
DEFAULT_VIEWS = "views"
_DEFAULTS_KEPT_FOR = 60 * 60
VIEW_ID = re.compile(r"[0-9a-f-]{1,64}")
_OF = "of"


def default_views(request: HttpRequest, person: str) -> dict[str, str] | None:
    """Return the id of the view by the name of the list; None where the browser knows nothing."""
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
