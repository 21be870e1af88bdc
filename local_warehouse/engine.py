"""The engine: Sail, embedded, spoken to over Arrow Flight SQL on a loopback port.

Flight SQL rather than Spark Connect: neither a Spark client nor pandas stands between the
Arrow that the engine makes and the Arrow that the connector reads.
"""

from __future__ import annotations

import os
import queue
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

os.environ.setdefault("RUST_LOG", "error")
# More than the processors, so that one heavy query cannot keep every other from starting.
os.environ.setdefault("TOKIO_WORKER_THREADS", "16")

import pyarrow as pa
from adbc_driver_flightsql import dbapi
from pysail.flight import FlightSqlServer

from local_warehouse.errors import Cancelled, SqlError, from_engine
from local_warehouse.sql.template import DATABASE, engine_name

# Nothing was done yet when the engine says so: it fails to plan the statement.
_BEING_RENEWED = re.compile(r"Table or view not found|is not available in Delta file scan schema")


class Cancellation:
    """Lets another thread stop a statement, whether it waits for a lock or is being run.

    The engine (0.7.2) answers a cancellation at once, but works on in the background.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._cursor = None

    @property
    def requested(self) -> bool:
        return self._event.is_set()

    def request(self) -> None:
        with self._lock:
            self._event.set()
            if self._cursor is not None:
                self._cursor.adbc_cancel()

    def wait(self, seconds: float) -> None:
        """Sleep, but not past a request to cancel; raises Cancelled."""
        if self._event.wait(seconds):
            raise Cancelled

    def attach(self, cursor) -> None:
        """Name the engine cursor that a request has to stop; None when it is done."""
        with self._lock:
            self._cursor = cursor
        if cursor is not None and self.requested:
            raise Cancelled


class Engine:
    """Runs engine SQL; safe to use from many threads."""

    def __init__(self) -> None:
        self._server = FlightSqlServer("127.0.0.1", 0)
        self._server.start(background=True)
        host, port = self._server.listening_address
        self._uri = f"grpc://{host}:{port}"
        self._free: queue.LifoQueue = queue.LifoQueue()
        self._renewal = threading.RLock()
        self._renewals = 0
        self.run(f"CREATE DATABASE {DATABASE}")

    def stop(self) -> None:
        self._server.stop()

    def run(self, sql: str, cancellation: Cancellation | None = None) -> pa.Table:
        """The statement's result as one Arrow table.

        Raises SqlError as Databricks would word it, or Cancelled.
        """
        while True:
            seen = self._renewals
            try:
                return self._run(sql, cancellation)
            except SqlError as error:
                if not (_BEING_RENEWED.search(error.message) and self._renewed_since(seen)):
                    raise

    def _renewed_since(self, seen: int) -> bool:
        """Whether a table was renewed meanwhile: what was missing may be there again."""
        with self._renewal:
            return self._renewals != seen

    def _run(self, sql: str, cancellation: Cancellation | None = None) -> pa.Table:
        connection = self._take()
        try:
            with connection.cursor() as cursor:
                if cancellation:
                    cancellation.attach(cursor)
                cursor.execute(sql)
                table = cursor.fetch_arrow_table()
        except dbapi.Error as error:
            connection.close()
            if cancellation and cancellation.requested:
                raise Cancelled from error
            raise from_engine(error) from error
        finally:
            if cancellation:
                cancellation.attach(None)
        self._free.put(connection)
        return table

    def register(self, table_id: str, location: str) -> None:
        """Make a Delta table on disk known to the engine, whose own catalog is in memory."""
        where = location.replace("'", "\\'")
        self.run(f"CREATE TABLE {engine_name(table_id)} USING DELTA LOCATION '{where}'")

    @contextmanager
    def renewing(self, table_id: str, location: str) -> Iterator[None]:
        """Commit other columns to a table within the block: the engine remembers those that there
        were, and must not read a log that has others. Whoever asks meanwhile waits (see ``run``).
        """
        with self._renewal:
            self.forget(table_id)
            try:
                yield
            finally:
                self.register(table_id, location)
                self._renewals += 1

    def forget(self, table_id: str) -> None:
        """Drop the table from the engine's catalog; its files stay."""
        self.run(f"DROP TABLE IF EXISTS {engine_name(table_id)}")

    def _take(self):
        """A free connection, the latest used first; a new one where none is free."""
        try:
            return self._free.get_nowait()
        except queue.Empty:
            return dbapi.connect(self._uri, autocommit=True)
