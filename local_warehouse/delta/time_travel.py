"""Tables as of a version or a moment.

The engine cannot read a version older than the latest checkpoint (it looks for the checkpoint
too late in the log). So a past version is laid out as a table of its own: hard links to the
data files of that version, under a log with one commit. A version never changes, so what was
laid out once serves until the warehouse starts anew. VACUUM has it forgotten; whoever reads it
then, reads on.
"""

from __future__ import annotations

import bisect
import datetime as dt
import itertools
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from local_warehouse.catalog.catalog import Catalog
from local_warehouse.catalog.objects import Table
from local_warehouse.errors import SqlError

from .cached_folders import Shelf
from .commits import Commits

KEPT = 512


class Past:
    """Finds versions by time, and lays versions out for the engine."""

    def __init__(self, catalog: Catalog, commits: Commits, folder: Path) -> None:
        self._catalog = catalog
        self._commits = commits
        self._folder = folder / "past"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._laid_out: dict[tuple[str, int], Path] = {}
        self._numbers = itertools.count()
        self._shelf = Shelf()
        self._moments: dict[str, tuple[int, list[int]]] = {}
        self._lock = threading.Lock()

    def version_at(self, table: Table, moment: dt.datetime) -> int:
        """The version that was the latest at ``moment``.

        Raises SqlError for a moment before the first commit or after the last, as Delta does.
        """
        first, moments = self._commit_moments(table)
        reach = self._commits.reach(table)
        wanted = int(moment.timestamp() * 1000)
        if wanted > moments[-1]:
            latest = dt.datetime.fromtimestamp(moments[-1] / 1000, dt.UTC)
            raise SqlError(
                "DELTA_TIMESTAMP_GREATER_THAN_COMMIT",
                f"The provided timestamp ({moment}) is after the latest version available to "
                f"this table. Please use a timestamp before or at {latest}.",
                "42816",
            )
        earliest = moments[max(reach.versions - first, 0)]
        if wanted < earliest:
            earliest_ = dt.datetime.fromtimestamp(earliest / 1000, dt.UTC)
            raise SqlError(
                "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION",
                f"The provided timestamp ({moment}) is before the earliest version available "
                f"to this table. Please use a timestamp after {earliest_}.",
                "42816",
            )
        return first + bisect.bisect_right(moments, wanted) - 1

    def version_from(self, table: Table, moment: dt.datetime) -> int:
        """The first version at or after ``moment``; raises SqlError where there is none."""
        first, moments = self._commit_moments(table)
        wanted = int(moment.timestamp() * 1000)
        if wanted > moments[-1]:
            self.version_at(table, moment)
        return first + bisect.bisect_left(moments, wanted)

    def require(self, table: Table, version: int) -> None:
        """Raises SqlError for a version that there is not, or not any more."""
        latest, earliest = self._commits.version(table), self._commits.reach(table).versions
        if not earliest <= version <= latest:
            raise version_not_found(version, earliest, latest)

    @contextmanager
    def reading(self, table: Table, version: int) -> Iterator[Path]:
        """A folder that the engine can read as a Delta table, for as long as the block takes.
        Raises SqlError."""
        with self._lock:
            path = self._lay_out(table, version)
            self._shelf.take(path)
        try:
            yield path
        finally:
            self._shelf.give_back(path)

    def _lay_out(self, table: Table, version: int) -> Path:
        self.require(table, version)
        key = (table.id, version)
        path = self._laid_out.get(key)
        if path is None:
            path = self._folder / f"{table.id}-{version}-{next(self._numbers)}"
            self._write(table, version, path)
            self._laid_out[key] = path
            self._drop_oldest()
        return path

    def forget(self, table: Table) -> None:
        """What was laid out of a table: its files would outlive a VACUUM there."""
        with self._lock:
            for key in [key for key in self._laid_out if key[0] == table.id]:
                self._shelf.discard(self._laid_out.pop(key))

    def _drop_oldest(self) -> None:
        while len(self._laid_out) > KEPT:
            oldest = next(iter(self._laid_out))
            self._shelf.discard(self._laid_out.pop(oldest))

    def _write(self, table: Table, version: int, path: Path) -> None:
        location = self._catalog.location(table)
        try:
            delta = DeltaTable(location, version=version)
        except DeltaError as error:
            raise SqlError("DELTA_VERSION_NOT_FOUND", str(error), "22003") from error
        (path / "_delta_log").mkdir(parents=True)
        files = pa.table(delta.get_add_actions()).select(["path", "size_bytes"]).to_pylist()
        for file in files:
            try:
                os.link(location / file["path"], path / file["path"])
            except FileNotFoundError:
                shutil.rmtree(path, ignore_errors=True)
                raise vacuumed(table, version) from None
        actions = [
            {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
            {
                "metaData": {
                    "id": table.id,
                    "format": {"provider": "parquet", "options": {}},
                    "schemaString": delta.schema().to_json(),
                    "partitionColumns": [],
                    "configuration": {},
                }
            },
            *(
                {
                    "add": {
                        "path": file["path"],
                        "partitionValues": {},
                        "size": file["size_bytes"],
                        "modificationTime": 0,
                        "dataChange": True,
                    }
                }
                for file in files
            ),
        ]
        log = path / "_delta_log" / f"{0:020d}.json"
        log.write_text("".join(json.dumps(action) + "\n" for action in actions))

    def _commit_moments(self, table: Table) -> tuple[int, list[int]]:
        """The first version whose commit is there; milliseconds of each commit from it on, never
        falling."""
        earliest, latest = self._commits.reach(table).commits, self._commits.version(table)
        with self._lock:
            first, moments = self._moments.get(table.id, (earliest, []))
            first, moments = earliest, moments[earliest - first :]
            for version in range(first + len(moments), latest + 1):
                moment = int(self._commits.info(table, version).get("timestamp", 0))
                moments.append(max([moment, *moments[-1:]]))
            self._moments[table.id] = first, moments
            return first, list(moments)


def vacuumed(table: Table, version: int) -> SqlError:
    return SqlError(
        "DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION",
        "Cannot time travel beyond delta.deletedFileRetentionDuration set on the table: VACUUM "
        f"has removed files of version {version} of {table.full_name}.",
        "0AKDC",
    )


def version_not_found(version: int, earliest: int, latest: int) -> SqlError:
    return SqlError(
        "DELTA_VERSION_NOT_FOUND",
        f"Cannot time travel Delta table to version {version}. "
        f"Available versions: [{earliest}, {latest}].",
        "22003",
    )
