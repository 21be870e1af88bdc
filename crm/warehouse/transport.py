"""HTTP connections for the connector that end at the request's deadline.

The connector (4.9.0) makes its connection pools in ``auth/thrift_http_client.py`` and has no
option for their class, so we replace the names there. A pool behind an HTTP proxy is made by
urllib3's ProxyManager and is not covered: there the socket's own time limits apply.
"""

from __future__ import annotations

import socket
from typing import Any

# thrift_http_client uses this module without importing it.
import thrift.transport.THttpClient  # noqa: F401
from databricks.sql.auth import thrift_http_client
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from . import deadline


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
            return super().getresponse()


class _Secure(HTTPSConnection):
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
            return super().getresponse()


def _limit_connect(connection: HTTPConnection) -> None:
    if isinstance(connection.timeout, (int, float)):
        # 0 would make the socket non-blocking.
        connection.timeout = max(0.001, deadline.limit(connection.timeout))


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


def install() -> None:
    """Let the connector use these connections."""
    names = vars(thrift_http_client)
    assert {"HTTPConnectionPool", "HTTPSConnectionPool"} <= names.keys()
    names.update(HTTPConnectionPool=_PlainPool, HTTPSConnectionPool=_SecurePool)
