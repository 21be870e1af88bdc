"""The headers in which the proxy of Databricks Apps names the person.

https://docs.databricks.com/dev-tools/databricks-apps/http-headers. On Databricks Apps the proxy
replaces these headers if a browser sends them. Anywhere else anybody could send them, so they
are ignored there.

Only the e-mail identifies the person. A person or an identity provider chooses the other names,
and two people can have the same.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field

from django.conf import settings
from django.http import HttpRequest

log = logging.getLogger(__name__)

_EMAIL = "HTTP_X_FORWARDED_EMAIL"
_TOKEN = "HTTP_X_FORWARDED_ACCESS_TOKEN"
# One word without a comma: servers join a header that is sent twice with commas. The longest
# address that SMTP can deliver to has 254 characters (RFC 5321, 4.5.3.1.3).
_ONE_EMAIL = re.compile(r"[^\s,;<>\"\x00-\x1f\x7f]{1,254}")
_ONE_TOKEN = re.compile(r"[\x21-\x2b\x2d-\x7e]*")


@dataclass(frozen=True)
class Forwarded:
    """The person's e-mail and token; empty where unknown."""

    email: str = ""
    token: str = field(default="", repr=False)


def read(request: HttpRequest) -> Forwarded:
    """Return the values of the headers, and always remove the token from the request.

    So no page and no log of a request can show the token. A header with several values names
    nobody, since it is unknown which of them the proxy has written.
    """
    token = request.META.pop(_TOKEN, "").strip()
    # Django caches the headers with the token in them.
    request.__dict__.pop("headers", None)
    if not settings.IN_DATABRICKS_APPS:
        return Forwarded()
    email = request.META.get(_EMAIL, "").strip()
    if not email:
        return Forwarded()
    if not (_ONE_EMAIL.fullmatch(email) and _ONE_TOKEN.fullmatch(token)):
        log.warning("refused: X-Forwarded-Email or the token has several values, or no valid one")
        return Forwarded()
    return Forwarded(email, token)
