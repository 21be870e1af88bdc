"""Refuses requests that a web page sends: loopback is open to every page in the user's browser.

A page may send a request to any address, also as a form or as plain text, for which browsers ask
nobody. Then ``Origin`` names the page's site. A page whose host name is made to lead to 127.0.0.1
(DNS rebinding) counts as of the same origin; then ``Host`` names its site. The control endpoint
changes who may sign in, so that it also demands a secret, which a page cannot read.
"""

from __future__ import annotations

import hmac
import secrets
from email.message import Message

from local_warehouse.catalog.identity import Refused

_LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def require_program(headers: Message) -> None:
    """Raise Refused for a request of a web page, or one that names another host."""
    hosts = headers.get_all("Host") or []
    if len(hosts) != 1 or _name(hosts[0]) not in _LOOPBACK:
        raise Refused(403, "The local warehouse answers under a loopback address only.")
    if "Origin" in headers or headers.get("Sec-Fetch-Site", "none") != "none":
        raise Refused(403, "The local warehouse answers no web page.")


def require_secret(headers: Message, secret: str) -> None:
    """Raise Refused unless the request has the control endpoint's secret."""
    scheme, _, given = headers.get("Authorization", "").partition(" ")
    is_right = hmac.compare_digest(given.strip().encode(), secret.encode())
    if scheme.lower() != "bearer" or not is_right:
        raise Refused(401, "The secret is missing or wrong: it is in server.json, in the data.")


def require_json(headers: Message) -> None:
    """Raise Refused for a body of another type than JSON, such as that of a form."""
    if int(headers.get("Content-Length") or 0) and headers.get_content_type() != (
        "application/json"
    ):
        raise Refused(415, "The body must be application/json.")


def _name(host: str) -> str:
    """Return the name of ``name:port``."""
    name, colon, port = host.strip().lower().rpartition(":")
    return name if colon and port.isdecimal() else host.strip().lower()
