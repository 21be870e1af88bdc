"""The engine: Sail, reached over Arrow Flight SQL on a loopback port.

The engine (0.7.2) keeps 50 kB per statement until its process ends: the parser that it makes for
each statement refers to itself and is never freed. So it has a process of its own, which is
renewed: the next one starts and takes the new statements, and the old one ends after its last
statement. All that they share are the tables' files.

With Flight SQL the engine's Arrow data reach the connector as they are. Spark Connect would need
a Spark client and pandas in between. Of Flight SQL one message is needed, so pyarrow's client of
plain Flight serves; the ADBC driver for Flight SQL takes 7 ms more CPU time per statement.
https://arrow.apache.org/docs/format/FlightSql.html
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pyarrow as pa

from local_warehouse.cancellation import Cancellation
from local_warehouse.engine_process import EngineProcess
from local_warehouse.errors import EngineEnded, SqlError
from local_warehouse.sql.template import TABLE_ID, engine_name

logger = logging.getLogger(__name__)

# A process is replaced after so many statements, or earlier if it uses so many bytes of memory.
STATEMENTS = 5000
MEMORY = 1_200_000_000
_STATEMENTS_BETWEEN_CHECKS = 50

# Errors with which the engine fails to plan a statement, before it changes anything.
_BEING_REREGISTERED = re.compile(
    r"Table or view not found|is not available in Delta file scan schema"
)
# How often a statement that reads runs again because old commits were moved out of the log (see
# old_commits.py) while the engine listed it.
_LISTINGS = 3
_MOVED_MEANWHILE = re.compile("Missing commit file")


class Engine:
    """Runs engine SQL; safe to use from many threads.

    ``statements`` is the number of statements after which the process is replaced; ``renewals``
    counts the replacements.
    """

    def __init__(self) -> None:
        self.statements = STATEMENTS
        self.renewals = 0
        self._lock = threading.Lock()
        self._current = EngineProcess()
        self._processes = [self._current]  # and old ones with statements that still run
        self._is_renewing = False
        self._is_stopped = False
        self._locations: dict[str, str] = {}
        self._registration_lock = threading.Lock()
        self._reregistration_lock = threading.RLock()
        self._reregistrations = 0

    def stop(self) -> None:
        with self._lock:
            self._is_stopped = True
            processes = list(self._processes)
        for process in processes:
            process.end()

    def pids(self) -> list[int]:
        """Return the ids of the engine's processes."""
        with self._lock:
            return [process.pid for process in self._processes]

    def run(
        self, sql: str, cancellation: Cancellation | None = None, *, is_read: bool = True
    ) -> pa.Table:
        """Return the statement's result as one Arrow table.

        Raises SqlError with Databricks' error classes, or Cancelled. If the engine's process ends
        meanwhile, a new one runs the statement once more, unless it writes: then it raises
        EngineEnded, and the statement may have been committed.
        """
        has_ended, listings = False, 1
        while True:
            seen = self._reregistrations
            try:
                with self._process() as process:
                    self._register_tables_of(sql, process)
                    return process.run(sql, cancellation)
            except EngineEnded:
                if has_ended or not is_read:
                    raise
                has_ended = True
            except SqlError as error:
                if is_read and _MOVED_MEANWHILE.search(error.message) and listings < _LISTINGS:
                    listings += 1
                    continue
                if not (
                    _BEING_REREGISTERED.search(error.message) and self._reregistered_since(seen)
                ):
                    raise

    def _reregistered_since(self, seen: int) -> bool:
        """Whether a table was registered again since, so that the statement may succeed now."""
        with self._reregistration_lock:
            return self._reregistrations != seen

    # --- processes ---
    @contextmanager
    def _process(self) -> Iterator[EngineProcess]:
        """Give the block the process that takes new statements; it stays until the block ends."""
        with self._lock:
            if self._current.has_ended() and not self._is_stopped:
                logger.error("the engine's process ended; a new one starts")
                new = EngineProcess()
                self._processes.remove(self._current)
                self._processes.append(new)
                self._current = new
            process = self._current
            process.users += 1
        try:
            yield process
        finally:
            with self._lock:
                process.users -= 1
            self._end_if_unused(process)
            # Several statements may end at once, so a comparison with one exact number could miss
            # it.
            is_due = process.statements >= process.checked + _STATEMENTS_BETWEEN_CHECKS
            if is_due or self._has_run_all(process):
                process.checked = process.statements
                self._renew_if_due(process)

    def _has_run_all(self, process: EngineProcess) -> bool:
        return process.statements >= self.statements

    def _renew_if_due(self, process: EngineProcess) -> None:
        with self._lock:
            if process is not self._current or self._is_renewing or self._is_stopped:
                return
            self._is_renewing = True
        threading.Thread(target=self._renew, args=[process], daemon=True).start()

    def _renew(self, old: EngineProcess) -> None:
        """Let a new process take the statements if the old one has too much memory."""
        new = None
        try:
            if not self._has_run_all(old) and old.memory() < MEMORY:
                return
            new = EngineProcess()
            new.wait_until_ready()
            with self._lock:
                if self._is_stopped or self._current is not old:
                    return
                self._current, new = new, None
                self._processes.append(self._current)
                self.renewals += 1
        except EngineEnded:
            logger.error("an engine's process ended while it was renewed")
        finally:
            self._is_renewing = False
            if new is not None:
                new.end()
        self._end_if_unused(old)

    def _end_if_unused(self, process: EngineProcess) -> None:
        with self._lock:
            if process is self._current or process.users or process not in self._processes:
                return
            self._processes.remove(process)
        threading.Thread(target=process.end, daemon=True).start()

    # --- tables ---
    def register(self, table_id: str, location: str) -> None:
        """Tell the engine, whose own catalog is in memory, where a Delta table is on disk.

        It reads the table's columns when a statement names the table for the first time.
        """
        self._locations[table_id] = location

    def create(self, table_id: str, location: str, sql: str) -> None:
        """Run the engine's statement that creates a table on disk. Raises SqlError."""
        with self._process() as process:
            process.run(sql)
            with self._registration_lock:
                self._locations[table_id] = location
                process.registered.add(table_id)

    def _register_tables_of(self, sql: str, process: EngineProcess) -> None:
        for table_id in set(TABLE_ID.findall(sql)):
            if table_id in process.registered:
                continue
            with self._registration_lock:
                location = self._locations.get(table_id)
                if location and table_id not in process.registered:
                    name, escaped = engine_name(table_id), location.replace("'", "\\'")
                    process.run(f"CREATE TABLE {name} USING DELTA LOCATION '{escaped}'")
                    process.registered.add(table_id)

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
            self._locations.pop(table_id, None)
            with self._lock:
                processes = [each for each in self._processes if table_id in each.registered]
            for process in processes:
                process.registered.discard(table_id)
                with suppress(EngineEnded):
                    process.run(f"DROP TABLE IF EXISTS {engine_name(table_id)}")
