"""Let statements fail at once while the warehouse does not answer.

It opens when the warehouse refuses a connection, or does not respond at all until a request's
deadline. A slow statement does not open it: while one runs, the warehouse answers the connector
every few seconds. While it is open, requests start probes, one at a time; the first answer of any
kind closes it. Without requests there are no probes, so that the warehouse can stop.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from .credentials import Identity
from .errors import Dropped, NotSent, TimeIsUp, Unavailable, WarehouseError

logger = logging.getLogger("crm.warehouse")

# Seconds from the start of one probe to the start of the next.
PROBE_INTERVAL = 3.0
# Seconds for which requests wait for a probe that has just begun.
PATIENCE = 0.4
# The shortest silence, in seconds, that counts as a hang.
SILENCE = 0.5


def is_silent(error: WarehouseError) -> bool:
    """Return whether the error means that the warehouse did not answer."""
    # Compare the class: Starting and others derive from Unavailable, but are answers.
    return isinstance(error, (TimeIsUp, Dropped, NotSent)) or is_refusal(error)


def is_refusal(error: WarehouseError) -> bool:
    """Return whether there was no connection to the warehouse."""
    return type(error) in (Unavailable, NotSent) and not error.sqlstate


class Breaker:
    """The breaker of one process and one warehouse.

    :param probe: connects as an identity; raises WarehouseError.
    """

    def __init__(self, probe: Callable[[Identity], None]) -> None:
        self.is_open = False
        self._probe = probe
        self._probe_done: threading.Event | None = None  # of the running probe
        self._probed_at = float("-inf")
        self._answered_at = float("-inf")
        self._lock = threading.Lock()

    def require_closed(self, identity: Identity) -> None:
        """Raises Unavailable while it is open, after at most ``PATIENCE`` seconds."""
        if not self.is_open:
            return
        if done := self._start_probe(identity):
            done.wait(max(0.0, self._probed_at + PATIENCE - time.monotonic()))
        if self.is_open:
            raise Unavailable("it did not answer before, so nothing was sent")

    def note_answer(self) -> None:
        """Close the breaker, since the warehouse has answered."""
        self._answered_at = time.monotonic()
        if self.is_open:
            self.is_open = False
            logger.warning("The warehouse answers again")

    def note_silence(self, identity: Identity, began: float, answered_at: float) -> None:
        """Open the breaker if the warehouse was silent for the second half of a request's time.

        :param began: when the statement began, in seconds of ``time.monotonic()``.
        :param answered_at: when the warehouse last answered the statement's HTTP requests.
        """
        now = time.monotonic()
        silence = now - max(began, answered_at, self._answered_at)
        if silence >= max(SILENCE, (now - began) / 2):
            self.open(identity)

    def open(self, identity: Identity) -> None:
        """Open, and start a probe."""
        if not self.is_open:
            self.is_open = True
            logger.warning("The warehouse does not answer: statements fail until a probe succeeds")
        self._start_probe(identity)

    def _start_probe(self, identity: Identity) -> threading.Event | None:
        """Return the end of the running probe; start one if its time has come."""
        with self._lock:
            if self._probe_done or time.monotonic() < self._probed_at + PROBE_INTERVAL:
                return self._probe_done
            self._probed_at = time.monotonic()
            self._probe_done = done = threading.Event()
        thread = threading.Thread(
            target=self._run_probe, args=(identity, done), daemon=True, name="probe"
        )
        thread.start()
        return done

    def _run_probe(self, identity: Identity, done: threading.Event) -> None:
        try:
            self._probe(identity)
        except WarehouseError as error:
            answered = not is_silent(error)
        else:
            answered = True
        if answered:
            self.note_answer()
        with self._lock:
            self._probe_done = None
        done.set()
