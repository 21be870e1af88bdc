"""The limit on the connections that one process has open, over all identities."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from .errors import PoolExhausted


class Budget:
    """Counts open connections and makes callers wait when there are too many.

    :param total: the largest number of open connections.
    :param make_room: closes idle connections and returns whether there were any.
    """

    def __init__(self, total: int, make_room: Callable[[], bool]) -> None:
        self.total = total
        self.open = 0
        self._make_room = make_room
        self._changed = threading.Condition()

    def acquire(self, timeout: float) -> None:
        """Count one more connection.

        Raises PoolExhausted if the limit still holds after ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        while not self._try_acquire():
            # The lock must be free here: closing a connection calls ``release`` and takes other
            # locks.
            if self._make_room():
                continue
            with self._changed:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise PoolExhausted(f"all {self.total} connections of this process are busy")
                if self.open >= self.total:
                    # ``release`` and ``notify`` end the wait early.
                    self._changed.wait(min(left, 0.5))

    def _try_acquire(self) -> bool:
        with self._changed:
            if self.open >= self.total:
                return False
            self.open += 1
            return True

    def release(self) -> None:
        """Count one connection less."""
        with self._changed:
            self.open -= 1
            self._changed.notify()

    def notify(self) -> None:
        """Tell one waiting caller that a connection became idle, so that it can be closed."""
        with self._changed:
            self._changed.notify()
