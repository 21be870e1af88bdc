"""A lock that serves threads in the order in which they asked; a thread may stop waiting."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from local_warehouse.cancellation import Cancellation
from local_warehouse.errors import Cancelled

_CHECK_SECONDS = 0.1


class FairLock:
    """A first-come, first-served lock.

    ``threading.Lock`` keeps no order, so that under load some waiters would never get it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_held = False
        self._waiting: deque[threading.Event] = deque()

    @property
    def users(self) -> int:
        """The number of threads that hold the lock or wait for it."""
        with self._lock:
            return self._is_held + len(self._waiting)

    @contextmanager
    def hold(self, cancellation: Cancellation) -> Iterator[None]:
        """Hold the lock within the block. Raises Cancelled while waiting for it."""
        self._acquire(cancellation)
        try:
            yield
        finally:
            self._release()

    def _acquire(self, cancellation: Cancellation) -> None:
        with self._lock:
            if not self._is_held:
                self._is_held = True
                return
            passed_on = threading.Event()
            self._waiting.append(passed_on)
        while not passed_on.wait(_CHECK_SECONDS):
            if cancellation.requested:
                self._give_up(passed_on)
                raise Cancelled

    def _give_up(self, passed_on: threading.Event) -> None:
        with self._lock:
            if not passed_on.is_set():
                self._waiting.remove(passed_on)
                return
        self._release()  # the lock was passed to this waiter at the last moment

    def _release(self) -> None:
        """Pass the lock to the next waiter; it becomes free only if nobody waits."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._is_held = False
