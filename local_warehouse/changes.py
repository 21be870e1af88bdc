"""The change data feed: which rows each commit added, removed and changed.

The engine (0.7.2) writes no change files, and refuses to update tables whose log asks for them.
So changes are computed from the data files that a commit removed and added: rows that stand in
both were only moved. A commit never changes, so its changes are computed once and kept as Parquet
files beside the tables; a folder of them is what a statement reads.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from .catalog import Catalog, Table
from .commits import Commits
from .errors import SqlError
from .images import images

_SEGMENTS = 12
_KEPT = 3
EXTRA = (
    pa.field("_change_type", pa.string()),
    pa.field("_commit_version", pa.int64()),
    pa.field("_commit_timestamp", pa.timestamp("us", tz="UTC")),
)


class Changes:
    """The feeds of all tables. Safe to use from many threads."""

    def __init__(self, catalog: Catalog, commits: Commits, folder: Path) -> None:
        self._catalog = catalog
        self._commits = commits
        self._folder = folder / "changes"
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def since(self, table: Table) -> int:
        """The first version whose changes are recorded. Raises SqlError: the feed is off."""
        if not table.has_change_feed:
            raise missing_changes(0, self._commits.version(table), 0)
        return table.feed_since or 0

    def _first(self, table: Table) -> int:
        return max(self.since(table), table.vacuumed_to + 1, table.schema_since)

    def last_unreadable(self, table: Table) -> int:
        """The last version whose changes need a file that is gone; -1 where there is none."""
        location = self._catalog.location(table)
        for version in range(self._commits.version(table), -1, -1):
            added, removed, _ = _actions(location, version)
            if not all((location / path).exists() for path in (*added, *removed)):
                return version
        return -1

    def folder(self, table: Table) -> Path:
        """A folder of Parquet files with the changes of all versions whose files are there."""
        with self._locks[table.id]:
            latest, since = self._commits.version(table), self._first(table)
            home = self._folder / table.id / f"{table.epoch}-{since}"
            done = sorted(int(entry.name) for entry in home.iterdir()) if home.exists() else []
            if done and done[-1] == latest:
                return home / str(latest)
            if not done:
                shutil.rmtree(home.parent, ignore_errors=True)
            path = self._extend(table, home, done[-1] if done else None, latest)
            for old in done[:-_KEPT]:
                shutil.rmtree(home / str(old), ignore_errors=True)
            return path

    def forget(self, table: Table) -> None:
        shutil.rmtree(self._folder / table.id, ignore_errors=True)

    def _extend(self, table: Table, home: Path, covered: int | None, latest: int) -> Path:
        """What is there, up to ``covered``, and what came after, as one more folder."""
        schema = self._schema(table)
        first = self._first(table) if covered is None else covered + 1
        found = (self._of(table, version, schema) for version in range(first, latest + 1))
        parts = [part for part in found if part is not None]
        new = pa.concat_tables(parts).cast(schema) if parts else schema.empty_table()
        draft = home / f".{latest}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        old = [] if covered is None else sorted((home / str(covered)).glob("*.parquet"))
        if new.num_rows and len(old) >= _SEGMENTS:
            new = pa.concat_tables([*(pq.read_table(path) for path in old), new])
            old = []
        for path in old:
            os.link(path, draft / path.name)
        if new.num_rows or not old:
            pq.write_table(new, draft / f"{first:08d}-{latest:08d}.parquet")
        draft.rename(home / str(latest))
        return home / str(latest)

    def _schema(self, table: Table) -> pa.Schema:
        delta = DeltaTable(self._catalog.location(table))
        fields = [field.with_nullable(True) for field in pa.schema(delta.schema().to_arrow())]
        return pa.schema([_plain(field) for field in fields] + list(EXTRA))

    def _of(self, table: Table, version: int, schema: pa.Schema) -> pa.Table | None:
        """One commit's changes; None where it changed no row."""
        location = self._catalog.location(table)
        added, removed, info = _actions(location, version)
        own = pa.schema(list(schema)[: -len(EXTRA)])
        before, after = _rows(location, removed, own), _rows(location, added, own)
        keys = next((c.columns for c in table.constraints if c.kind == "PRIMARY KEY"), [])
        found = images(before, after, keys, info.get("operation", ""))
        if not found.num_rows:
            return None
        moment = pa.scalar(int(info.get("timestamp", 0)) * 1000, EXTRA[2].type)
        extra = (pa.scalar(version, pa.int64()), moment)
        for field, value in zip(EXTRA[1:], extra, strict=True):
            found = found.append_column(field, pa.repeat(value, found.num_rows))
        return found


def _rows(location: Path, paths: list[str], schema: pa.Schema) -> pa.Table:
    """The rows of data files, by name; columns that came later are empty in older files."""
    tables = [schema.empty_table()]
    for path in paths:
        file = pq.ParquetFile(location / path).read()
        there = {name.lower(): name for name in file.column_names}
        columns = [
            file.column(there[field.name.lower()]).cast(field.type)
            if field.name.lower() in there
            else pa.nulls(file.num_rows, field.type)
            for field in schema
        ]
        tables.append(pa.table(columns, schema=schema))
    return pa.concat_tables(tables)


def _actions(location: Path, version: int) -> tuple[list[str], list[str], dict]:
    """The files that a commit added and removed, each less those in both, and its info."""
    added: Counter[str] = Counter()
    removed: Counter[str] = Counter()
    info: dict = {}
    try:
        text = (location / "_delta_log" / f"{version:020d}.json").read_text()
    except FileNotFoundError:
        raise missing_changes(version, version, version) from None
    for line in text.splitlines():
        action = json.loads(line)
        info = action.get("commitInfo", info)
        for name, files in (("add", added), ("remove", removed)):
            if action.get(name, {}).get("dataChange"):
                files[action[name]["path"]] += 1
    return list((added - removed).elements()), list((removed - added).elements()), info


def _plain(field: pa.Field) -> pa.Field:
    """As the engine writes it: neither views nor dictionaries."""
    if pa.types.is_string_view(field.type) or pa.types.is_large_string(field.type):
        return field.with_type(pa.string())
    return field


def missing_changes(start: int, end: int, version: int) -> SqlError:
    return SqlError(
        "DELTA_MISSING_CHANGE_DATA",
        f"Error getting change data for range [{start} , {end}] as change data was not recorded "
        f"for version [{version}]. If you've enabled change data feed on this table, use "
        "`DESCRIBE HISTORY` to see when it was first enabled.",
        "KD002",
    )


def vacuumed_changes(version: int) -> SqlError:
    return SqlError(
        "DELTA_CHANGE_DATA_FILE_NOT_FOUND",
        f"Files of version {version} referenced in the transaction log cannot be found: VACUUM "
        "has removed them. Read changes of later versions.",
        "42K03",
    )


def renamed_columns(start: int, end: int, version: int) -> SqlError:
    return SqlError(
        "DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_SCHEMA_CHANGE",
        f"Retrieving table changes between version {start} and {end} failed because of an "
        f"incompatible schema change at version {version}. Read changes of later versions.",
        "0AKDC",
    )
