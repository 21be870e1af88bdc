"""Open connections with options for web requests; the connector's defaults suit batch jobs.

Options and behaviour are those of databricks-sql-connector 4.9.0 (``session.py``,
``backend/thrift_backend.py``, ``auth/retry.py``). Several options are private: before you change
the pin in requirements.in, run tests/warehouse.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from databricks.sql.backend.types import CommandId
from databricks.sql.client import Connection, Cursor
from databricks.sql.thrift_api.TCLIService import ttypes

from . import transport
from .config import LOOPBACK, WarehouseConfig
from .credentials import Identity
from .deadline import limit, run_within
from .errors import TooLarge

logger = logging.getLogger("crm.warehouse")

# The connector logs each failure, some twice and at ERROR, before it is known whether a second
# attempt succeeds. statements.py logs the outcome once.
logging.getLogger("databricks.sql").setLevel(logging.CRITICAL)
# This logger receives whole requests with their values, for the connector's own tests. We replace
# its method, since the connector sets the logger's level and Django's logging configuration
# enables it again.
_unsafe = logging.getLogger("databricks.sql.unsafe")
_unsafe.isEnabledFor = lambda level: False  # type: ignore[method-assign]
# The connector makes a text of each message for this logger all the same. With all values and
# rows, that takes up to 1 ms of a page, so the messages have a short text.
for _message in (
    ttypes.TExecuteStatementReq,
    ttypes.TExecuteStatementResp,
    ttypes.TFetchResultsResp,
):
    _message.__repr__ = object.__repr__  # type: ignore[method-assign]

# Statements after which a connection is replaced: it keeps every cursor that it ever made
# (Connection._cursors only grows).
MAX_USES = 500

# The most bytes of a statement's parameters together. Source: docs/parameters.md of the connector,
# https://github.com/databricks/databricks-sql-python.
MAX_PARAMETERS = 255
MAX_BYTES = 2**20

USER_AGENT = "EDIP CRM"
# Seconds for which the connector repeats a request that is answered with 429 or 503.
RETRY_SECONDS = 20.0
# Seconds for the start of a local warehouse, even if another process starts it.
START_SECONDS = 130.0

transport.install()


class _Connection(Connection):
    """The connector's connection, which may have no session, as after a sign-in that failed.

    The connector's own then raises AttributeError when it is freed, and Python prints a traceback.
    """

    @property
    def open(self) -> bool:
        return hasattr(self, "session") and super().open


class PooledConnection:
    """A connector's connection with the facts that the pool needs."""

    def __init__(
        self, connection: Connection, generation: int, good_until: float | None = None
    ) -> None:
        self.connection = connection
        self.generation = generation
        self.uses = 0
        self.good_until = good_until
        self.on_close: Callable[[], None] | None = None

    def cursor(self) -> Cursor:
        """Return a cursor whose statement keeps the current deadline."""
        self.uses += 1
        _backend(self.connection).retry_policy.stop_after_attempts_duration = limit(RETRY_SECONDS)
        return self.connection.cursor()

    @property
    def is_worn(self) -> bool:
        return self.uses >= MAX_USES or not self.connection.session.is_open

    @property
    def has_expired(self) -> bool:
        """Return whether the connection's token has expired. A new connection may be used once."""
        return self.uses > 0 and self.good_until is not None and time.time() >= self.good_until

    def cancel(self, command: CommandId) -> None:
        """Cancel a statement that runs on another connection of the same identity."""
        self.uses += 1
        self.connection.session.backend.cancel_command(command)

    def mark_lost(self) -> None:
        """Note that the session has ended: ``close`` then sends nothing to the server."""
        self.connection.session.is_open = False

    def close(self) -> None:
        """Close the session in the background: CloseSession is a request, which may hang."""
        on_close, self.on_close = self.on_close, None
        if on_close:
            on_close()
        threading.Thread(target=self._close_quietly, daemon=True, name="close").start()

    def _close_quietly(self) -> None:
        for close in (self.connection.close, self._close_sockets):
            try:
                close()
            except Exception as error:  # noqa: BLE001 - nobody uses it any more
                logger.debug("Closing a connection failed: %s", type(error).__name__)

    def _close_sockets(self) -> None:
        _backend(self.connection)._transport.close_sockets()


