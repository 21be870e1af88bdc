"""The names of our cookies."""

from __future__ import annotations

from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest

# With this prefix, browsers accept a cookie from our host only, over TLS and for the whole site:
# no other app of the same domain can set it. static/js/cookies.js has the same.
PREFIX = "__Host-edip-"


def cookie_name(request: HttpRequest, name: str) -> str:
    """Return the name under which the request's browser keeps the cookie."""
    return f"{PREFIX}{name}" if request.is_secure() else name


class MessageStorage(CookieStorage):
    """Django's messages, in a cookie of this name."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.cookie_name = cookie_name(request, "messages")
