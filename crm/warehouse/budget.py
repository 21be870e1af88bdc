"""How many connections one process may have open over all identities."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from .errors import PoolExhausted


class Budget:
    """Counts open connections.

    :param total: how many there may be.
    :param make_room: closes connections that nobody uses; whether there were any.
    """

    def __init__(self, total: int, make_room: Callable[[], bool]) -> None:
        self.total = total
        self.taken = 0
        self._make_room = make_room
        self._changed = threading.Condition()

    def take(self, timeout: float) -> None:
        """Count one more. Raises PoolExhausted when none may be opened within ``timeout``."""
        deadline = time.monotonic() + timeout
        while not self._take():
            # Without our lock: closing gives back, and asks for locks of its own.
            if self._make_room():
                continue
            with self._changed:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise PoolExhausted(f"all {self.total} connections of this process are busy")
                if self.taken >= self.total:
                    # Woken when one is closed, or comes back and could be.
                    self._changed.wait(min(left, 0.5))

    def _take(self) -> bool:
        with self._changed:
            if self.taken >= self.total:
                return False
            self.taken += 1
            return True

    def give_back(self) -> None:
        with self._changed:
            self.taken -= 1
            self._changed.notify()

    def wake(self) -> None:
        with self._changed:
            self._changed.notify()
