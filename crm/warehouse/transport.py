"""HTTP for the connector: connections that end at the deadline, errors for 429 and 503, and the
warehouse's clock.

The connector (4.9.0) finds its connection pools and its retry policy in
``auth/thrift_http_client.py`` and has no option for their classes, so we replace the names there.
A pool behind an HTTP proxy is made by urllib3's ProxyManager and is not covered: there the
socket's own time limits apply.
"""

from __future__ import annotations

import datetime as dt
import socket
from collections import deque
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import Any

# thrift_http_client uses this module without importing it.
import thrift.transport.THttpClient  # noqa: F401
from databricks.sql.auth import thrift_http_client
from databricks.sql.auth.retry import DatabricksRetryPolicy
from databricks.sql.exc import MaxRetryDurationError
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import InvalidHeader, MaxRetryError

from . import deadline
from .errors import Unavailable
from .translate import turned_away


class _Clock:
    """The difference between the warehouse's clock and ours, in seconds.

    Each HTTP answer has the time in whole seconds (RFC 9110, 6.6.1), so a difference below two
    counts as none. A slow answer shows too small a difference, so the largest of the latest
    counts.
    """

    ahead = dt.timedelta()
    is_known = False
    _latest = deque[dt.timedelta](maxlen=20)

    @classmethod
    def compare(cls, date: str) -> None:
        try:
            cls._latest.append(parsedate_to_datetime(date) - dt.datetime.now(dt.UTC))
        except (TypeError, ValueError):
            return  # no time, or none with a zone
        cls.is_known = True
        ahead = max(list(cls._latest))
        cls.ahead = ahead if abs(ahead) >= dt.timedelta(seconds=2) else dt.timedelta()


def now() -> dt.datetime:
    """Return the time by the warehouse's clock, which stamps rows and commits (UTC).

    Before its first answer it is the time of our own clock.
    """
    return dt.datetime.now(dt.UTC) + _Clock.ahead


def has_passed(moment: float) -> bool:
    """Return whether this moment of the warehouse's clock (seconds since 1970) has passed.

    Before the warehouse's first answer it returns False: if our own clock were wrong, the app
    would refuse valid tokens, and never learn the right time.
    """
    return _Clock.is_known and now().timestamp() >= moment


class _Plain(HTTPConnection):
    watched_socket: socket.socket | None = None

    def connect(self) -> None:
        _limit_connect(self)
        super().connect()
        self.watched_socket = self.sock
        deadline.use(self)

    def request(self, *arguments: Any, **keywords: Any) -> None:
        deadline.use(self)
        super().request(*arguments, **keywords)

    def getresponse(self) -> Any:
        with deadline.answering():
            answer = super().getresponse()
        _Clock.compare(answer.headers.get("Date", ""))
        return answer


class _Secure(_Plain, HTTPSConnection):
    """The same over TLS: ``_Plain`` calls HTTPSConnection, which is the next base class."""


def _limit_connect(connection: HTTPConnection) -> None:
    if isinstance(connection.timeout, (int, float)):
        # 0 would make the socket non-blocking.
        connection.timeout = max(0.001, deadline.limit(connection.timeout))


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


_MESSAGE_HEADERS = (
    "X-Thriftserver-Error-Message",
    "X-Databricks-Error-Or-Redirect-Message",
    "X-Databricks-Reason-Phrase",
)


class _RetryPolicy(DatabricksRetryPolicy):
    """Raises Starting or Busy where the connector gives up on 429 or 503.

    The connector's errors do not have the wait that the warehouse asks for.
    """

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        try:
            return super().get_retry_after(response)
        except InvalidHeader:
            return None

    def sleep_for_retry(self, response: BaseHTTPResponse) -> bool:
        try:
            return super().sleep_for_retry(response)
        except MaxRetryDurationError as error:
            raise self._turned_away(response) from error

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        *arguments: Any,
        **keywords: Any,
    ) -> Any:
        try:
            return super().increment(method, url, response, *arguments, **keywords)
        except MaxRetryError as error:
            if response is None or response.status not in (429, 503):
                raise
            raise self._turned_away(response) from error

    def _turned_away(self, response: BaseHTTPResponse) -> Unavailable:
        text = " ".join(response.headers.get(name, "") for name in _MESSAGE_HEADERS)
        return turned_away(response.status, text, self.get_retry_after(response) or 0)


class _HttpClient(thrift_http_client.THttpClient):
    """Reads each answer at once, because Thrift reads one to four bytes at a time, which is slow
    with urllib3.
    """

    _answer = BytesIO()

    def flush(self) -> None:
        # Thrift has no types, and the answer is a private attribute of the connector's class.
        super().flush()  # type: ignore[no-untyped-call]
        self._answer = BytesIO(self._THttpClient__resp.read())

    def read(self, sz: int) -> bytes:
        return self._answer.read(sz)

    def close_sockets(self) -> None:
        """Close the sockets, which ``close`` would keep for the next request until they are
        garbage collected."""
        self._THttpClient__pool.close()


def install() -> None:
    """Make the connector use these connections, this retry policy and this client."""
    names = vars(thrift_http_client)
    replaced = {
        "HTTPConnectionPool": _PlainPool,
        "HTTPSConnectionPool": _SecurePool,
        "DatabricksRetryPolicy": _RetryPolicy,
        "THttpClient": _HttpClient,
    }
    assert replaced.keys() <= names.keys()
    names.update(replaced)
