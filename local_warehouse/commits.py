"""Commits to tables: one at a time per table, and who made which.

Delta's log does not know this warehouse's users (the engine writes it), so they are kept
beside it, one line per commit, for DESCRIBE HISTORY.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import delta_log
from .catalog import Catalog, Table
from .engine import Cancellation
from .errors import Cancelled


class Commits:
    """Orders writes per table, so that only what Databricks would refuse is refused."""

    def __init__(self, catalog: Catalog, folder: Path) -> None:
        self._catalog = catalog
        self._folder = folder / "commits"
        self._folder.mkdir(exist_ok=True)
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._versions: dict[str, int] = {}

    @contextmanager
    def exclusively(self, table: Table, cancellation: Cancellation) -> Iterator[None]:
        """Hold the table against other writers; raises Cancelled while waiting."""
        lock = self._locks[table.id]
        while not lock.acquire(timeout=0.1):
            if cancellation.requested:
                raise Cancelled
        try:
            yield
        finally:
            lock.release()

    def version(self, table: Table) -> int:
        """The table's latest version."""
        known = self._versions.get(table.id, -1)
        version = delta_log.latest_version(self._catalog.location(table), known)
        self._versions[table.id] = version
        return version

    def info(self, table: Table, version: int) -> dict:
        return delta_log.commit_info(self._catalog.location(table), version)

    def record(self, table: Table, version: int, user: str, statement_id: str) -> None:
        """Note who made a version, for good."""
        line = json.dumps({"version": version, "user": user, "statement_id": statement_id})
        with (self._folder / f"{table.id}.jsonl").open("a") as file:
            file.write(line + "\n")

    def makers(self, table: Table) -> dict[int, dict]:
        """Who made which version; versions that nobody noted are missing."""
        file = self._folder / f"{table.id}.jsonl"
        if not file.exists():
            return {}
        lines = (json.loads(line) for line in file.read_text().splitlines() if line.strip())
        return {line["version"]: line for line in lines}

    def forget(self, table: Table) -> None:
        self._versions.pop(table.id, None)
        (self._folder / f"{table.id}.jsonl").unlink(missing_ok=True)
