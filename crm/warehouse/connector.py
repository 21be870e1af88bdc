"""Opening a connection fit for a web request: the connector's defaults are for batch jobs.

Option names and behaviour were read in databricks-sql-connector 4.9.0 (``session.py``,
``backend/thrift_backend.py``, ``auth/retry.py``); several are private, so the pin in
requirements.txt and tests/warehouse/test_faults.py belong together.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from databricks import sql
from databricks.sql.client import Connection

from .config import LOOPBACK, WarehouseConfig
from .credentials import Identity

logger = logging.getLogger("crm.warehouse")

# The connector logs each failure itself, some of them twice and at ERROR, before we know
# whether a second attempt succeeds. We log the outcome once, in statements.py.
logging.getLogger("databricks.sql").setLevel(logging.CRITICAL)
# Whole requests with their values, meant for the connector's own tests. A filter, since the
# connector sets this logger's level, and Django's logging configuration enables it again.
logging.getLogger("databricks.sql.unsafe").addFilter(lambda record: False)

# A connection keeps every cursor that it ever made (Connection._cursors only grows), so it is
# replaced after so many statements.
MAX_USES = 500

USER_AGENT = "EDIP CRM"


class PooledConnection:
    """A connector connection with what the pool wants to know about it."""

    def __init__(
        self, connection: Connection, generation: int, good_until: float | None = None
    ) -> None:
        self.connection = connection
        self.generation = generation
        self.uses = 0
        self.good_until = good_until
        self.when_closed: Callable[[], None] | None = None

    def cursor(self) -> sql.client.Cursor:
        self.uses += 1
        return self.connection.cursor()

    @property
    def is_worn(self) -> bool:
        return self.uses >= MAX_USES

    @property
    def is_over(self) -> bool:
        """Whether its token has come to its end. A new one may always be used once."""
        return self.uses > 0 and self.good_until is not None and time.time() >= self.good_until

    def lost(self) -> None:
        """The session no longer exists: closing need not tell the server."""
        self.connection.session.is_open = False

    def close(self) -> None:
        """Close without waiting: CloseSession is a request, and may hang as any other."""
        tell, self.when_closed = self.when_closed, None
        if tell:
            tell()
        threading.Thread(target=self._close_quietly, daemon=True, name="close").start()

    def _close_quietly(self) -> None:
        try:
            self.connection.close()
        except Exception as error:  # noqa: BLE001 - there is nobody left to tell
            logger.debug("Closing a connection failed: %s", type(error).__name__)


def connect(config: WarehouseConfig, identity: Identity, generation: int = 0) -> PooledConnection:
    """Open a session. Raises the connector's or urllib3's errors, see ``errors.translate``."""
    started = time.monotonic()
    connection = sql.connect(**_arguments(config), **identity.connect_arguments())
    _never_send_twice(connection)
    logger.info(
        "connected to %s as %s in %.0f ms",
        config.where,
        identity.name,
        (time.monotonic() - started) * 1000,
    )
    return PooledConnection(connection, generation, identity.good_until())


def _arguments(config: WarehouseConfig) -> dict[str, Any]:
    uri = config.uri()
    return {
        # The connector compares it with the issuer of each token, and asks this host to
        # exchange one that was issued elsewhere (auth/token_federation.py).
        "server_hostname": _host(config, uri),
        "http_path": config.http_path or "/sql/1.0/warehouses/local",
        # The connector puts https:// before every hostname; only this option can say http.
        **({"_connection_uri": uri} if uri else {}),
        "user_agent_entry": USER_AGENT,
        "session_configuration": {
            # The default is two days. A server-side limit also frees the warehouse.
            "STATEMENT_TIMEOUT": str(config.statement_timeout),
            # Naive values and date functions must mean the same everywhere.
            "TIMEZONE": "UTC",
            # Off in older accounts; there a bad cast would be NULL instead of an error.
            "ANSI_MODE": "true",
        },
        # Default 900 s. Longer than the statement may take, or a slow answer looks like a
        # broken connection.
        "_socket_timeout": config.statement_timeout + 15,
        # sleep_for_retry() waits max(Retry-After, delay_max), so delay_max is what EVERY
        # retry of 429/503 takes: 60 s by default. 5 s is the least that is allowed.
        "_retry_delay_max": 5,
        "_retry_stop_after_attempts_count": config.retries,
        "_retry_stop_after_attempts_duration": 20,
        # Pages are small: fetching them from cloud storage costs an extra round trip and
        # needs a way out to it.
        "use_cloud_fetch": False,
        # Otherwise a feature flag is fetched over HTTP at connect, and events are sent.
        "enable_telemetry": False,
    }


def _host(config: WarehouseConfig, uri: str | None) -> str:
    host = urlsplit(uri or "").hostname or ""
    return "localhost" if host in LOOPBACK else config.hostname or host


def _never_send_twice(connection: Connection) -> None:
    """Stop urllib3 from repeating a statement whose answer got lost.

    The connector's retry policy allows POST, so urllib3 takes a connection that breaks after
    sending for one more thing to retry, and an INSERT would run twice; no option turns that
    off. The policy object is copied from request to request, so setting it once is enough.
    Statements that may be repeated are, in statements.py, where it is known which they are.
    """
    policy = connection.session.backend.retry_policy
    policy.read = False
    policy.other = 0
    policy.connect = 0
