"""Commits to tables: one at a time per table, and who made which.

Delta's log does not know this warehouse's users (the engine writes it), so they are kept
beside it, one line per commit, for DESCRIBE HISTORY.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from local_warehouse.catalog.catalog import Catalog
from local_warehouse.catalog.objects import Table
from local_warehouse.engine import Cancellation

from . import log
from .fair_lock import Turns
from .log import Reach
from .metadata import KEY as DESCRIPTION


class Commits:
    """Orders writes per table, so that only what Databricks would refuse is refused."""

    def __init__(self, catalog: Catalog, folder: Path) -> None:
        self._catalog = catalog
        self._folder = folder / "commits"
        self._folder.mkdir(exist_ok=True)
        self._turns: dict[str, Turns] = {}
        self._versions: dict[str, int] = {}
        self._reach: dict[str, Reach] = {}
        self._makers: dict[str, dict[int, dict]] = {}
        self._lock = threading.Lock()

    def exclusively(self, table: Table, cancellation: Cancellation) -> AbstractContextManager:
        """Hold the table against other writers; raises Cancelled while waiting."""
        return self._turns.setdefault(table.id, Turns()).mine(cancellation)

    def version(self, table: Table) -> int:
        """The table's latest version."""
        known = self._versions.get(table.id, -1)
        version = log.latest_version(self._catalog.location(table), known)
        self._versions[table.id] = version
        return version

    def info(self, table: Table, version: int) -> dict:
        return log.commit_info(self._catalog.location(table), version)

    def reach(self, table: Table) -> Reach:
        """How far back the log goes: the engine deletes old commits when it is past their
        ``delta.logRetentionDuration``."""
        location = self._catalog.location(table)
        known = self._reach.get(table.id)
        if known is None or not log.has_commit(location, known.commits):
            known = self._reach[table.id] = log.reach(location)
        return known

    def description(self, table: Table, version: int) -> dict | None:
        """The table's description that a version's commit carries, if it does."""
        for action in log.read_commit(self._catalog.location(table), version):
            told = action.get("metaData", {}).get("configuration", {}).get(DESCRIPTION)
            if told is not None:
                return json.loads(told)
        return None

    def record(self, table: Table, version: int, user: str, statement_id: str) -> None:
        """Note who made a version, for good."""
        made = {"version": version, "user": user, "statement_id": statement_id}
        makers = self.makers(table)
        with self._lock:
            with (self._folder / f"{table.id}.jsonl").open("a") as file:
                file.write(json.dumps(made) + "\n")
            makers[version] = made

    def makers(self, table: Table) -> dict[int, dict]:
        """Who made which version; versions that nobody noted are missing. Not to be changed."""
        with self._lock:
            if table.id not in self._makers:
                self._makers[table.id] = dict(self._read(table))
            return self._makers[table.id]

    def _read(self, table: Table) -> Iterator[tuple[int, dict]]:
        file = self._folder / f"{table.id}.jsonl"
        for line in file.read_text().splitlines() if file.exists() else ():
            if line.strip():
                made = json.loads(line)
                yield made["version"], made

    def forget(self, table: Table) -> None:
        with self._lock:
            for known in (self._versions, self._reach, self._makers):
                known.pop(table.id, None)
            (self._folder / f"{table.id}.jsonl").unlink(missing_ok=True)
