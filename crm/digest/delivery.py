"""Hands digests over: mails to the mail server, messages to the webhook of a chat.

Whoever it is handed to takes it or refuses it. In between are cases in which nobody can tell:
the connection broke, or the time was up, after everything had been sent.
"""

from __future__ import annotations

import http.client
import json
import smtplib
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from django.core.mail import EmailMessage, get_connection

# Seconds for each step of handing over.
TIMEOUT = 20.0
# A gateway answers so without knowing whether the chat took the message.
_GATEWAY = frozenset({502, 504})


class Refused(Exception):
    """It was not delivered; the text says why."""


class Unclear(Exception):
    """It may have been delivered; the text says why that is unclear."""


Send = Callable[[], None]


def connect(mail: EmailMessage) -> Send:
    """Connect to the mail server, and return what sends the mail.

    So a server that does not answer leaves nothing unclear. Each mail has its own connection: one
    that was kept may be broken. Raises Refused; what is returned raises Refused and Unclear.
    """
    connection = get_connection(timeout=TIMEOUT)
    try:
        connection.open()
    except (OSError, smtplib.SMTPException) as error:
        raise Refused(f"the mail server does not answer: {_reason(error)}") from error

    def send() -> None:
        try:
            connection.send_messages([mail])
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPResponseException) as error:
            raise Refused(f"the mail server refused it: {_reason(error)}") from error
        except (OSError, smtplib.SMTPException) as error:
            raise Unclear(f"the mail server did not say: {_reason(error)}") from error
        finally:
            with suppress(OSError, smtplib.SMTPException):
                connection.close()

    return send


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def post(url: str, body: dict[str, Any], key: str) -> None:
    """Post a message to a webhook. Errors do not name its address, which is a secret.

    The header Idempotency-Key has the ``key``, for receivers of your own that know it. Raises
    Refused and Unclear.
    """
    request = urllib.request.Request(
        url,
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Idempotency-Key": key, "User-Agent": "edip-crm"},
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT):
            return
    except urllib.error.HTTPError as error:
        error.close()
        kind = Unclear if error.code in _GATEWAY else Refused
        raise kind(f"the chat answered {error.code}") from None
    except urllib.error.URLError as error:
        # Before the whole request was sent.
        raise Refused(f"the chat cannot be reached: {_reason(error.reason)}") from None
    except (OSError, http.client.HTTPException) as error:
        raise Unclear(f"the chat did not say whether it took it: {_reason(error)}") from None


def is_webhook(url: str, *, may_be_plain: bool) -> bool:
    """Return whether messages may be posted there: encrypted, or on this machine."""
    parts = urlsplit(url)
    is_here = parts.hostname in ("127.0.0.1", "localhost", "::1")
    return parts.scheme == "https" or (parts.scheme == "http" and may_be_plain and is_here)


def _reason(error: object) -> str:
    """Return what kind of error it is. Its text could quote an address or an answer."""
    return type(error).__name__
