"""The time by which a request must have its answer from the warehouse, on the wall clock.

One deadline covers waiting for a connection, connecting, retries and every statement. Time limits
of a socket are not enough: they begin anew with each byte, so a server that sends one byte a
second would never reach them. ``watch`` therefore shuts the sockets down when the time is up.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from .errors import TimeIsUp


@dataclass(frozen=True)
class Deadline:
    """A moment, in seconds of ``time.monotonic()``."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        return cls(time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Return the seconds until the deadline; 0 if it has passed."""
        return max(0.0, self.at - time.monotonic())


class Connection(Protocol):
    """An HTTP connection; its socket is None until it is connected."""

    @property
    def watched_socket(self) -> socket.socket | None: ...


class Watch:
    """The connections that one attempt at a statement uses.

    ``answered_at`` is when the last answer to one of its HTTP requests began.
    """

    def __init__(self, deadline: Deadline) -> None:
        self.deadline = deadline
        self.answered_at = float("-inf")
        self._connections: list[Connection] = []
        self._is_up = False
        self._lock = threading.Lock()

    def add(self, connection: Connection) -> None:
        """Watch a connection. Raises TimeIsUp."""
        with self._lock:
            if self._is_up:
                raise TimeIsUp()
            self._connections.append(connection)

    def end(self) -> None:
        with self._lock:
            self._is_up = True
            for connection in self._connections:
                if found := connection.watched_socket:
                    # The method of the plain socket: an SSL socket would change its state
                    # while another thread reads from it.
                    with suppress(OSError):
                        socket.socket.shutdown(found, socket.SHUT_RDWR)


_current: ContextVar[Watch | None] = ContextVar("watch", default=None)


@contextmanager
def watch(deadline: Deadline | None) -> Iterator[Watch | None]:
    """Apply the deadline to this thread's connections. Raises TimeIsUp if it has passed."""
    if deadline is None:
        yield None
        return
    if not deadline.left:
        raise TimeIsUp()
    watching = Watch(deadline)
    timer = threading.Timer(deadline.left, watching.end)
    timer.daemon = True
    timer.start()
    token = _current.set(watching)
    try:
        yield watching
    finally:
        _current.reset(token)
        timer.cancel()


def use(connection: Connection) -> None:
    """Let the current deadline end this connection. Raises TimeIsUp if it has passed."""
    if watching := _current.get():
        watching.add(connection)


@contextmanager
def answering() -> Iterator[None]:
    """Note when an HTTP answer begins. Raises TimeIsUp if the deadline has ended the connection.

    The connector would take an error of the connection for a passing one, and wait five seconds
    to ask for the statement's state again.
    """
    watching = _current.get()
    try:
        yield
    except Exception as error:
        if watching and not watching.deadline.left:
            raise TimeIsUp() from error
        raise
    if watching:
        watching.answered_at = time.monotonic()


def limit(seconds: float) -> float:
    """Return the seconds, or those until the current deadline if these are fewer."""
    watching = _current.get()
    return min(seconds, watching.deadline.left) if watching else seconds
