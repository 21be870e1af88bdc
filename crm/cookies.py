"""The names of our cookies, and what they hold."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from django.contrib.messages.storage.cookie import CookieStorage
from django.core import signing
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


# The most bytes in the cookie of a message with Undo, and of one without, which may quote a reason
# that could not be saved. A request has at most one such of each; of further ones that no page has
# shown yet, Django drops the oldest.
_WITH_UNDO, _WITHOUT = 1_000, 2_300
# The most characters of each quoted name, and of the whole text, in ever shorter messages.
_SHORTER = (
    (700, 1_400),
    (400, 900),
    (200, 700),
    (100, 600),
    (50, 300),
    (25, 200),
    (12, 100),
    (8, 60),
)
_QUOTED = re.compile("“([^”]*)”")


class MessageStorage(CookieStorage):
    """Django's messages, in a cookie of this name.

    Messages quote names and texts of people, which may be too long for a cookie. Django would drop
    such a message, and with it the button Undo. Here its quotations become shorter.
    """

    max_cookie_size = _WITH_UNDO + _WITHOUT

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.cookie_name = cookie_name(request, "messages")

    def add(self, level: int, message: str, extra_tags: str | None = "") -> None:
        fitting, most = message, _WITH_UNDO if extra_tags else _WITHOUT
        for of_name, of_text in _SHORTER:
            if len(signing.dumps([fitting, extra_tags], compress=True)) <= most:
                break
            fitting = _shortened(message, of_name, of_text)
        super().add(level, fitting, extra_tags)


def _shortened(text: str, of_name: int, of_text: int) -> str:
    """Return the text with shortened quotations, and with its end, which says what was done."""
    text = _QUOTED.sub(lambda quoted: f"“{_cut(quoted[1], of_name)}”", text)
    if len(text) <= of_text:
        return text
    end = of_text // 3
    return f"{text[: of_text - end]} … {text[-end:]}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
