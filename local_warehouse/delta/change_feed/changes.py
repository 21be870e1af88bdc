"""The change data feed: which rows each commit added, removed and changed.

The engine (0.7.2) writes no change files, and refuses to update tables whose log asks for them.
So changes are computed (differences.py), once, and kept as Parquet files beside the tables; a
folder of them, named by the versions that it covers, is what a statement reads.
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
from local_warehouse.delta.cached_folders import Shelf
from local_warehouse.delta.commits import Commits
from local_warehouse.delta.time_travel import version_not_found

from .errors import vacuumed_changes
from .row_differences import Differences, described
from .row_images import images
from .spans import Spans

_SEGMENTS = 12
_ATTEMPTS = 3
EXTRA = (
    pa.field("_change_type", pa.string()),
    pa.field("_commit_version", pa.int64()),
    pa.field("_commit_timestamp", pa.timestamp("us", tz="UTC")),
)


@dataclass(frozen=True, order=True)
class _Covering:
    """A folder with the changes of some versions."""

    latest: int
    first: int
    path: Path


class Changes:
    """The feeds of all tables. Safe to use from many threads."""

    def __init__(
        self, catalog: Catalog, commits: Commits, differences: Differences, folder: Path
    ) -> None:
        self._catalog = catalog
        self._commits = commits
        self._differences = differences
        self._folder = folder / "changes"
        self._locks: dict[str, threading.Lock] = {}
        self._shelf = Shelf()
        self.spans = Spans(commits)
        self._tidy_up()

    @contextmanager
    def reading(self, table: Table, start: int) -> Iterator[Path]:
        """A folder of Parquet files with all changes from ``start`` on, which stays there for as
        long as the block takes. Raises SqlError where files that this needs are gone."""
        with self._lock_of(table):
            path = self._folder_from(table, start)
            self._shelf.take(path)
        try:
            yield path
        finally:
            self._shelf.give_back(path)

    def last_unreadable(self, table: Table, without: frozenset[str] = frozenset()) -> int:
        """The last version whose changes need a file that is gone, or is one of ``without``."""
        location = self._catalog.location(table)
        known = max(table.vacuumed_to, self._commits.reach(table).commits - 1)
        for version in range(self._commits.version(table), known, -1):
            files = log.files_of_commit(location, version)
            needed = (*files.added, *files.removed)
            if any(path in without or not (location / path).exists() for path in needed):
                return version
        return table.vacuumed_to

    def forget(self, table: Table) -> None:
        """What was computed of a table: rows would outlive a VACUUM there."""
        with self._lock_of(table):
            for folder in (self._folder / table.id).glob("*/*"):
                self._shelf.discard(folder)

    def _lock_of(self, table: Table) -> threading.Lock:
        return self._locks.setdefault(table.id, threading.Lock())

    def _folder_from(self, table: Table, start: int) -> Path:
        for attempt in range(_ATTEMPTS):
            if start <= table.vacuumed_to:
                break
            earliest = self._commits.reach(table).commits
            if start < earliest:
                raise version_not_found(start, earliest, self._commits.version(table))
            try:
                return self._up_to_date(table, anew=attempt > 0)
            except FileNotFoundError:
                self._look_for_what_is_gone(table)
        raise vacuumed_changes(start)

    def _look_for_what_is_gone(self, table: Table) -> None:
        """VACUUM runs, or was killed before it could say what it had removed."""
        found = self.last_unreadable(table)
        if found > table.vacuumed_to:
            table.vacuumed_to = found
            self._catalog.save()

    def _up_to_date(self, table: Table, *, anew: bool) -> Path:
        latest, earliest = self._commits.version(table), self._commits.reach(table).commits
        recorded = min((first for first, _ in self.spans.of(table)), default=0)
        allowed = max(recorded, table.vacuumed_to + 1, table.schema_since)
        first = max(allowed, earliest)
        home = self._home(table)
        covered = None if anew else max(_coverings(home), default=None)
        if covered and not (allowed <= covered.first <= first and covered.latest + 1 >= earliest):
            covered = None
        if covered and covered.latest == latest:
            return covered.path
        path = self._extend(table, home, covered or _Covering(first - 1, first, home), latest)
        for other in home.parent.glob("*/*"):
            if other != path:
                self._shelf.discard(other)
        return path

    def _extend(self, table: Table, home: Path, covered: _Covering, latest: int) -> Path:
        """What is there, and what came after, as one more folder."""
        schema = pa.schema([*self._differences.schema(table), *EXTRA])
        found = (self._of(table, n, schema) for n in range(covered.latest + 1, latest + 1))
        parts = [part for part in found if part is not None]
        new = pa.concat_tables(parts).cast(schema) if parts else schema.empty_table()
        path = home / f"{covered.first}-{latest}"
        draft = home / f".{path.name}"
        for left_over in (draft, path):
            shutil.rmtree(left_over, ignore_errors=True)
        draft.mkdir(parents=True)
        old = sorted(covered.path.glob("*.parquet"))
        if new.num_rows and len(old) >= _SEGMENTS:
            new = pa.concat_tables([*(pq.read_table(segment) for segment in old), new])
            old = []
        for segment in old:
            os.link(segment, draft / segment.name)
        if new.num_rows or not old:
            pq.write_table(new, draft / f"{covered.latest + 1:08d}-{latest:08d}.parquet")
        draft.rename(path)
        return path

    def _of(self, table: Table, version: int, schema: pa.Schema) -> pa.Table | None:
        """One commit's changes; None where it changed no row."""
        step = self._differences.of(table, version)
        found = images(step.gone, step.come, _keys(table), step.info)
        if not found.num_rows:
            return None
        moment = pa.scalar(int(step.info.get("timestamp", 0)) * 1000, EXTRA[2].type)
        extra = (pa.scalar(version, pa.int64()), moment)
        for field, value in zip(EXTRA[1:], extra, strict=True):
            found = found.append_column(field, pa.repeat(value, found.num_rows))
        return found

    def _home(self, table: Table) -> Path:
        """Where folders of the same columns and key are."""
        description = repr((described(table), _keys(table)))
        return self._folder / table.id / hashlib.sha256(description.encode()).hexdigest()[:16]

    def _tidy_up(self) -> None:
        """Keep what goes on, of a warehouse that may have been killed: each table's latest."""
        homes = {self._home(table) for table in self._catalog.all_tables()}
        kept = {max(_coverings(home)).path for home in homes if any(_coverings(home))}
        for folder in self._folder.glob("*/*/*"):
            if folder not in kept:
                shutil.rmtree(folder, ignore_errors=True)
        for home in [*self._folder.glob("*/*"), *self._folder.glob("*")]:
            if not any(home.iterdir()):
                home.rmdir()


def _coverings(home: Path) -> Iterator[_Covering]:
    for entry in home.iterdir() if home.exists() else ():
        if named := re.fullmatch(r"(\d+)-(\d+)", entry.name):
            yield _Covering(int(named[2]), int(named[1]), entry)


def _keys(table: Table) -> list[str]:
    return next((c.columns for c in table.constraints if c.kind == "PRIMARY KEY"), [])
