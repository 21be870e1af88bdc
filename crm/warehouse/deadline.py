"""The time by which a request must have its answer from the warehouse, on the wall clock.

One deadline covers waiting for a connection, connecting, retries and every statement. Socket
timeouts are not enough: they restart with each byte, so a server that sends one byte a second
would never reach them. So ``watch`` shuts the sockets down when the time is up. It also cancels a
read when the browser has closed the request's connection.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol, TypeVar

from .errors import TimeIsUp

Result = TypeVar("Result")

# The seconds between two checks whether the browser has disconnected, or the process has to end.
LOOK_INTERVAL = 0.5


@dataclass(frozen=True)
class Deadline:
    """A moment, in seconds of ``time.monotonic()``.

    ``client`` is the socket to the browser, for a request that only reads.
    """

    at: float
    client: socket.socket | None = None

    @classmethod
    def after(cls, seconds: float, client: socket.socket | None = None) -> Deadline:
        return cls(time.monotonic() + seconds, client)

    @property
    def left(self) -> float:
        """Return the seconds until the deadline; 0 if it has passed."""
        return max(0.0, self.at - time.monotonic())

    @property
    def has_left(self) -> bool:
        """Return whether the browser has closed the connection."""
        if self.client is None:
            return False
        try:
            return self.client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


class Connection(Protocol):
    """An HTTP connection; its socket is None until it is connected."""

    @property
    def watched_socket(self) -> socket.socket | None: ...


class Watch:
    """The connections that one attempt at a statement uses.

    ``answered_at`` is when the last answer to one of its HTTP requests began. ``cancel`` tries to
    cancel the statement and returns whether it could; it is called when the browser has
    disconnected. ``answer_seconds`` limits each HTTP answer if there is no deadline, else it is 0.
    """

    cancel: Callable[[], bool] | None = None

    def __init__(
        self, deadline: Deadline, *, is_read: bool = False, answer_seconds: float = 0.0
    ) -> None:
        self.deadline = deadline
        self.is_read = is_read
        self.answer_seconds = answer_seconds
        self.answered_at = float("-inf")
        self._connections: list[Connection] = []
        self._is_up = False
        self._lock = threading.Lock()
        self._is_done = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True, name="deadline").start()

    def stop(self) -> None:
        """Stop watching the connections, which others may use from now on."""
        with self._lock:
            self._connections.clear()
        self._is_done.set()

    def _run(self) -> None:
        while left := self.deadline.left:
            if self._is_done.wait(min(left, LOOK_INTERVAL)):
                return
            if self.is_read and have_reads_ended():
                break
            if self.cancel and self.deadline.has_left and self.cancel():
                self.cancel = None
        self.end()

    def add(self, connection: Connection) -> None:
        """Watch a connection. Raises TimeIsUp."""
        with self._lock:
            if self._is_up:
                raise TimeIsUp()
            if self.answer_seconds:
                self.deadline = Deadline.after(self.answer_seconds)
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


class _Stop:
    """The time at which the process ends its reads, in seconds of ``time.monotonic()``."""

    reads_end_at = float("inf")


def end_reads_after(seconds: float) -> None:
    """End the running reads after that many seconds. Signal handlers call it, so it only sets a
    number.
    """
    _Stop.reads_end_at = time.monotonic() + seconds


def have_reads_ended() -> bool:
    return time.monotonic() >= _Stop.reads_end_at


_current: ContextVar[Watch | None] = ContextVar("watch", default=None)


@contextmanager
def watch(
    deadline: Deadline | None, *, is_read: bool = False, answer_seconds: float = 0.0
) -> Iterator[Watch | None]:
    """Apply the deadline to this thread's connections. Raises TimeIsUp if it has passed.

    Without a deadline, each HTTP answer may take ``answer_seconds``; 0 means no limit.
    """
    if deadline is None and not answer_seconds:
        yield None
        return
    if deadline is None:
        watching = Watch(Deadline(float("inf")), answer_seconds=answer_seconds)
    elif deadline.left:
        watching = Watch(deadline, is_read=is_read)
    else:
        raise TimeIsUp()
    watching.start()
    token = _current.set(watching)
    try:
        yield watching
    finally:
        _current.reset(token)
        watching.stop()


def use(connection: Connection) -> None:
    """Apply the current deadline to this connection. Raises TimeIsUp if it has passed."""
    if watching := _current.get():
        watching.add(connection)


@contextmanager
def answering() -> Iterator[None]:
    """Note when an HTTP answer begins. Raises TimeIsUp if the deadline has ended the connection.

    The connector would take the connection's error for a temporary one, and wait five seconds
    before it asks for the statement's state again.
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
    """Return the smaller of the seconds and the time until the current deadline."""
    watching = _current.get()
    if watching is None or watching.answer_seconds:
        return seconds
    return min(seconds, watching.deadline.left)


def run_within(seconds: float, call: Callable[[], Result], name: str) -> Result:
    """Return the call's result, or raise its error, or TimeoutError after so many seconds.

    The call then continues in its thread, which has this name.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised again by future.result()
            future.set_exception(error)

    threading.Thread(target=run, daemon=True, name=name).start()
    return future.result(seconds)
