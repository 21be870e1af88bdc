"""Whether the warehouse runs. It starts and stops only on request, never by itself."""

from __future__ import annotations

import threading
import time

STATES = ("STARTING", "RUNNING", "STOPPING", "STOPPED", "DELETING", "DELETED")


class StartStop:
    """The warehouse's state: after ``start``, STARTING for ``start_seconds``, then RUNNING."""

    def __init__(self) -> None:
        self.start_seconds = 0.0
        self._state = "RUNNING"
        self._ready_at = 0.0
        self._lock = threading.Lock()

    @property
    def state(self) -> str:
        with self._lock:
            if self._state == "STARTING" and time.monotonic() >= self._ready_at:
                self._state = "RUNNING"
            return self._state

    @property
    def is_running(self) -> bool:
        return self._state == "RUNNING" or self.state == "RUNNING"

    def set_state(self, state: str) -> None:
        """Set a state, which stays until it is changed. Raises ValueError for an unknown one."""
        if state not in STATES:
            raise ValueError(f"unknown state {state!r}; known are {', '.join(STATES)}")
        with self._lock:
            self._state, self._ready_at = state, float("inf")

    def start(self) -> None:
        with self._lock:
            if self._state != "RUNNING":
                self._state = "STARTING"
                self._ready_at = time.monotonic() + self.start_seconds
