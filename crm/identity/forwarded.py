"""The headers in which the proxy of Databricks Apps names the person.

https://docs.databricks.com/dev-tools/databricks-apps/http-headers. On Databricks Apps the proxy
replaces these headers if a browser sends them. Anywhere else anybody could send them, so they
are ignored there.
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
# The longest e-mail address that SMTP can deliver to (RFC 5321, 4.5.3.1.3).
_LONGEST_NAME = 254


@dataclass(frozen=True)
class Forwarded:
    """The person's e-mail (or, without one, user name) and token; empty where unknown."""

    name: str = ""
    token: str = field(default="", repr=False)


def read(request: HttpRequest) -> Forwarded:
    """Return what the headers say, and remove the token from the request in any case.

    So nothing that shows or logs a request can show the token.
    """
    token = request.META.pop(_TOKEN, "").strip()
    # Django caches the headers with the token in them.
    request.__dict__.pop("headers", None)
    if not settings.IN_DATABRICKS_APPS:
        return Forwarded()
    names = (request.META.get(name, "").strip() for name in _NAMES)
    return Forwarded(next((name[:_LONGEST_NAME] for name in names if name), ""), token)
