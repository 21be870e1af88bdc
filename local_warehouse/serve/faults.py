"""Faults on demand: failures of a real warehouse, for tests.

The control endpoint adds and clears them. The server looks for one before and after each request,
so that the connector meets it over HTTP.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

from local_warehouse.cancellation import Cancellation
from local_warehouse.errors import InvalidHandle, SqlError, concurrent_write

KINDS = (
    "latency",  # each statement takes ``seconds`` longer
    "http_status",  # answers ``status``, 429 and 503 with Retry-After, without executing
    "drop_before",  # closes the connection before executing
    "drop_after",  # executes, then closes the connection without an answer
    "hang",  # executes, then does not answer for ``seconds``; with 0, until it is cleared
    "drip",  # executes, then sends one byte a second until it is cleared
    "garbage",  # executes, then answers with a page of HTML instead of Thrift
    "cut",  # executes, then closes the connection in the middle of the answer
    "truncated",  # executes, then sends an HTTP answer that is whole, with half a Thrift message
    "invalid_session",  # the session is gone
    "expired_token",  # 403, as for a token past its life
    "conflict",  # SQLSTATE 2D521, nothing committed
    "error",  # fails with ``error_class`` and ``sqlstate``, without executing
    "starting",  # 503, the warehouse is still starting
)


AFTER_EXECUTION = ("drop_after", "hang", "drip", "garbage", "cut")


@dataclass
class Fault:
    """One fault, for statements that match the pattern ``match``.

    It happens first at the ``at``-th such statement since it was added, and then ``times``
    times; with None, until it is cleared.
    """

    kind: str
    times: int | None = None
    at: int = 1
    match: str | None = None
    rpc: str = "ExecuteStatement"
    status: int = 503
    retry_after: int = 1
    seconds: float = 0.0
    error_class: str = ""
    sqlstate: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; known are {', '.join(KINDS)}")
        if self.match is not None:
            re.compile(self.match)


class Faults:
    """The faults that are set."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._cleared = threading.Event()

    @property
    def cleared(self) -> threading.Event:
        """Return the event that is set when the faults of now are cleared."""
        with self._lock:
            return self._cleared

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()
            self._cleared.set()
            self._cleared = threading.Event()

    def use_next(self, rpc: str, text: str, *kinds: str) -> Fault | None:
        """Return the next fault of these kinds for this request, and count it as used."""
        with self._lock:
            for fault in self._faults:
                if fault.kind in kinds and fault.rpc == rpc and self._matches(fault, text):
                    if fault.at > 1:
                        fault.at -= 1
                        continue
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times <= 0:
                            self._faults.remove(fault)
                    return fault
        return None

    def before_execution(self, text: str, cancellation: Cancellation) -> None:
        """Apply latency and errors, which concern a statement and not a request."""
        if fault := self.use_next("ExecuteStatement", text, "latency"):
            cancellation.wait(fault.seconds)
        if self.use_next("ExecuteStatement", text, "conflict"):
            raise concurrent_write("the table")
        if fault := self.use_next("ExecuteStatement", text, "error"):
            raise SqlError(fault.error_class, "The statement fails [injected].", fault.sqlstate)

    def check_session(self, rpc: str, text: str) -> None:
        """Raise InvalidHandle if the session is to be invalid."""
        if self.use_next(rpc, text, "invalid_session"):
            raise InvalidHandle("Invalid SessionHandle: SessionHandle [injected]")

    @staticmethod
    def _matches(fault: Fault, text: str) -> bool:
        return fault.match is None or re.search(fault.match, text, re.IGNORECASE) is not None
