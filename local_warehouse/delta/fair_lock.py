"""A lock whose waiters come in the order in which they asked, and may give up."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from local_warehouse.engine import Cancellation
from local_warehouse.errors import Cancelled

_GLANCE = 0.1


class Turns:
    """``threading.Lock`` lets whoever comes by go first; under load some then wait forever."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Event] = deque()

    @contextmanager
    def mine(self, cancellation: Cancellation) -> Iterator[None]:
        """Hold the turn within the block; raises Cancelled while waiting for it."""
        self._wait(cancellation)
        try:
            yield
        finally:
            self._pass_on()

    def _wait(self, cancellation: Cancellation) -> None:
        with self._lock:
            if not self._taken:
                self._taken = True
                return
            turn = threading.Event()
            self._waiting.append(turn)
        while not turn.wait(_GLANCE):
            if cancellation.requested:
                self._leave(turn)
                raise Cancelled

    def _leave(self, turn: threading.Event) -> None:
        with self._lock:
            if not turn.is_set():
                self._waiting.remove(turn)
                return
        self._pass_on()  # it came just now

    def _pass_on(self) -> None:
        """The turn goes from hand to hand: it is free only where nobody waits."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False
