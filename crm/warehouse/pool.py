"""Connections kept open between requests: one bounded pool per identity and process.

A new session costs 100 ms and more, and a connection may not be used by two threads at once
(the connector's ``threadsafety`` is 1). SQLAlchemy's QueuePool does the keeping; what is ours
is the identity as key, errors of our own kind, and surviving a fork.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc as sqlalchemy_errors
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from .config import WarehouseConfig
from .connector import PooledConnection, connect
from .credentials import Identity
from .errors import (
    Dropped,
    NotSent,
    PoolExhausted,
    Unavailable,
    WarehouseError,
    translate,
)


class _IdentityPool:
    """One identity's connections. ``generation`` grows when all existing ones are given up."""

    def __init__(self, config: WarehouseConfig, identity: Identity) -> None:
        self.generation = 0
        self._config = config
        self._identity = identity
        self._queue = QueuePool(
            self._connect,
            pool_size=config.pool_size,
            max_overflow=0,
            timeout=config.pool_timeout,
            recycle=config.connection_max_age,
            # Spare sessions then idle until they are too old, instead of all staying warm.
            use_lifo=True,
            # There are no transactions to roll back; rollback() raises in the connector.
            reset_on_return=None,
        )

    def _connect(self) -> PooledConnection:
        return connect(self._config, self._identity, self.generation)

    def check_out(self) -> PoolProxiedConnection:
        try:
            while True:
                proxy = self._queue.connect()
                if self.is_current(proxy):
                    return proxy
                proxy.invalidate()
        except sqlalchemy_errors.TimeoutError as error:
            config = self._config
            raise PoolExhausted(
                f"none of {config.pool_size} became free within {config.pool_timeout:g} s"
            ) from error
        except Exception as error:
            raise self._explain(translate(error)) from error

    def _explain(self, error: WarehouseError) -> WarehouseError:
        """Whatever broke while connecting: no statement was on its way yet.

        The connector has tried several times. Once more makes sense only where the address
        can be another one next time: a local warehouse that has to be started again.
        """
        if isinstance(error, (Dropped, NotSent)):
            return NotSent() if self._config.starts_itself else Unavailable()
        return error

    def check_in(self, proxy: PoolProxiedConnection) -> None:
        if proxy.dbapi_connection is None:
            return
        if self.is_current(proxy) and not proxy.dbapi_connection.is_worn:
            proxy.close()
        else:
            proxy.invalidate()

    def is_current(self, proxy: PoolProxiedConnection) -> bool:
        return proxy.dbapi_connection.generation == self.generation

    def give_up(self, generation: int) -> None:
        """Give up what is of this generation: of many that notice a loss, the first does."""
        if generation == self.generation:
            self.generation += 1

    def dispose(self) -> None:
        self.generation += 1
        self._queue.dispose()

    @property
    def in_use(self) -> int:
        return self._queue.checkedout()


class Pools:
    """All pools of this process, made as identities come.

    :param config: where to connect, and the pool's knobs (size, timeout, maximum age).
    """

    def __init__(self, config: WarehouseConfig) -> None:
        self.config = config
        self._pools: dict[Identity, _IdentityPool] = {}
        self._lock = threading.Lock()
        _all_pools.add(self)

    @contextmanager
    def connection(self, identity: Identity) -> Iterator[PooledConnection]:
        """A connection of this identity, for one thread, given back at the end.

        Raises PoolExhausted when none becomes free in time, and whatever keeps a new one
        from being opened (Unavailable, Starting, SignInFailed, …).
        """
        pool = self._pool(identity)
        proxy = pool.check_out()
        try:
            yield proxy.dbapi_connection
        finally:
            pool.check_in(proxy)

    def invalidate(self, identity: Identity, connection: PooledConnection | None = None) -> None:
        """Use no connection of this identity again, or none as old as ``connection``.

        Those in use finish their statement; each is closed as it comes by.
        """
        pool = self._pool(identity)
        pool.give_up(connection.generation if connection else pool.generation)

    def dispose(self) -> None:
        """Close every idle connection, now."""
        with self._lock:
            pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            pool.dispose()

    def in_use(self, identity: Identity) -> int:
        return self._pool(identity).in_use

    def _pool(self, identity: Identity) -> _IdentityPool:
        with self._lock:
            if identity not in self._pools:
                self._pools[identity] = _IdentityPool(self.config, identity)
            return self._pools[identity]

    def _forget(self) -> None:
        """In a forked child: leave the parent's connections alone, sockets and all.

        They are kept, unused, since collecting them would close the parent's sessions
        (``Connection.__del__`` talks to the server).
        """
        _inherited.append(self._pools)
        self._pools = {}
        self._lock = threading.Lock()


_all_pools: weakref.WeakSet[Pools] = weakref.WeakSet()
_inherited: list[dict[Identity, _IdentityPool]] = []


def _after_fork() -> None:
    for pools in _all_pools:
        pools._forget()


os.register_at_fork(after_in_child=_after_fork)
