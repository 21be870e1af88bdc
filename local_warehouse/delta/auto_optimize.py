"""What keeps tables quick to write to, done beside the statements: predictive optimization, small.

Many small commits leave many small files, which every write then rewrites, and a long log, which
every write lists.
"""

from __future__ import annotations

import re
import threading
import time
from contextlib import suppress
from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from local_warehouse.catalog.catalog import Catalog
from local_warehouse.catalog.objects import Table
from local_warehouse.engine import Cancellation

from . import log as delta_log
from .commits import Commits

FILES_BEFORE_COMPACTION = 48
COMMITS_BETWEEN_LOOKS = 16

_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.")
_READ = 60  # seconds for which somebody may still be reading a checkpoint that is not the latest


class Tending:
    """Looks after tables, in threads of its own."""

    def __init__(self, catalog: Catalog, commits: Commits) -> None:
        self._catalog = catalog
        self._commits = commits
        self._counted: dict[str, tuple[int, int]] = {}

    def written(self, table: Table) -> None:
        """A table was written to: now and then it is looked at."""
        if self._commits.version(table) % COMMITS_BETWEEN_LOOKS == 0:
            threading.Thread(target=self._look, args=[table], daemon=True).start()

    def _look(self, table: Table) -> None:
        with suppress(FileNotFoundError, DeltaError):  # it may have been dropped
            if self._files(table) > FILES_BEFORE_COMPACTION:
                self._compact(table)
            thin(self._catalog.location(table) / "_delta_log")

    def _files(self, table: Table) -> int:
        """How many files the table has. From what is known and the commits since: opening the
        table takes the engine's time from whoever writes."""
        location, latest = self._catalog.location(table), self._commits.version(table)
        if (known := self._counted.get(table.id)) is None:
            delta = DeltaTable(location)
            known = delta.version(), len(delta.file_uris())
        version, files = known
        for later in range(version + 1, latest + 1):
            for action in delta_log.read_commit(location, later):
                files += ("add" in action) - ("remove" in action)
        self._counted[table.id] = max(version, latest), files
        return files

    def _compact(self, table: Table) -> None:
        with self._commits.exclusively(table, Cancellation()):
            location = self._catalog.location(table)
            if location.exists():
                DeltaTable(location).optimize.compact()
                self._commits.record(table, self._commits.version(table), "System-User", "")


def thin(log: Path) -> None:
    """Delete checksums and checkpoints that newer ones replace. Of each day one checkpoint stays:
    when old commits are cleaned away, versions are read from it on."""
    entries = sorted(log.iterdir())
    checkpoints = [entry for entry in entries if _CHECKPOINT.match(entry.name)]
    if len(checkpoints) < 2:
        return
    latest = checkpoints[-1].name[:20]
    useless = [entry for entry in entries if entry.suffix == ".crc" and entry.name < latest]
    days = {_changed(entry) // 86400: entry for entry in checkpoints}
    useless += [entry for entry in checkpoints[:-2] if entry not in days.values()]
    for entry in useless:
        if _changed(entry) < time.time() - _READ:
            entry.unlink(missing_ok=True)


def _changed(entry: Path) -> float:
    return entry.stat().st_mtime
