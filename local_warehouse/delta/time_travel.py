"""Tables as of a version or a moment.

The engine cannot read a version older than the latest checkpoint: it looks for the checkpoint
too late in the log. So we make a separate table of an older version: hard links to the data files
of that version, and a log with one commit. A version never changes, so its folder is valid until
the warehouse stops. VACUUM discards such folders; a statement that reads one keeps it until the
statement ends.
"""

from __future__ import annotations

import bisect
import datetime as dt
import itertools
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deltalake.exceptions import DeltaError

from local_warehouse.catalog import properties
from local_warehouse.catalog.catalog import Catalog
from local_warehouse.catalog.objects import Table
from local_warehouse.errors import SqlError, missing_files

from .cached_folders import CachedFolders
from .commits import Commits
from .files import Files
from .old_commits import open_version
from .snapshot_log import only_commit

# The most folders of versions, and the most files in all of them.
KEPT, FILES_KEPT = 512, 4096


class TimeTravel:
    """Finds versions by time, and makes folders of versions for the engine."""

    def __init__(self, catalog: Catalog, commits: Commits, folder: Path) -> None:
        self._catalog = catalog
        self._commits = commits
        self._folder = folder / "past"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folders: dict[tuple[str, int], Path] = {}
        self._file_counts: dict[Path, int] = {}
        self._numbers = itertools.count()
        self._cached = CachedFolders()
        self._commit_times: dict[str, tuple[int, list[int]]] = {}
        self._times_lock = threading.Lock()
        self._lock = threading.Lock()

    def version_at(self, table: Table, moment: dt.datetime) -> int:
        """Return the version that was the latest at ``moment``.

        Raises SqlError, as Delta does, for a moment before the first commit or after the last.
        """
        first, times = self._times_of_commits(table)
        earliest_versions = self._commits.earliest(table)
        wanted = int(moment.timestamp() * 1000)
        if wanted > times[-1]:
            latest = dt.datetime.fromtimestamp(times[-1] / 1000, dt.UTC)
            raise SqlError(
                "DELTA_TIMESTAMP_GREATER_THAN_COMMIT",
                f"The provided timestamp ({moment}) is after the latest version available to "
                f"this table. Please use a timestamp before or at {latest}.",
                "42816",
            )
        earliest = times[max(earliest_versions.readable - first, 0)]
        if wanted < earliest:
            earliest_ = dt.datetime.fromtimestamp(earliest / 1000, dt.UTC)
            raise SqlError(
                "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION",
                f"The provided timestamp ({moment}) is before the earliest version available "
                f"to this table. Please use a timestamp after {earliest_}.",
                "42816",
            )
        return first + bisect.bisect_right(times, wanted) - 1

    def version_from(self, table: Table, moment: dt.datetime) -> int:
        """Return the first version at or after ``moment``. Raises SqlError if there is none."""
        first, times = self._times_of_commits(table)
        wanted = int(moment.timestamp() * 1000)
        if wanted > times[-1]:
            self.version_at(table, moment)
        return first + bisect.bisect_left(times, wanted)

    def require(self, table: Table, version: int) -> None:
        """Raise SqlError unless the version exists and is not older than the retention."""
        latest, earliest = self._commits.version(table), self._commits.earliest(table).readable
        if not earliest <= version <= latest:
            raise version_not_found(version, earliest, latest)
        self.require_kept(table, version)

    def require_kept(self, table: Table, version: int) -> None:
        """Raise SqlError if the version is older than the table's retention.

        The latest version may always be read. Delta refuses others whether or not their files
        exist (delta-io/delta, SnapshotManagement.scala).
        """
        if version == self._commits.version(table):
            return
        first, times = self._times_of_commits(table)
        hours = properties.retention_hours(table)
        if times[version - first] < (time.time() - hours * 3600) * 1000:
            raise beyond_retention(hours)

    @contextmanager
    def reading(self, table: Table, version: int) -> Iterator[Path]:
        """Give the block a folder that the engine reads as a Delta table. Raises SqlError."""
        with self._lock:
            path = self._folder_of(table, version)
            self._cached.acquire(path)
        try:
            yield path
        finally:
            self._cached.release(path)

    def forget(self, table: Table) -> None:
        """Discard the table's folders: they would keep files that VACUUM deletes."""
        with self._times_lock:
            self._commit_times.pop(table.id, None)
        with self._lock:
            for key in [key for key in self._folders if key[0] == table.id]:
                self._discard(key)

    def _folder_of(self, table: Table, version: int) -> Path:
        self.require(table, version)
        key = (table.id, version)
        path = self._folders.get(key)
        if path is None:
            path = self._folder / f"{table.id}-{version}-{next(self._numbers)}"
            try:
                self._file_counts[path] = self._write(table, version, path)
            except BaseException:
                # On a full disk, links that nobody knows would keep deleted files.
                shutil.rmtree(path, ignore_errors=True)
                raise
            self._folders[key] = path
            self._discard_oldest()
        return path

    def _discard_oldest(self) -> None:
        counts = self._file_counts
        while len(counts) > KEPT or (len(counts) > 1 and sum(counts.values()) > FILES_KEPT):
            self._discard(next(iter(self._folders)))

    def _discard(self, key: tuple[str, int]) -> None:
        path = self._folders.pop(key)
        del self._file_counts[path]
        self._cached.discard(path)

    def _write(self, table: Table, version: int, path: Path) -> int:
        """Make the folder; return the number of its files."""
        location = self._catalog.location(table)
        try:
            delta = open_version(location, version)
        except DeltaError as error:
            raise SqlError("DELTA_VERSION_NOT_FOUND", str(error), "22003") from error
        (path / "_delta_log").mkdir(parents=True)
        files = Files.of(delta)
        for name in files.sizes:
            try:
                os.link(location / name, path / name)
            except FileNotFoundError:
                raise missing_files(table.full_name, version) from None
        actions = only_commit(table.id, delta.schema().to_json(), files)
        log = path / "_delta_log" / f"{0:020d}.json"
        log.write_text("".join(json.dumps(action) + "\n" for action in actions))
        return len(files) + 1

    def _times_of_commits(self, table: Table) -> tuple[int, list[int]]:
        """Return the first version whose commit exists, and when it and each later one was made.

        The times are milliseconds since 1970 and never fall.
        """
        earliest, latest = self._commits.earliest(table).commit, self._commits.version(table)
        with self._times_lock:
            first, times = self._commit_times.get(table.id, (earliest, []))
            first, times = earliest, times[earliest - first :]
            for version in range(first + len(times), latest + 1):
                made = int(self._commits.info(table, version).get("timestamp", 0))
                times.append(max([made, *times[-1:]]))
            self._commit_times[table.id] = first, times
            return first, list(times)


def beyond_retention(hours: float) -> SqlError:
    return SqlError(
        "DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION",
        f"Cannot time travel beyond delta.deletedFileRetentionDuration ({int(hours)} HOURS) set "
        "on the table.",
        "0AKDC",
    )


def version_not_found(version: int, earliest: int, latest: int) -> SqlError:
    return SqlError(
        "DELTA_VERSION_NOT_FOUND",
        f"Cannot time travel Delta table to version {version}. "
        f"Available versions: [{earliest}, {latest}].",
        "22003",
    )
