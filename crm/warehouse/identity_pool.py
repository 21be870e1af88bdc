"""The open connections of one identity."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from sqlalchemy import exc as sqlalchemy_errors
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, QueuePool
from sqlalchemy.util.queue import Queue

from .budget import Budget
from .config import WarehouseConfig
from .connector import PooledConnection, connect
from .credentials import Identity
from .deadline import limit
from .errors import (
    Dropped,
    NotSent,
    PoolExhausted,
    Unavailable,
    WarehouseError,
)
from .translate import translate

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine.interfaces import DBAPIConnection


@dataclass(frozen=True)
class Lease:
    """A connection in use, and the queue that it came from."""

    proxy: PoolProxiedConnection
    queue: QueuePool

    @property
    def connection(self) -> PooledConnection:
        # SQLAlchemy types it as any DBAPI connection; ours come from ``_connect``.
        return cast(PooledConnection, self.proxy.dbapi_connection)

    @property
    def is_detached(self) -> bool:
        """Return whether SQLAlchemy has dropped the connection."""
        return self.proxy.dbapi_connection is None


class _Waiting(Queue[ConnectionPoolEntry]):
    """A queue whose callers wait for a connection only until their deadline."""

    def get(self, block: bool = True, timeout: float | None = None) -> ConnectionPoolEntry:
        return super().get(block, None if timeout is None else limit(timeout))


class _QueuePool(QueuePool):
    # SQLAlchemy names its logger after the class; below "crm" it would log at INFO.
    __module__ = "sqlalchemy.pool"
    _queue_class = _Waiting


class IdentityPool:
    """One identity's connections.

    ``generation`` is increased when all existing connections become unusable.
    """

    def __init__(self, config: WarehouseConfig, identity: Identity, budget: Budget) -> None:
        self.generation = 0
        self._config = config
        self._identity = identity
        self._budget = budget
        self._retired = False
        # Locked while a connection is returned, so that a replaced queue receives none.
        self._lock = threading.Lock()
        self._queue: QueuePool = _QueuePool(
            # PooledConnection has the two methods of DBAPIConnection that QueuePool calls here.
            cast("Callable[[], DBAPIConnection]", self._connect),
            pool_size=config.pool_size,
            max_overflow=0,
            timeout=config.pool_timeout,
            recycle=config.connection_max_age,
            # Surplus sessions then stay idle until they are too old.
            use_lifo=True,
            # There are no transactions; the connector's rollback() raises.
            reset_on_return=None,
        )

    def _connect(self) -> PooledConnection:
        self._budget.acquire(limit(self._config.pool_timeout))
        try:
            connection = connect(self._config, self._identity, self.generation)
        except BaseException:
            self._budget.release()
            raise
        connection.on_close = self._budget.release
        return connection

    def check_out(self) -> Lease:
        """Return a usable connection. Raises PoolExhausted, or the error of opening one."""
        try:
            while True:
                queue = self._queue
                lease = Lease(queue.connect(), queue)
                if self._is_current(lease) and not lease.connection.has_expired:
                    return lease
                lease.proxy.invalidate()
        except sqlalchemy_errors.TimeoutError as error:
            size = self._config.pool_size
            raise PoolExhausted(f"none of {size} became free in time") from error
        except Exception as error:
            raise self._explain(translate(error)) from error

    def _explain(self, error: WarehouseError) -> WarehouseError:
        """Return the error of a failed connect; no statement was sent yet.

        The connector has tried several times. Another attempt helps only if the address may
        change, because a local warehouse has to be started again.
        """
        if isinstance(error, (Dropped, NotSent)):
            return NotSent() if self._config.starts_itself else Unavailable()
        return error

    def check_in(self, lease: Lease) -> None:
        """Take a connection back; close it if it must not be used again."""
        if lease.is_detached:
            return
        with self._lock:
            keep = self._is_current(lease) and not self._retired
            if keep and not (lease.connection.is_worn or lease.connection.has_expired):
                lease.proxy.close()
            else:
                lease.proxy.invalidate()
        self._budget.notify()

    def _is_current(self, lease: Lease) -> bool:
        return lease.queue is self._queue and lease.connection.generation == self.generation

    def give_up(self, generation: int) -> None:
        """Drop the connections of this generation; later calls for it do nothing."""
        if generation == self.generation:
            self.generation += 1

    def close_idle(self) -> int:
        """Close the idle connections and return their number."""
        with self._lock:
            old, self._queue = self._queue, self._queue.recreate()
            count = old.checkedin()
            old.dispose()
        return count

    def retire(self) -> None:
        """Close the idle connections now, and each of the others when it is returned."""
        self._retired = True
        self.close_idle()

    @property
    def in_use(self) -> int:
        return self._queue.checkedout()

    @property
    def idle(self) -> int:
        return self._queue.checkedin()
