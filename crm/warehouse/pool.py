"""Pools of open connections: one bounded pool per identity and process.

A new session costs 100 ms and more, and two threads may not use one connection at once (the
connector's ``threadsafety`` is 1). SQLAlchemy's QueuePool holds the connections. This module
adds: a pool per identity, a limit over all identities (``budget.py``), closing connections
when their token expires, our own errors, and safety after a fork.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from databricks.sql.backend.types import CommandId

from . import usage
from .breaker import Breaker
from .budget import Budget
from .config import WarehouseConfig
from .connector import PooledConnection, connect
from .credentials import Identity
from .deadline import Deadline, watch
from .errors import SignInAgain, WarehouseError
from .identity_pool import IdentityPool
from .translate import translate
from .transport import has_passed

logger = logging.getLogger("crm.warehouse")

# Seconds for which a probe waits; a warehouse may need some time to open a session.
PROBE_SECONDS = 10.0


class Pools:
    """All pools of this process; each is made when its identity first connects.

    :param config: the warehouse and the limits (sizes, timeout, maximum age).
    """

    def __init__(self, config: WarehouseConfig) -> None:
        self.config = config
        self._bulk: Pools | None = None
        self._is_tagging = config.query_tags
        self._start()
        _all_pools.add(self)

    def _start(self) -> None:
        # Ordered by last use.
        self._pools: OrderedDict[Identity, IdentityPool] = OrderedDict()
        self._lock = threading.Lock()
        self._budget = Budget(self.config.pool_total, self._close_longest_unused)
        self._closer: threading.Thread | None = None
        self.breaker = Breaker(self._probe)

    def _probe(self, identity: Identity) -> None:
        """Open a session and close it. Raises WarehouseError."""
        # One retry is the connector's minimum.
        config = replace(self.config, retries=1)
        with watch(Deadline.after(PROBE_SECONDS)):
            try:
                connect(config, identity).close()
            except Exception as error:
                raise translate(error) from error

    @contextmanager
    def connection(self, identity: Identity) -> Iterator[PooledConnection]:
        """Lend one thread a connection of this identity.

        Raises PoolExhausted if none becomes free in time, or the error that prevents a new
        connection (Unavailable, Starting, SignInFailed, …).
        """
        if _has_expired(identity):
            raise SignInAgain()
        pool, started = self._pool(identity), time.monotonic()
        try:
            lease = pool.check_out()
        finally:
            usage.note_wait(time.monotonic() - started)
        try:
            yield lease.connection
        finally:
            pool.check_in(lease)

    def query_tags(self) -> dict[str, str | None] | None:
        """Return the tags of a statement, which system.query.history shows; None if tags are
        off."""
        return usage.tags() if self._is_tagging else None

    def stops_tagging(self, error: WarehouseError) -> bool:
        """Return whether a statement was refused because of its tags, and switch tags off if so.

        A workspace without that preview refuses them (https://github.com/rilldata/rill/pull/9852).
        """
        if error.error_class != "CONFIG_NOT_AVAILABLE":
            return False
        if self._is_tagging:
            self._is_tagging = False
            logger.warning("The warehouse takes no query tags: statements are sent without")
        return True

    def cancel(self, identity: Identity, command: CommandId) -> None:
        """Cancel a statement of this identity. Raises WarehouseError."""
        with self.connection(identity) as connection:
            try:
                connection.cancel(command)
            except Exception as error:
                connection.mark_lost()
                raise translate(error) from error

    def invalidate(self, identity: Identity, connection: PooledConnection | None = None) -> None:
        """Stop using all connections of this identity, or all as old as ``connection``.

        Connections in use finish their statement and are closed when they are returned.
        """
        pool = self._pool(identity)
        pool.give_up(connection.generation if connection else pool.generation)

    def for_bulk(self) -> Pools:
        """Return separate pools for bulk work, because the time limit belongs to the session."""
        if self.config.is_bulk:
            return self
        with self._lock:
            self._bulk = self._bulk or Pools(replace(self.config, is_bulk=True))
            return self._bulk

    def with_bulk(self) -> list[Pools]:
        """Return these pools and, once there are some, those for bulk work."""
        return [self, self._bulk] if self._bulk else [self]

    def dispose(self) -> None:
        """Close every idle connection now, the others when they are returned."""
        if self._bulk:
            self._bulk.dispose()
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

    def _pool(self, identity: Identity) -> IdentityPool:
        old: list[IdentityPool] = []
        with self._lock:
            pool = self._pools.get(identity)
            if pool is None:
                old = self._remove(identity.replaces)
                pool = IdentityPool(self.config, identity, self._budget)
                self._pools[identity] = pool
                self._watch_expiry(identity)
            self._pools.move_to_end(identity)
        for other in old:
            other.retire()
        return pool

    def _remove(self, matches: Callable[[Identity], bool]) -> list[IdentityPool]:
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
        """Close connections when their token expires, even if no request comes."""
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
        """Start with empty pools in a forked child, without touching the parent's connections.

        We keep a reference to them: collecting them as garbage would close the parent's
        sessions, since ``Connection.__del__`` sends a request.
        """
        _inherited.append(self._pools)
        self._start()


def _has_expired(identity: Identity) -> bool:
    return identity.ends_at is not None and has_passed(identity.ends_at)


def _close_expired(reference: weakref.ref[Pools]) -> None:
    while True:
        time.sleep(1.0)
        pools = reference()
        if pools is None or not pools.close_expired():
            return
        del pools


_all_pools: weakref.WeakSet[Pools] = weakref.WeakSet()
_inherited: list[OrderedDict[Identity, IdentityPool]] = []


def _after_fork() -> None:
    for pools in _all_pools:
        pools._forget()


os.register_at_fork(after_in_child=_after_fork)
