"""The commits of a table, from DESCRIBE HISTORY."""

from __future__ import annotations

import datetime as dt
import json
import threading
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from cachetools import LRUCache

from crm.model.schema import Table
from crm.repository import _sql
from crm.repository._sql import Row
from crm.warehouse import Warehouse

_FEED_ON = '"delta.enableChangeDataFeed":"true"'
_NOT_NULL = '"nullable":false'
# By operation, the metrics that count the rows that it inserted, and those that it updated or
# deleted. Other operations do not say how many rows they wrote.
# https://docs.databricks.com/delta/history#operation-metrics-keys
_METRICS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "WRITE": (("numOutputRows",), ()),
    "UPDATE": ((), ("numUpdatedRows",)),
    "DELETE": ((), ("numDeletedRows",)),
    "MERGE": (("numTargetRowsInserted",), ("numTargetRowsUpdated", "numTargetRowsDeleted")),
    **dict.fromkeys(("OPTIMIZE", "VACUUM START", "VACUUM END"), ((), ())),
}


@dataclass(frozen=True)
class Commit:
    """One version of one table.

    :param person: the Databricks user who made it; empty if unknown.
    :param enables_feed: whether it switched the change data feed on.
    :param added: the names of the columns that it added to the table.
    :param dropped: the names of the columns that it dropped or renamed.
    :param changed: the number of rows that it updated or deleted; None if unknown.
    :param inserted: the number of rows that it inserted; None if unknown.
    :param forbids_null: whether it changed a column that is now NOT NULL, and may have been
        before.
    """

    version: int
    moment: dt.datetime
    operation: str
    person: str = ""
    enables_feed: bool = False
    added: frozenset[str] = frozenset()
    forbids_null: bool = False
    dropped: frozenset[str] = frozenset()
    changed: int | None = None
    inserted: int | None = None

    @property
    def written(self) -> int | None:
        """Return the number of rows that it inserted, updated or deleted; None if unknown."""
        if self.changed is None or self.inserted is None:
            return None
        return self.changed + self.inserted


_lock = threading.Lock()
# Each token of a person has separate timelines. They share equal commits, since a table may have
# thousands.
_known: LRUCache[tuple[str, int], Commit] = LRUCache(maxsize=50_000)


def commits_of(wh: Warehouse, table: Table, newest: int | None = None) -> tuple[Commit, ...]:
    """Return the commits of a table, or the ``newest`` of them, oldest first."""
    sql = "DESCRIBE HISTORY {table} {limit}"
    # LIMIT is part of the command, which takes no parameters.
    parts = {"table": wh.namespace.table(table), "limit": f"LIMIT {newest}" if newest else ""}
    rows = wh.query(_sql.render(wh.namespace, sql, **parts))
    with _lock:
        found = [_shared(parts["table"], commit_of(row)) for row in rows]
    return tuple(sorted(found, key=lambda commit: commit.version))


def _shared(table: str, commit: Commit) -> Commit:
    """Return the equal commit object that was read before, if there is one."""
    key = table, commit.version
    if _known.get(key) != commit:
        _known[key] = commit
    return _known[key]


def commit_of(row: Row) -> Commit:
    parameters = str(row.get("operationParameters") or "").replace(" ", "")
    inserted, changed = _METRICS.get(row["operation"], (None, None))
    return Commit(
        row["version"],
        row["timestamp"],
        row["operation"],
        row.get("userName") or "",
        _FEED_ON in parameters,
        _columns(row, "ADD COLUMNS"),
        row["operation"].startswith("CHANGE COLUMN") and _NOT_NULL in parameters,
        _columns(row, "DROP COLUMNS"),
        _counted(row, changed),
        _counted(row, inserted),
    )


def _counted(row: Row, metrics: tuple[str, ...] | None) -> int | None:
    """Return the sum of these metrics of the commit; None if one is missing."""
    if metrics is None:
        return None
    found = dict(row.get("operationMetrics") or {})
    return sum(int(found[name]) for name in metrics) if found.keys() >= set(metrics) else None


def _columns(row: Row, operation: str) -> frozenset[str]:
    """Delta lists columns as JSON: added ones ``[{"column": {"name": …}}]``, dropped ones by name.

    https://github.com/delta-io/delta, DeltaOperations.scala (AddColumns, DropColumns, …)
    """
    parameters, names = dict(row.get("operationParameters") or {}), list[str]()
    if (row["operation"], operation) == ("RENAME COLUMN", "DROP COLUMNS"):
        names = [parameters["oldColumnPath"]]
    elif row["operation"] == operation:
        columns = json.loads(parameters.get("columns", "[]"))
        names = [each if isinstance(each, str) else each["column"]["name"] for each in columns]
    return frozenset(name.strip("`").lower() for name in names)


def added_since(commits: tuple[Commit, ...], version: int) -> frozenset[str]:
    added, existed = frozenset[str](), frozenset[str]()
    for commit in commits[bisect_right(commits, version, key=lambda c: c.version) :]:
        # A column that is added after a restore may have existed before it.
        if commit.operation == "RESTORE":
            break
        existed |= commit.dropped - added
        added |= commit.added - existed
    return added


def first_since(commits: tuple[Commit, ...], moment: dt.datetime) -> int:
    """Return the first version since the moment; the next version if there is none yet."""
    place = bisect_left(commits, moment, key=lambda c: c.moment)
    return commits[place].version if place < len(commits) else commits[-1].version + 1
