"""Connections kept open between requests: one bounded pool per identity and process.

A new session costs 100 ms and more, and a connection may not be used by two threads at once
(the connector's ``threadsafety`` is 1). SQLAlchemy's QueuePool does the keeping; what is ours
is the identity as key, a limit over all identities (``budget.py``), the end of connections
with their token, errors of our own kind, and surviving a fork.
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


@dataclass(frozen=True)
class _Lease:
    """A connection that somebody uses, and the queue that it came from."""

    proxy: PoolProxiedConnection
    queue: QueuePool

    @property
    def connection(self) -> PooledConnection:
        return self.proxy.dbapi_connection


class _IdentityPool:
    """One identity's connections. ``generation`` grows when all existing ones are given up."""

    def __init__(self, config: WarehouseConfig, identity: Identity, budget: Budget) -> None:
        self.generation = 0
        self._config = config
        self._identity = identity
        self._budget = budget
        self._retired = False
        # Held while a connection comes back: a queue that is given up gets none any more.
        self._lock = threading.Lock()
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
        self._budget.take(self._config.pool_timeout)
        try:
            connection = connect(self._config, self._identity, self.generation)
        except BaseException:
            self._budget.give_back()
            raise
        connection.when_closed = self._budget.give_back
        return connection

    def check_out(self) -> _Lease:
        try:
            while True:
                queue = self._queue
                lease = _Lease(queue.connect(), queue)
                if self._is_current(lease) and not lease.connection.is_over:
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
        """Whatever broke while connecting: no statement was on its way yet.

        The connector has tried several times. Once more makes sense only where the address
        can be another one next time: a local warehouse that has to be started again.
        """
        if isinstance(error, (Dropped, NotSent)):
            return NotSent() if self._config.starts_itself else Unavailable()
        return error

    def check_in(self, lease: _Lease) -> None:
        if lease.connection is None:
            return
        with self._lock:
            keep = self._is_current(lease) and not self._retired
            if keep and not (lease.connection.is_worn or lease.connection.is_over):
                lease.proxy.close()
            else:
                lease.proxy.invalidate()
        self._budget.wake()

    def _is_current(self, lease: _Lease) -> bool:
        return lease.queue is self._queue and lease.connection.generation == self.generation

    def give_up(self, generation: int) -> None:
        """Give up what is of this generation: of many that notice a loss, the first does."""
        if generation == self.generation:
            self.generation += 1

    def close_idle(self) -> int:
        """Close the connections that nobody uses, and how many those were."""
        with self._lock:
            old, self._queue = self._queue, self._queue.recreate()
            count = old.checkedin()
            old.dispose()
        return count

    def retire(self) -> None:
        """Close the idle connections now, and each of the others as it comes back."""
        self._retired = True
        self.close_idle()

    @property
    def in_use(self) -> int:
        return self._queue.checkedout()

    @property
    def idle(self) -> int:
        return self._queue.checkedin()


class Pools:
    """All pools of this process, made as identities come.

    :param config: where to connect, and the pool's knobs (size, timeout, maximum age).
    """

    def __init__(self, config: WarehouseConfig) -> None:
        self.config = config
        self._start()
        _all_pools.add(self)

    def _start(self) -> None:
        # In the order of their last use.
        self._pools: OrderedDict[Identity, _IdentityPool] = OrderedDict()
        self._lock = threading.Lock()
        self._budget = Budget(self.config.pool_total, self._close_longest_unused)
        self._keeper: threading.Thread | None = None

    @contextmanager
    def connection(self, identity: Identity) -> Iterator[PooledConnection]:
        """A connection of this identity, for one thread, given back at the end.

        Raises PoolExhausted when none becomes free in time, and whatever keeps a new one
        from being opened (Unavailable, Starting, SignInFailed, …).
        """
        if _has_ended(identity):
            raise SignInAgain()
        pool = self._pool(identity)
        lease = pool.check_out()
        try:
            yield lease.connection
        finally:
            pool.check_in(lease)

    def invalidate(self, identity: Identity, connection: PooledConnection | None = None) -> None:
        """Use no connection of this identity again, or none as old as ``connection``.

        Those in use finish their statement; each is closed as it comes by.
        """
        pool = self._pool(identity)
        pool.give_up(connection.generation if connection else pool.generation)

    def dispose(self) -> None:
        """Close every idle connection, now."""
        with self._lock:
            pools, self._pools = list(self._pools.values()), OrderedDict()
        for pool in pools:
            pool.retire()

    def in_use(self, identity: Identity) -> int:
        return self._pool(identity).in_use

    @property
    def open(self) -> int:
        """Connections that are open, over all identities."""
        return self._budget.taken

    def _pool(self, identity: Identity) -> _IdentityPool:
        old: list[_IdentityPool] = []
        with self._lock:
            pool = self._pools.get(identity)
            if pool is None:
                old = self._take_out(identity.replaces)
                pool = _IdentityPool(self.config, identity, self._budget)
                self._pools[identity] = pool
                self._keep_time(identity)
            self._pools.move_to_end(identity)
        for other in old:
            other.retire()
        return pool

    def _take_out(self, wanted: Callable[[Identity], bool]) -> list[_IdentityPool]:
        return [self._pools.pop(other) for other in list(self._pools) if wanted(other)]

    def _close_longest_unused(self) -> bool:
        """Make room for another identity's connection; whether there was anything to close."""
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

    def _keep_time(self, identity: Identity) -> None:
        """See to it that connections close when their token ends, even if nobody comes by."""
        if identity.ends_at is None or (self._keeper and self._keeper.is_alive()):
            return
        self._keeper = threading.Thread(
            target=_close_ended, args=(weakref.ref(self),), daemon=True, name="token-ends"
        )
        self._keeper.start()

    def close_ended(self) -> bool:
        """Close the connections of tokens that have ended; whether others may end, too."""
        with self._lock:
            old = self._take_out(_has_ended)
            others = any(identity.ends_at is not None for identity in self._pools)
            if not others:
                self._keeper = None
        for pool in old:
            pool.retire()
        return others

    def _forget(self) -> None:
        """In a forked child: leave the parent's connections alone, sockets and all.

        They are kept, unused, since collecting them would close the parent's sessions
        (``Connection.__del__`` talks to the server).
        """
        _inherited.append(self._pools)
        self._start()


def _has_ended(identity: Identity) -> bool:
    return identity.ends_at is not None and time.time() >= identity.ends_at


def _close_ended(reference: weakref.ref[Pools]) -> None:
    while True:
        time.sleep(1.0)
        pools = reference()
        if pools is None or not pools.close_ended():
            return
        del pools


_all_pools: weakref.WeakSet[Pools] = weakref.WeakSet()
_inherited: list[OrderedDict[Identity, _IdentityPool]] = []


def _after_fork() -> None:
    for pools in _all_pools:
        pools._forget()


os.register_at_fork(after_in_child=_after_fork)
