"""Background upkeep that keeps tables quick to write to: a small predictive optimization.

Many small commits leave many small files, which every later write reads again, and a long log,
which every write lists.
"""

from __future__ import annotations

import re
import threading
import time
from contextlib import suppress
from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from local_warehouse.cancellation import Cancellation
from local_warehouse.catalog.catalog import Catalog
from local_warehouse.catalog.objects import Table

from . import log
from .commits import Commits
from .old_commits import move_old_commits

FILES_BEFORE_COMPACTION = 48
COMMITS_BETWEEN_CHECKS = 16

_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.")
# For so long after a newer checkpoint exists, a statement may still read the older one.
_SECONDS_IN_USE = 60


class AutoOptimize:
    """Compacts tables and thins out their logs, in threads of its own."""

    def __init__(self, catalog: Catalog, commits: Commits) -> None:
        self._catalog = catalog
        self._commits = commits
        self._file_counts: dict[str, tuple[int, int]] = {}

    def after_write(self, table: Table) -> None:
        """Check the table after every ``COMMITS_BETWEEN_CHECKS``-th commit."""
        if self._commits.version(table) % COMMITS_BETWEEN_CHECKS == 0:
            threading.Thread(target=self._optimize, args=[table], daemon=True).start()

    def forget(self, table: Table) -> None:
        """Forget how many files the table has."""
        self._file_counts.pop(table.id, None)

    def _optimize(self, table: Table) -> None:
        with suppress(FileNotFoundError, DeltaError):  # the table may have been dropped
            if self._count_files(table) > FILES_BEFORE_COMPACTION:
                self._compact(table)
            location = self._catalog.location(table)
            thin_out_log(location / log.LOG)
            move_old_commits(location)

    def _count_files(self, table: Table) -> int:
        """Return the number of the table's data files.

        The number comes from the last count and the commits since then: opening the table would
        take processor time from the statements that write.
        """
        location, latest = self._catalog.location(table), self._commits.version(table)
        if (known := self._file_counts.get(table.id)) is None:
            delta = DeltaTable(location)
            known = delta.version(), len(delta.file_uris())
        version, files = known
        for later in range(version + 1, latest + 1):
            for action in log.read_commit(location, later):
                files += ("add" in action) - ("remove" in action)
        self._file_counts[table.id] = max(version, latest), files
        return files

    def _compact(self, table: Table) -> None:
        with self._commits.exclusively(table, Cancellation()):
            location = self._catalog.location(table)
            if location.exists():
                DeltaTable(location).optimize.compact()
                self._commits.record(table, self._commits.version(table), "System-User", "")


def thin_out_log(folder: Path) -> None:
    """Delete checksums and checkpoints that newer ones replace.

    The engine writes a checksum for each commit, reads the latest, and can do without it. A
    checkpoint may still be in use. One of each day stays: once old commits are deleted, the engine
    reads versions from a checkpoint on.
    """
    entries = sorted(folder.iterdir())
    checkpoints = [entry for entry in entries if _CHECKPOINT.match(entry.name)]
    if len(checkpoints) < 2:
        return
    latest = checkpoints[-1].name[:20]
    for entry in entries:
        if entry.suffix == ".crc" and entry.name < latest:
            entry.unlink(missing_ok=True)
    last_of_day = {_modified_at(entry) // 86400: entry for entry in checkpoints}
    for entry in checkpoints[:-2]:
        is_in_use = _modified_at(entry) > time.time() - _SECONDS_IN_USE
        if entry not in last_of_day.values() and not is_in_use:
            entry.unlink(missing_ok=True)


def _modified_at(entry: Path) -> float:
    return entry.stat().st_mtime
