"""Tables as of a version or a moment.

The engine cannot read a version older than the latest checkpoint (it looks for the checkpoint
too late in the log). So a past version is laid out as a table of its own: hard links to the
data files of that version, under a log with one commit. A version never changes, so what was
laid out once serves until the warehouse starts anew.
"""

from __future__ import annotations

import bisect
import datetime as dt
import json
import os
import shutil
import threading
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from .catalog import Catalog, Table
from .commits import Commits
from .errors import SqlError

KEPT = 512


class Past:
    """Finds versions by time, and lays versions out for the engine."""

    def __init__(self, catalog: Catalog, commits: Commits, folder: Path) -> None:
        self._catalog = catalog
        self._commits = commits
        self._folder = folder / "past"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._laid_out: dict[tuple[str, int], Path] = {}
        self._moments: dict[str, list[int]] = {}
        self._lock = threading.Lock()

    def version_at(self, table: Table, moment: dt.datetime) -> int:
        """The version that was the latest at ``moment``.

        Raises SqlError for a moment before the first commit or after the last, as Delta does.
        """
        moments = self._commit_moments(table)
        wanted = int(moment.timestamp() * 1000)
        if wanted > moments[-1]:
            latest = dt.datetime.fromtimestamp(moments[-1] / 1000, dt.UTC)
            raise SqlError(
                "DELTA_TIMESTAMP_GREATER_THAN_COMMIT",
                f"The provided timestamp ({moment}) is after the latest version available to "
                f"this table. Please use a timestamp before or at {latest}.",
                "42816",
            )
        if wanted < moments[0]:
            earliest = dt.datetime.fromtimestamp(moments[0] / 1000, dt.UTC)
            raise SqlError(
                "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION",
                f"The provided timestamp ({moment}) is before the earliest version available "
                f"to this table. Please use a timestamp after {earliest}.",
                "42816",
            )
        return bisect.bisect_right(moments, wanted) - 1

    def version_from(self, table: Table, moment: dt.datetime) -> int:
        """The first version at or after ``moment``; raises SqlError where there is none."""
        moments = self._commit_moments(table)
        wanted = int(moment.timestamp() * 1000)
        if wanted > moments[-1]:
            self.version_at(table, moment)
        return bisect.bisect_left(moments, wanted)

    def require(self, table: Table, version: int) -> None:
        """Raises SqlError for a version that there is not."""
        latest = self._commits.version(table)
        if not 0 <= version <= latest:
            raise SqlError(
                "DELTA_VERSION_NOT_FOUND",
                f"Cannot time travel Delta table to version {version}. "
                f"Available versions: [0, {latest}].",
                "22003",
            )

    def lay_out(self, table: Table, version: int) -> Path:
        """A folder that the engine can read as a Delta table. Raises SqlError."""
        self.require(table, version)
        key = (table.id, version)
        with self._lock:
            path = self._laid_out.get(key)
            if path is None:
                path = self._folder / f"{table.id}-{version}"
                self._write(table, version, path)
                self._laid_out[key] = path
                self._drop_oldest()
        return path

    def forget(self, table: Table) -> None:
        """What was laid out of a table: its files would outlive a VACUUM there."""
        with self._lock:
            for key in [key for key in self._laid_out if key[0] == table.id]:
                shutil.rmtree(self._laid_out.pop(key), ignore_errors=True)

    def _drop_oldest(self) -> None:
        while len(self._laid_out) > KEPT:
            oldest = next(iter(self._laid_out))
            shutil.rmtree(self._laid_out.pop(oldest), ignore_errors=True)

    def _write(self, table: Table, version: int, path: Path) -> None:
        location = self._catalog.location(table)
        try:
            delta = DeltaTable(location, version=version)
        except DeltaError as error:
            raise SqlError("DELTA_VERSION_NOT_FOUND", str(error), "22003") from error
        shutil.rmtree(path, ignore_errors=True)
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

    def _commit_moments(self, table: Table) -> list[int]:
        """Milliseconds of each version's commit, never falling, by version."""
        with self._lock:
            moments = self._moments.setdefault(table.id, [])
            for version in range(len(moments), self._commits.version(table) + 1):
                moment = int(self._commits.info(table, version).get("timestamp", 0))
                moments.append(max([moment, *moments[-1:]]))
            return list(moments)


def vacuumed(table: Table, version: int) -> SqlError:
    return SqlError(
        "DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION",
        "Cannot time travel beyond delta.deletedFileRetentionDuration set on the table: VACUUM "
        f"has removed files of version {version} of {table.full_name}.",
        "0AKDC",
    )