def connect(config: WarehouseConfig, identity: Identity, generation: int = 0) -> PooledConnection:
    """Open a session. Raises errors of the connector or urllib3, for ``errors.translate``."""
    started = time.monotonic()
    retry_seconds = {"_retry_stop_after_attempts_duration": limit(RETRY_SECONDS)}
    connection = _Connection(**_arguments(config) | retry_seconds, **identity.connect_arguments())
    _never_send_twice(connection)
    logger.debug(
        "connected to %s as %s in %.0f ms",
        config.where,
        identity.name,
        (time.monotonic() - started) * 1000,
    )
    return PooledConnection(connection, generation, identity.good_until())


def _arguments(config: WarehouseConfig) -> dict[str, Any]:
    uri = _uri(config)
    return {
        # The connector compares it with each token's issuer and asks this host to exchange a
        # token that was issued elsewhere (auth/token_federation.py).
        "server_hostname": _host(config, uri),
        "http_path": config.http_path or "/sql/1.0/warehouses/local",
        # The connector puts https:// before every hostname; only this option allows http.
        **({"_connection_uri": uri} if uri else {}),
        "user_agent_entry": USER_AGENT,
        "session_configuration": {
            # The default is two days. This limit also ends the statement on the warehouse.
            "STATEMENT_TIMEOUT": str(config.statement_seconds),
            # Naive values and date functions must mean the same everywhere.
            "TIMEZONE": "UTC",
            # Off in older accounts, where a bad cast is NULL instead of an error.
            "ANSI_MODE": "true",
        },
        # The default is 900 s. It must exceed the statement's limit: a slow answer would look
        # like a broken connection.
        "_socket_timeout": config.statement_timeout + 15,
        # sleep_for_retry() waits max(Retry-After, delay_max), so EVERY retry of 429 or 503
        # waits at least delay_max: 60 s by default; 5 s is the smallest allowed value.
        "_retry_delay_max": 5,
        # The connector asks for a statement's state again so long after the connection broke, also
        # after the deadline. 1 s is the smallest allowed value.
        "_retry_delay_default": 1,
        "_retry_stop_after_attempts_count": config.retries,
        # The connector gives up instead of waiting longer than this.
        "_retry_stop_after_attempts_duration": RETRY_SECONDS,
        # Our results are small: cloud storage would cost another round trip and needs network
        # access to it.
        "use_cloud_fetch": False,
        # Otherwise each connect fetches a feature flag over HTTP, and events are sent.
        "enable_telemetry": False,
    }


def _uri(config: WarehouseConfig) -> str | None:
    """Return the address. It may have to start a local warehouse, which takes up to a minute; the
    request waits only until its deadline."""
    if config.starts_itself:
        return run_within(limit(START_SECONDS), config.uri, "local-warehouse")
    return config.uri()


def _host(config: WarehouseConfig, uri: str | None) -> str:
    host = urlsplit(uri or "").hostname or ""
    return "localhost" if host in LOOPBACK else config.hostname or host


def _never_send_twice(connection: Connection) -> None:
    """Stop urllib3 from repeating a statement whose answer was lost.

    The connector's retry policy allows POST, so urllib3 sends again after a connection broke,
    and an INSERT would run twice. No option turns that off. The connector copies the policy
    from request to request, so one change is enough. statements.py knows which statements are
    repeatable and sends those again itself.
    """
    policy = _backend(connection).retry_policy
    policy.read = False
    policy.other = 0
    policy.connect = 0


def _backend(connection: Connection) -> Any:
    """Return the Thrift backend: it has the HTTP client, and the retry policy, which the
    connector copies for each request. Its declared base class has neither."""
    return connection.session.backend


def require_acceptable(params: Mapping[str, Any]) -> None:
    """Raise TooLarge for more values than a statement takes."""
    size = sum(len(str(value).encode()) for value in params.values())
    if len(params) > MAX_PARAMETERS or size > MAX_BYTES:
        raise TooLarge(f"{len(params)} parameters of {size:,} bytes")
