"""Stop a statement from another thread."""

from __future__ import annotations

import threading
from typing import Protocol

from local_warehouse.errors import Cancelled


class Answer(Protocol):
    """The method of the engine's running answer that cancelling calls."""

    def cancel(self) -> None: ...


class Cancellation:
    """Lets another thread stop a statement that waits for a lock or runs.

    The engine (0.7.2) confirms a cancellation at once, but continues the work in the background.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._answer: Answer | None = None

    @property
    def requested(self) -> bool:
        return self._event.is_set()

    def request(self) -> None:
        """Cancel the statement, now or when it reaches the engine."""
        with self._lock:
            self._event.set()
            if self._answer is not None:
                self._answer.cancel()

    def wait(self, seconds: float) -> None:
        """Sleep. Raises Cancelled as soon as a cancellation is requested."""
        if self._event.wait(seconds):
            raise Cancelled

    def attach(self, answer: Answer | None) -> None:
        """Set the engine's answer that a request cancels; None when the statement is done."""
        with self._lock:
            self._answer = answer
        if answer is not None and self.requested:
            answer.cancel()
            raise Cancelled
