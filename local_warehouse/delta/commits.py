"""Commits to tables: one at a time per table, with the user who made each.

The engine writes Delta's log and does not know the users of this warehouse. So a file beside
the tables has one line per commit with its user, for DESCRIBE HISTORY.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

from local_warehouse.cancellation import Cancellation
from local_warehouse.catalog.catalog import Catalog
from local_warehouse.catalog.objects import Table

from . import log, metadata
from .fair_lock import FairLock
from .log import CommitInfo, EarliestVersions
from .old_commits import delete_commits

_CHECK_SECONDS = 0.05


class Maker(TypedDict):
    """The user and the statement that made a version.

    ``merged`` is the condition of a MERGE that ran as an INSERT.
    """

    version: int
    user: str
    statement_id: str
    merged: NotRequired[str]


class Commits:
    """Puts the writes to each table in order, so that only real conflicts are refused.

    ``inserts_conflict``: whether a MERGE that only inserts conflicts with another that inserted
    the same key. Databricks does not promise that.

    ``may_write``: tests clear it to make each writer wait while it holds its table.
    """

    def __init__(self, catalog: Catalog, folder: Path) -> None:
        self.inserts_conflict = True
        self.may_write = threading.Event()
        self.may_write.set()
        self._catalog = catalog
        self._folder = folder / "commits"
        self._folder.mkdir(exist_ok=True)
        self._locks: dict[str, FairLock] = {}
        self._versions: dict[str, int] = {}
        self._earliest: dict[str, EarliestVersions] = {}
        self._makers: dict[str, dict[int, Maker]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def exclusively(self, table: Table, cancellation: Cancellation) -> Iterator[None]:
        """Hold the table against other writers. Raises Cancelled while waiting."""
        with self._locks.setdefault(table.id, FairLock()).hold(cancellation):
            while not self.may_write.is_set():
                cancellation.wait(_CHECK_SECONDS)
            yield

    def writers(self) -> int:
        """Return the number of writers that hold a table or wait for it."""
        return sum(lock.users for lock in tuple(self._locks.values()))

    def version(self, table: Table) -> int:
        """Return the table's latest version."""
        known = self._versions.get(table.id, -1)
        version = log.latest_version(self._catalog.location(table), known)
        self._versions[table.id] = version
        return version

    def info(self, table: Table, version: int) -> CommitInfo:
        return log.commit_info(self._catalog.location(table), version)

    def earliest(self, table: Table) -> EarliestVersions:
        """Return the earliest versions that the log has.

        ``forget_before`` deletes commits; so did the engine in tables of earlier versions.
        """
        location = self._catalog.location(table)
        known = self._earliest.get(table.id)
        if known is None or not log.has_commit(location, known.commit):
            known = self._earliest[table.id] = log.earliest(location)
        return known

    def description(self, table: Table, version: int) -> dict[str, Any] | None:
        """Return the description in a version's commit, or None if the commit has none."""
        for action in log.read_commit(self._catalog.location(table), version):
            text = action.get("metaData", {}).get("configuration", {}).get(metadata.KEY)
            if text is not None:
                description: dict[str, Any] = json.loads(text)
                return description
        return None

    def record(
        self,
        table: Table,
        version: int,
        user: str,
        statement_id: str,
        merged: str | None = None,
    ) -> None:
        """Store on disk who made a version."""
        maker = Maker(version=version, user=user, statement_id=statement_id)
        if merged is not None:
            maker["merged"] = merged
        makers = self.makers(table)
        with self._lock:
            _append(self._file(table), f"{json.dumps(maker)}\n".encode())
            makers[version] = maker

    def record_all(self, table: Table, user: str, statement_id: str) -> None:
        """Store who made the latest versions, back to one that has a record."""
        known = self.makers(table)
        for version in range(self.version(table), -1, -1):
            if version in known:
                break
            self.record(table, version, user, statement_id)

    def makers(self, table: Table) -> dict[int, Maker]:
        """Return who made which version; versions without a record are missing.

        The caller must not change the result.
        """
        with self._lock:
            if table.id not in self._makers:
                self._makers[table.id] = self._read_makers(table)
            return self._makers[table.id]

    def _read_makers(self, table: Table) -> dict[int, Maker]:
        file = self._file(table)
        if not file.exists():
            return {}
        lines = log.read_json_lines(file.read_text(encoding="utf-8"))
        return {line["version"]: cast(Maker, line) for line in lines}  # JSON has no types

    def _file(self, table: Table) -> Path:
        return self._folder / f"{table.id}.jsonl"

    def forget_before(self, table: Table, version: int) -> None:
        """Delete the commits before a version, and who made them. The caller holds the table."""
        delete_commits(self._catalog.location(table), version)
        makers = self.makers(table)
        with self._lock:
            self._earliest.pop(table.id, None)
            kept = {n: maker for n, maker in makers.items() if n >= version}
            draft = self._file(table).with_suffix(".tmp")
            draft.write_text("".join(f"{json.dumps(maker)}\n" for maker in kept.values()))
            draft.replace(self._file(table))
            self._makers[table.id] = kept

    def forget(self, table: Table) -> None:
        """Forget a dropped table."""
        with self._lock:
            self._versions.pop(table.id, None)
            self._earliest.pop(table.id, None)
            self._makers.pop(table.id, None)
            self._file(table).unlink(missing_ok=True)


def _append(file: Path, line: bytes) -> None:
    """Append all of the line or nothing: a part would spoil the file. Raises OSError."""
    with file.open("ab", buffering=0) as opened:
        end = opened.tell()
        try:
            if opened.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            opened.truncate(end)
            raise
