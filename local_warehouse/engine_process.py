"""One process of the engine, and the connections to it."""

from __future__ import annotations

import itertools
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
from pyarrow import flight

from local_warehouse.cancellation import Cancellation
from local_warehouse.errors import Cancelled, EngineEnded, from_engine
from local_warehouse.sql.template import DATABASE

_ROOT = Path(__file__).resolve().parent.parent
# The engine's errors may quote long statements; gRPC passes on 8 kB of a message if not told.
_LONGEST_ERROR = 4_000_000
_GRPC_OPTIONS = [
    ("grpc.max_metadata_size", _LONGEST_ERROR),
    ("grpc.absolute_max_metadata_size", _LONGEST_ERROR),
]
# Seconds for a process that has lost its connections, or shall end, to be gone.
_ENDING = 5.0


class EngineProcess:
    """Runs engine SQL; safe to use from many threads.

    ``statements`` is how many it has run. ``checked``, ``users`` and ``registered`` belong to
    ``Engine``: after how many its memory was looked at, how many use the process, and the ids of
    the tables that it knows.
    """

    def __init__(self) -> None:
        self.statements = 0
        self.checked = 0
        self.users = 0
        self.registered: set[str] = set()
        self._numbers = itertools.count(1)
        self._free: queue.LifoQueue[flight.FlightClient] = queue.LifoQueue()
        self._uri = ""
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "local_warehouse.engine_server"],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def wait_until_ready(self) -> None:
        """Wait until the process takes statements. Raises EngineEnded."""
        if self._uri:
            return
        with self._lock:
            if not self._uri:
                uri = f"grpc://127.0.0.1:{self._read_number()}"
                client = flight.connect(uri, generic_options=_GRPC_OPTIONS)
                self._execute(client, f"CREATE DATABASE {DATABASE}", None)
                self._free.put(client)
                self._uri = uri

    def memory(self) -> int:
        """Return how many bytes of memory the process has. Raises EngineEnded."""
        assert self._process.stdin
        with self._lock:
            try:
                self._process.stdin.write(b"\n")
                self._process.stdin.flush()
            except (OSError, ValueError) as error:
                raise EngineEnded from error
            return self._read_number()

    def _read_number(self) -> int:
        assert self._process.stdout
        try:
            return int(self._process.stdout.readline())
        except (OSError, ValueError) as error:
            self._wait()
            raise EngineEnded from error

    def run(self, sql: str, cancellation: Cancellation | None = None) -> pa.Table:
        """Return the statement's result. Raises SqlError, Cancelled, or EngineEnded."""
        client = self._client()
        self.statements = next(self._numbers)
        try:
            table = self._execute(client, sql, cancellation)
        except BaseException:
            client.close()
            raise
        self._free.put(client)
        return table

    def _client(self) -> flight.FlightClient:
        """Return the free client that was used last, or a new one."""
        self.wait_until_ready()
        try:
            return self._free.get_nowait()
        except queue.Empty:
            return flight.connect(self._uri, generic_options=_GRPC_OPTIONS)

    def _execute(
        self, client: flight.FlightClient, sql: str, cancellation: Cancellation | None
    ) -> pa.Table:
        try:
            # The engine plans here, which nothing can cancel, and runs in the answer.
            info = client.get_flight_info(flight.FlightDescriptor.for_command(_command(sql)))
            answer = client.do_get(info.endpoints[0].ticket)
            if cancellation:
                cancellation.attach(answer)
            return answer.to_reader().read_all()
        except (flight.FlightError, pa.ArrowException, OSError) as error:
            if cancellation and cancellation.requested:
                raise Cancelled from error
            if self._is_ending(error):
                raise EngineEnded from error
            raise from_engine(error) from error
        finally:
            if cancellation:
                cancellation.attach(None)

    def _is_ending(self, error: Exception) -> bool:
        """Whether the error came because the process ends; waits until it has ended."""
        if isinstance(error, flight.FlightUnavailableError):
            self._wait()
        return self.has_ended()

    def _wait(self) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDING)

    def end(self) -> None:
        """End the process, whatever it does, and wait until it is gone."""
        assert self._process.stdin
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_ENDING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


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
