"""The engine: Sail, embedded, reached over Arrow Flight SQL on a loopback port.

With Flight SQL the engine's Arrow data reach the connector as they are. Spark Connect would need
a Spark client and pandas in between. Of Flight SQL one message is needed, so pyarrow's client of
plain Flight serves; the ADBC driver for Flight SQL takes 7 ms more CPU time per statement.
https://arrow.apache.org/docs/format/FlightSql.html
"""

from __future__ import annotations

import os
import queue
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

os.environ.setdefault("RUST_LOG", "error")
# More threads than processors, so that one heavy query cannot keep others from starting.
os.environ.setdefault("TOKIO_WORKER_THREADS", "16")

import pyarrow as pa
from pyarrow import flight
from pysail.flight import FlightSqlServer

from local_warehouse.errors import Cancelled, SqlError, from_engine
from local_warehouse.sql.template import DATABASE, TABLE_ID, engine_name

# With these errors the engine fails to plan a statement, before it has done anything.
_BEING_REREGISTERED = re.compile(
    r"Table or view not found|is not available in Delta file scan schema"
)


# The engine's errors may quote long statements; gRPC passes on 8 kB of a message if not told.
_LONGEST_ERROR = 4_000_000
_GRPC_OPTIONS = [
    ("grpc.max_metadata_size", _LONGEST_ERROR),
    ("grpc.absolute_max_metadata_size", _LONGEST_ERROR),
]


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


class Engine:
    """Runs engine SQL; safe to use from many threads."""

    def __init__(self) -> None:
        self._server = FlightSqlServer("127.0.0.1", 0)
        self._server.start(background=True)
        host, port = self._server.listening_address
        self._uri = f"grpc://{host}:{port}"
        self._free: queue.LifoQueue[flight.FlightClient] = queue.LifoQueue()
        self._unregistered: dict[str, str] = {}
        self._registration_lock = threading.Lock()
        self._reregistration_lock = threading.RLock()
        self._reregistrations = 0
        self.run(f"CREATE DATABASE {DATABASE}")

    def stop(self) -> None:
        self._server.stop()

    def run(self, sql: str, cancellation: Cancellation | None = None) -> pa.Table:
        """Return the statement's result as one Arrow table.

        Raises SqlError with Databricks' error classes, or Cancelled.
        """
        while True:
            seen = self._reregistrations
            try:
                self._register_tables_of(sql)
                return self._run(sql, cancellation)
            except SqlError as error:
                if not (
                    _BEING_REREGISTERED.search(error.message) and self._reregistered_since(seen)
                ):
                    raise

    def _reregistered_since(self, seen: int) -> bool:
        """Whether a table was registered again since, so that the statement may succeed now."""
        with self._reregistration_lock:
            return self._reregistrations != seen

    def _run(self, sql: str, cancellation: Cancellation | None = None) -> pa.Table:
        client = self._client()
        try:
            # The engine plans here, which nothing can cancel, and runs in the answer.
            info = client.get_flight_info(flight.FlightDescriptor.for_command(_command(sql)))
            answer = client.do_get(info.endpoints[0].ticket)
            if cancellation:
                cancellation.attach(answer)
            table = answer.to_reader().read_all()
        except (flight.FlightError, pa.ArrowException, OSError) as error:
            client.close()
            if cancellation and cancellation.requested:
                raise Cancelled from error
            raise from_engine(error) from error
        finally:
            if cancellation:
                cancellation.attach(None)
        self._free.put(client)
        return table

    def register(self, table_id: str, location: str) -> None:
        """Tell the engine, whose own catalog is in memory, where a Delta table is on disk.

        It reads the table's columns when a statement names the table for the first time.
        """
        self._unregistered[table_id] = location

    def _register_tables_of(self, sql: str) -> None:
        for table_id in set(TABLE_ID.findall(sql)):
            if table_id not in self._unregistered:
                continue
            with self._registration_lock:
                if location := self._unregistered.get(table_id):
                    name, escaped = engine_name(table_id), location.replace("'", "\\'")
                    self._run(f"CREATE TABLE {name} USING DELTA LOCATION '{escaped}'")
                    del self._unregistered[table_id]

    @contextmanager
    def reregistering(self, table_id: str, location: str) -> Iterator[None]:
        """Let the block commit a change of a table's columns, then register the table again.

        The engine remembers a table's columns and must not read a log with different ones.
        Statements that need the table meanwhile wait (see ``run``).
        """
        with self._reregistration_lock:
            self.forget(table_id)
            try:
                yield
            finally:
                self.register(table_id, location)
                self._reregistrations += 1

    def forget(self, table_id: str) -> None:
        """Drop the table from the engine's catalog; its files stay."""
        with self._registration_lock:
            if self._unregistered.pop(table_id, None) is None:
                self._run(f"DROP TABLE IF EXISTS {engine_name(table_id)}")

    def _client(self) -> flight.FlightClient:
        """Return the free client that was used last, or a new one."""
        try:
            return self._free.get_nowait()
        except queue.Empty:
            return flight.connect(self._uri, generic_options=_GRPC_OPTIONS)


def _command(sql: str) -> bytes:
    """Return Flight SQL's message CommandStatementQuery, in an envelope (protobuf's ``Any``)."""
    kind = b"type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery"
    return _field(1, kind) + _field(2, _field(1, sql.encode()))


def _field(number: int, content: bytes) -> bytes:
    """Return a protobuf field of bytes: its number and type, its length, its content.

    https://protobuf.dev/programming-guides/encoding
    """
    length, rest = bytearray(), len(content)
    while rest > 127:
        length.append(rest & 127 | 128)
        rest >>= 7
    return bytes([number << 3 | 2, *length, rest]) + content
