"""Pools of open connections: one bounded pool per identity and process.

A new session costs 100 ms and more, and two threads may not use one connection at once (the
connector's ``threadsafety`` is 1). SQLAlchemy's QueuePool holds the connections. This module
adds: a pool per identity, a limit over all identities (``budget.py``), closing connections
when their token expires, our own errors, and safety after a fork.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from sqlalchemy import exc as sqlalchemy_errors
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from .budget import Budget
from .config import WarehouseConfig
from .connector import PooledConnection, connect
from .credentials import Identity
from .errors import (
    Dropped,
    NotSent,
    PoolExhausted,
    SignInAgain,
    Unavailable,
    WarehouseError,
    translate,
)

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection


@dataclass(frozen=True)
class _Lease:
    """A connection in use, and the queue that it came from."""

    proxy: PoolProxiedConnection
    queue: QueuePool

    @property
    def connection(self) -> PooledConnection:
        # SQLAlchemy types it as any DBAPI connection; ours come from ``_connect``.
        return cast(PooledConnection, self.proxy.dbapi_connection)

    @property
    def is_detached(self) -> bool:
        """Whether SQLAlchemy has dropped the connection."""
        return self.proxy.dbapi_connection is None


class _IdentityPool:
    """One identity's connections.

    ``generation`` grows when all existing connections become unusable.
    """

    def __init__(self, config: WarehouseConfig, identity: Identity, budget: Budget) -> None:
        self.generation = 0
        self._config = config
        self._identity = identity
        self._budget = budget
        self._retired = False
        # Held while a connection is returned, so that a replaced queue receives none.
        self._lock = threading.Lock()
        self._queue = QueuePool(
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
        self._budget.acquire(self._config.pool_timeout)
        try:
            connection = connect(self._config, self._identity, self.generation)
        except BaseException:
            self._budget.release()
            raise
        connection.on_close = self._budget.release
        return connection

    def check_out(self) -> _Lease:
        """Return a usable connection. Raises PoolExhausted, or why none could be opened."""
        try:
            while True:
                queue = self._queue
                lease = _Lease(queue.connect(), queue)
                if self._is_current(lease) and not lease.connection.has_expired:
                    return lease
                lease.proxy.invalidate()
        except sqlalchemy_errors.TimeoutError as error:
            config = self._config
            raise PoolExhausted(
                f"none of {config.pool_size} became free within {config.pool_timeout:g} s"
            ) from error
        except Exception as error:
            raise self._explain(translate(error)) from error

    def _explain(self, error: WarehouseError) -> WarehouseError:
        """Return the error of a failed connect; no statement was sent yet.

        The connector has tried several times. Another attempt helps only where the address may
        change: a local warehouse that has to be started again.
        """
        if isinstance(error, (Dropped, NotSent)):
            return NotSent() if self._config.starts_itself else Unavailable()
        return error

    def check_in(self, lease: _Lease) -> None:
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

    def _is_current(self, lease: _Lease) -> bool:
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


class Pools:
    """All pools of this process; each is made when its identity first connects.

    :param config: the warehouse and the limits (sizes, timeout, maximum age).
    """

    def __init__(self, config: WarehouseConfig) -> None:
        self.config = config
        self._start()
        _all_pools.add(self)

    def _start(self) -> None:
        # Ordered by last use.
        self._pools: OrderedDict[Identity, _IdentityPool] = OrderedDict()
        self._lock = threading.Lock()
        self._budget = Budget(self.config.pool_total, self._close_longest_unused)
        self._closer: threading.Thread | None = None

    @contextmanager
    def connection(self, identity: Identity) -> Iterator[PooledConnection]:
        """Lend one thread a connection of this identity.

        Raises PoolExhausted if none becomes free in time, or the error that prevents a new
        connection (Unavailable, Starting, SignInFailed, …).
        """
        if _has_expired(identity):
            raise SignInAgain()
        pool = self._pool(identity)
        lease = pool.check_out()
        try:
            yield lease.connection
        finally:
            pool.check_in(lease)

    def invalidate(self, identity: Identity, connection: PooledConnection | None = None) -> None:
        """Stop using all connections of this identity, or all as old as ``connection``.

        Connections in use finish their statement and are closed when they are returned.
        """
        pool = self._pool(identity)
        pool.give_up(connection.generation if connection else pool.generation)

    def dispose(self) -> None:
        """Close every idle connection now, the others when they are returned."""
        with self._lock:
            pools, self._pools = list(self._pools.values()), OrderedDict()
        for pool in pools:
            pool.retire()

    def in_use(self, identity: Identity) -> int:
        return self._pool(identity).in_use

    @property
    def open(self) -> int:
        """The number of open connections, over all identities."""
        return self._budget.open

    def _pool(self, identity: Identity) -> _IdentityPool:
        old: list[_IdentityPool] = []
        with self._lock:
            pool = self._pools.get(identity)
            if pool is None:
                old = self._remove(identity.replaces)
                pool = _IdentityPool(self.config, identity, self._budget)
                self._pools[identity] = pool
                self._watch_expiry(identity)
            self._pools.move_to_end(identity)
        for other in old:
            other.retire()
        return pool

    def _remove(self, matches: Callable[[Identity], bool]) -> list[_IdentityPool]:
        return [self._pools.pop(other) for other in list(self._pools) if matches(other)]

    def _close_longest_unused(self) -> bool:
        """Close the idle connections of the identity that has been unused for longest.

        Returns whether there was one with idle connections.
        """
        with self._lock:
            pools = list(self._pools.items())
        for identity, pool in pools:
            if pool.idle and pool.close_idle():
                with self._lock:
                    if not pool.in_use and self._pools.get(identity) is pool:
                        del self._pools[identity]
                        pool.retire()
                return True
        return False

    def _watch_expiry(self, identity: Identity) -> None:
        """Close connections when their token expires, also while no request comes."""
        if identity.ends_at is None or (self._closer and self._closer.is_alive()):
            return
        self._closer = threading.Thread(
            target=_close_expired, args=(weakref.ref(self),), daemon=True, name="token-expiry"
        )
        self._closer.start()

    def close_expired(self) -> bool:
        """Close the connections of expired tokens; return whether more tokens can expire."""
        with self._lock:
            old = self._remove(_has_expired)
            others = any(identity.ends_at is not None for identity in self._pools)
            if not others:
                self._closer = None
        for pool in old:
            pool.retire()
        return others

    def _forget(self) -> None:
        """Start anew in a forked child, without touching the parent's connections.

        We keep a reference to them: collecting them as garbage would close the parent's
        sessions, since ``Connection.__del__`` sends a request.
        """
        _inherited.append(self._pools)
        self._start()


def _has_expired(identity: Identity) -> bool:
    return identity.ends_at is not None and time.time() >= identity.ends_at


def _close_expired(reference: weakref.ref[Pools]) -> None:
    while True:
        time.sleep(1.0)
        pools = reference()
        if pools is None or not pools.close_expired():
            return
        del pools


_all_pools: weakref.WeakSet[Pools] = weakref.WeakSet()
_inherited: list[OrderedDict[Identity, _IdentityPool]] = []


def _after_fork() -> None:
    for pools in _all_pools:
        pools._forget()


os.register_at_fork(after_in_child=_after_fork)
