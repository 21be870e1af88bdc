"""Background upkeep that keeps tables quick to write to: a small predictive optimization.

Many small commits leave many small files, which every later write reads again, and a long log,
which every write lists. Files and commits that are older than the table's retention are deleted
once a day.
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
from local_warehouse.catalog import properties
from local_warehouse.catalog.catalog import Catalog
from local_warehouse.catalog.objects import Table

from . import log
from .commits import Commits
from .old_commits import latest_checkpoint, move_old_commits
from .unneeded_files import UnneededFiles, kept_hours

FILES_BEFORE_COMPACTION = 48
COMMITS_BETWEEN_CHECKS = 16
USER = "System-User"

_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.")
# Seconds after a newer checkpoint for which a statement may still read the older one.
_SECONDS_IN_USE = 60
_HOUR, _DAY = 3600, 86400


class AutoOptimize:
    """Tidies tables, in threads of its own; ``is_on`` is False while it does not."""

    def __init__(self, catalog: Catalog, commits: Commits, unneeded_files: UnneededFiles) -> None:
        self.is_on = True
        self._catalog = catalog
        self._commits = commits
        self._unneeded_files = unneeded_files
        self._lock = threading.Lock()
        self._checked: dict[str, int] = {}
        self._cleaned_at: dict[str, float] = {}
        self._file_counts: dict[str, tuple[int, int]] = {}

    def after_write(self, table: Table) -> None:
        """Check the table after every ``COMMITS_BETWEEN_CHECKS`` commits."""
        version = self._commits.version(table)
        with self._lock:
            full = (version - 1) // COMMITS_BETWEEN_CHECKS * COMMITS_BETWEEN_CHECKS
            checked = self._checked.setdefault(table.id, full)
            if not self.is_on or version - checked < COMMITS_BETWEEN_CHECKS:
                return
            self._checked[table.id] = version
        threading.Thread(target=self._optimize, args=[table], daemon=True).start()

    def forget(self, table: Table) -> None:
        """Drop the counts of the table."""
        for known in (self._checked, self._cleaned_at, self._file_counts):
            known.pop(table.id, None)

    def _optimize(self, table: Table) -> None:
        with suppress(FileNotFoundError, DeltaError):  # the table may have been dropped
            if self._count_files(table) > FILES_BEFORE_COMPACTION:
                self._compact(table)
            # A write that lists the log meanwhile would miss commits.
            with self._commits.exclusively(table, Cancellation()):
                location = self._catalog.location(table)
                thin_out_log(location / log.LOG)
                move_old_commits(location)
            if time.time() - self._cleaned_at.get(table.id, 0) > _DAY:
                self._cleaned_at[table.id] = time.time()
                self._delete_expired_files(table)
                self._delete_expired_commits(table)

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
                self._commits.record(table, self._commits.version(table), USER, "")

    def _delete_expired_files(self, table: Table) -> None:
        """Run the equivalent of VACUUM."""
        hours = kept_hours(table)
        if self._first_since(table, hours) == self._commits.earliest(table).commit:
            return
        with self._commits.exclusively(table, Cancellation()):
            if (found := self._unneeded_files.find(table, hours, lite=False)).sizes:
                self._unneeded_files.delete(table, found, hours, USER)

    def _delete_expired_commits(self, table: Table) -> None:
        """Delete commits that are older than the log's retention, and those before a gap.

        The version at the beginning of the retention stays readable: the checkpoint before it, and
        all commits from there on, are kept.
        """
        location = self._catalog.location(table)
        first = self._first_since(table, properties.log_retention_hours(table))
        checkpoint = latest_checkpoint(location, before=first)
        kept = max(self._commits.earliest(table).commit, checkpoint)
        with self._commits.exclusively(table, Cancellation()):
            if kept and location.exists():
                self._commits.forget_before(table, kept)

    def _first_since(self, table: Table, hours: float) -> int:
        """Return the first version of the last ``hours``; the latest, if all are older."""
        version, latest = self._commits.earliest(table).commit, self._commits.version(table)
        begin = (time.time() - hours * _HOUR) * 1000
        while version < latest:
            if int(self._commits.info(table, version).get("timestamp", 0)) >= begin:
                break
            version += 1
        return version


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
    last_of_day = {_modified_at(entry) // _DAY: entry for entry in checkpoints}
    for entry in checkpoints[:-2]:
        is_in_use = _modified_at(entry) > time.time() - _SECONDS_IN_USE
        if entry not in last_of_day.values() and not is_in_use:
            entry.unlink(missing_ok=True)


def _modified_at(entry: Path) -> float:
    return entry.stat().st_mtime
