"""What the proxy of Databricks Apps says of who asks.

https://docs.databricks.com/dev-tools/databricks-apps/http-headers. Only there do these headers
come from the proxy, which replaces what a browser sends; anywhere else anybody could send
them, and they are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.conf import settings
from django.http import HttpRequest

_NAMES = (
    "HTTP_X_FORWARDED_EMAIL",
    "HTTP_X_FORWARDED_PREFERRED_USERNAME",
    "HTTP_X_FORWARDED_USER",
)
_TOKEN = "HTTP_X_FORWARDED_ACCESS_TOKEN"
_LONGEST_NAME = 254


@dataclass(frozen=True)
class Forwarded:
    """``name`` is the e-mail, or what comes nearest to it."""

    name: str = ""
    token: str = field(default="", repr=False)


def take(request: HttpRequest) -> Forwarded:
    """What the headers say. The token is taken out of the request, whether believed or not:
    nothing that shows or logs a request can show it."""
    token = request.META.pop(_TOKEN, "").strip()
    request.__dict__.pop("headers", None)
    if not settings.IN_DATABRICKS_APPS:
        return Forwarded()
    names = (request.META.get(name, "").strip() for name in _NAMES)
    return Forwarded(next((name[:_LONGEST_NAME] for name in names if name), ""), token)
