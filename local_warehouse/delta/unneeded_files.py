"""Find and delete the data files of a table that VACUUM may delete.

The commit that removed a file has the time of its removal. The engine forgets removed files at its
next checkpoint (commands/create.py sets this), since every write reads all files that it
remembers.
"""

from __future__ import annotations

import math
import os
import time
from pathlib import Path

from deltalake import DeltaTable

from local_warehouse.catalog import properties
from local_warehouse.catalog.catalog import Catalog
from local_warehouse.catalog.objects import Table

from . import log
from .change_feed.changes import ChangeFeed
from .commits import Commits
from .files import Files
from .time_travel import TimeTravel

_HOUR = 3600 * 1000
_MINUTE = 1 / 60
# Even with a retention of zero, the engine may continue a cancelled statement and still commit the
# files that it has written.
_UNCOMMITTED = _HOUR


def kept_hours(table: Table) -> int:
    """Return the whole hours for which VACUUM keeps deleted files.

    A part of an hour counts as an hour, but less than a minute as none, because such a setting
    means that no file should be kept.
    """
    kept = properties.retention_hours(table)
    return math.ceil(kept) if kept >= _MINUTE else 0


class UnneededFiles:
    """Finds and deletes the files; the caller keeps other writers away."""

    def __init__(
        self, catalog: Catalog, commits: Commits, time_travel: TimeTravel, change_feed: ChangeFeed
    ) -> None:
        self._catalog = catalog
        self._commits = commits
        self._time_travel = time_travel
        self._change_feed = change_feed

    def find(self, table: Table, hours: int, *, lite: bool) -> Files:
        """Return the files that no version of the last ``hours`` needs.

        These are files that a commit removed before then and, unless ``lite``, files that no
        commit names.
        """
        location = self._catalog.location(table)
        now = int(time.time() * 1000)
        kept, expired = set(Files.of(DeltaTable(location)).sizes), set[str]()
        earliest, latest = self._commits.earliest(table).commit, self._commits.version(table)
        for version in range(earliest, latest + 1):
            for path, removed_at in _removed(location, version):
                (expired if removed_at <= now - hours * _HOUR else kept).add(path)
        abandoned = (now - max(hours * _HOUR, _UNCOMMITTED)) / 1000
        found = {}
        for entry in os.scandir(location):
            if entry.name in kept or entry.name.startswith(("_", ".")) or not entry.is_file():
                continue
            status = entry.stat()
            if entry.name in expired or (not lite and status.st_mtime < abandoned):
                found[entry.name] = status.st_size
        return Files(found)

    def delete(
        self, table: Table, found: Files, hours: int, user: str, statement_id: str = ""
    ) -> None:
        """Note which changes become unreadable, and only then delete the files."""
        unreadable = self._change_feed.last_unreadable(table, frozenset(found.sizes))
        retention: dict[str, str | None] = {
            "retentionCheckEnabled": "true",
            "defaultRetentionMillis": str(kept_hours(table) * _HOUR),
            "specifiedRetentionMillis": str(hours * _HOUR),
        }
        sizes = {"numFilesToDelete": len(found), "sizeOfDataToDelete": found.size}
        self._commit_note("VACUUM START", retention, sizes, table)
        table.vacuumed_to = unreadable
        self._catalog.save()
        for path in found.sizes:
            (self._catalog.location(table) / path).unlink(missing_ok=True)
        # Both may have folders with rows of the deleted files.
        self._time_travel.forget(table)
        self._change_feed.forget(table)
        deleted = {"numDeletedFiles": len(found), "numVacuumedDirectories": 1}
        self._commit_note("VACUUM END", {"status": "COMPLETED"}, deleted, table)
        self._commits.record_all(table, user, statement_id)

    def _commit_note(
        self,
        operation: str,
        parameters: dict[str, str | None],
        metrics: dict[str, int],
        table: Table,
    ) -> None:
        """Commit a version that only the history shows."""
        action = log.commit_info_action(operation, parameters, metrics)
        log.commit(self._catalog.location(table), self._commits.version(table) + 1, [action])


def _removed(location: Path, version: int) -> list[tuple[str, int]]:
    """Return the files that a commit removed, each with the time in milliseconds."""
    actions = log.read_commit(location, version)
    info: log.CommitInfo = next(
        (action["commitInfo"] for action in actions if "commitInfo" in action), {}
    )
    committed = info.get("timestamp", int(time.time() * 1000))
    removals = [action["remove"] for action in actions if "remove" in action]
    return [(each["path"], each.get("deletionTimestamp") or committed) for each in removals]
