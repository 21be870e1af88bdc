"""The change data feed: the rows that each commit inserted, updated and deleted.

The engine (0.7.2) writes no change files, and refuses to update tables whose log asks for them.
So the changes are computed (row_differences.py) once and kept as Parquet files beside the
tables. A statement reads a folder of such files, whose name is the range of versions in it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from local_warehouse.catalog.catalog import Catalog
from local_warehouse.catalog.objects import Table
from local_warehouse.delta import log
from local_warehouse.delta.cached_folders import CachedFolders
from local_warehouse.delta.commits import Commits
from local_warehouse.errors import missing_files

from .errors import log_file_not_found
from .row_differences import RowDifferences, row_shape
from .row_images import row_images
from .spans import RecordedSpans

_FILES_PER_FOLDER = 12
# The rows are sorted by version, so readers of late versions skip large earlier commits. Delta has
# separate files for each version.
_ROWS_PER_GROUP = 8_192
_ATTEMPTS = 3
EXTRA = (
    pa.field("_change_type", pa.string()),
    pa.field("_commit_version", pa.int64()),
    pa.field("_commit_timestamp", pa.timestamp("us", tz="UTC")),
)


@dataclass(frozen=True, order=True)
class _ChangeFolder:
    """A folder with the changes of the versions from ``first`` to ``latest``."""

    latest: int
    first: int
    path: Path


class ChangeFeed:
    """The change data feeds of all tables. Safe to use from many threads."""

    def __init__(
        self, catalog: Catalog, commits: Commits, row_differences: RowDifferences, folder: Path
    ) -> None:
        self._catalog = catalog
        self._commits = commits
        self._row_differences = row_differences
        self._folder = folder / "changes"
        self._locks: dict[str, threading.Lock] = {}
        self._cached = CachedFolders()
        self.spans = RecordedSpans(commits)
        self._delete_old_folders()

    @contextmanager
    def reading(self, table: Table, start: int) -> Iterator[Path]:
        """Give the block a folder of Parquet files with all changes from version ``start`` on.

        Raises SqlError if data files that the changes need are gone.
        """
        with self._lock_of(table):
            path = self._folder_from(table, start)
            self._cached.acquire(path)
        try:
            yield path
        finally:
            self._cached.release(path)

    def last_unreadable(self, table: Table, without: frozenset[str] = frozenset()) -> int:
        """Return the last version whose changes need a data file that is gone or in ``without``.

        Returns -1 if there is no such version.
        """
        location = self._catalog.location(table)
        known = max(table.vacuumed_to, self._commits.earliest(table).commit - 1)
        for version in range(self._commits.version(table), known, -1):
            files = log.files_of_commit(location, version)
            needed = (*files.added, *files.removed)
            if any(path in without or not (location / path).exists() for path in needed):
                return version
        return table.vacuumed_to

    def forget(self, table: Table) -> None:
        """Discard the table's folders: they would keep rows that VACUUM deletes."""
        with self._lock_of(table):
            for folder in (self._folder / table.id).glob("*/*"):
                self._cached.discard(folder)

    def _lock_of(self, table: Table) -> threading.Lock:
        return self._locks.setdefault(table.id, threading.Lock())

    def _folder_from(self, table: Table, start: int) -> Path:
        for attempt in range(_ATTEMPTS):
            if start <= table.vacuumed_to:
                break
            if start < self._commits.earliest(table).commit:
                raise log_file_not_found(table, start)
            try:
                return self._up_to_date_folder(table, anew=attempt > 0)
            except FileNotFoundError:
                self._note_missing_files(table)
        raise missing_files(table.full_name, start)

    def _note_missing_files(self, table: Table) -> None:
        """Note deleted files of a VACUUM that is still running, or was killed before it noted
        them."""
        found = self.last_unreadable(table)
        if found > table.vacuumed_to:
            table.vacuumed_to = found
            self._catalog.save()

    def _up_to_date_folder(self, table: Table, *, anew: bool) -> Path:
        """Return a folder with all changes up to now; with ``anew``, compute all of them again."""
        latest, earliest = self._commits.version(table), self._commits.earliest(table).commit
        recorded = min((first for first, _ in self.spans.of(table)), default=0)
        allowed = max(recorded, table.vacuumed_to + 1, table.schema_since)
        first = max(allowed, earliest)
        home = self._home(table)
        known = None if anew else max(_change_folders(home), default=None)
        if known and not (allowed <= known.first <= first and known.latest + 1 >= earliest):
            known = None
        if known and known.latest == latest:
            return known.path
        path = self._extend(table, home, known or _ChangeFolder(first - 1, first, home), latest)
        for other in home.parent.glob("*/*"):
            if other != path:
                self._cached.discard(other)
        return path

    def _extend(self, table: Table, home: Path, known: _ChangeFolder, latest: int) -> Path:
        """Make a new folder with the known changes and the changes of later versions."""
        schema = pa.schema([*self._row_differences.schema(table), *EXTRA])
        found = (self._changes_of(table, n, schema) for n in range(known.latest + 1, latest + 1))
        parts = [part for part in found if part is not None]
        new = pa.concat_tables(parts).cast(schema) if parts else schema.empty_table()
        path = home / f"{known.first}-{latest}"
        draft = home / f".{path.name}"
        for left_over in (draft, path):
            shutil.rmtree(left_over, ignore_errors=True)
        draft.mkdir(parents=True)
        old = sorted(known.path.glob("*.parquet"))
        if new.num_rows and len(old) >= _FILES_PER_FOLDER:
            new = pa.concat_tables([*(pq.read_table(file) for file in old), new])
            old = []
        for file in old:
            os.link(file, draft / file.name)
        if new.num_rows or not old:
            file = draft / f"{known.latest + 1:08d}-{latest:08d}.parquet"
            pq.write_table(new, file, row_group_size=_ROWS_PER_GROUP)
        draft.rename(path)
        return path

    def _changes_of(self, table: Table, version: int, schema: pa.Schema) -> pa.Table | None:
        """Return one commit's changes; None if it changed no row."""
        step = self._row_differences.of(table, version)
        found = row_images(step.removed, step.added, _keys(table), step.info)
        if not found.num_rows:
            return None
        moment = pa.scalar(int(step.info.get("timestamp", 0)) * 1000, EXTRA[2].type)
        extra = (pa.scalar(version, pa.int64()), moment)
        for field, value in zip(EXTRA[1:], extra, strict=True):
            found = found.append_column(field, pa.repeat(value, found.num_rows))
        return found

    def _home(self, table: Table) -> Path:
        """Return the parent of the folders that are made for the table's columns and key."""
        shape = repr((row_shape(table), _keys(table)))
        return self._folder / table.id / hashlib.sha256(shape.encode()).hexdigest()[:16]

    def _delete_old_folders(self) -> None:
        """Keep only each table's latest folder; a killed warehouse may have left others."""
        homes = {self._home(table) for table in self._catalog.all_tables()}
        kept = {max(_change_folders(home)).path for home in homes if any(_change_folders(home))}
        for folder in self._folder.glob("*/*/*"):
            if folder not in kept:
                shutil.rmtree(folder, ignore_errors=True)
        for home in [*self._folder.glob("*/*"), *self._folder.glob("*")]:
            if not any(home.iterdir()):
                home.rmdir()


def _change_folders(home: Path) -> Iterator[_ChangeFolder]:
    for entry in home.iterdir() if home.exists() else ():
        if named := re.fullmatch(r"(\d+)-(\d+)", entry.name):
            yield _ChangeFolder(int(named[2]), int(named[1]), entry)


def _keys(table: Table) -> list[str]:
    return next((c.columns for c in table.constraints if c.kind == "PRIMARY KEY"), [])
