"""Find the version of each table at a moment, from Delta's history of the table.

``TIMESTAMP AS OF`` cannot read four tables as of one moment: Delta refuses a timestamp after a
table's latest commit (DELTA_TIMESTAMP_GREATER_THAN_COMMIT), so tables without a later commit could
not be read. A moment is therefore turned into a version of each table. Histories are cached, and
only their newest commits are read again.

https://docs.databricks.com/delta/history
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from bisect import bisect_right
from collections.abc import Callable, Collection, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cachetools import LRUCache

from crm.model.namespace import Named, Namespace, PastNamespace
from crm.model.schema import TABLES, Table
from crm.warehouse import Warehouse

from . import _sql
from ._sql import Row
from .errors import BeforeTheTables, BeyondRetention, NotYet

# The largest difference that we expect between the application's clock and the warehouse's.
CLOCKS_DIFFER = dt.timedelta(seconds=5)
# How many of the newest commits are read first, and how many times more each further time.
_NEWEST, _GROWTH = 20, 8
# All is read again after this time: Delta's clean-up removes the oldest commits.
_WHOLE_FOR = dt.timedelta(hours=1)
# The newest are read again after this time, whatever is asked for: they show whether a table was
# dropped and created again. A page's statement does not, if the new table has the version, too.
_NEWEST_FOR = dt.timedelta(minutes=1)
_FEED_ON = '"delta.enableChangeDataFeed":"true"'
_NOT_NULL = '"nullable":false'


@dataclass(frozen=True)
class Commit:
    """One version of one table.

    :param person: who made it, by their sign-in to Databricks; empty if unknown.
    :param enables_feed: whether it switched the change data feed on.
    :param added: the names of the columns that it added to the table.
    :param dropped: the names of those that it dropped or renamed.
    :param forbids_null: whether it changed a column that is now NOT NULL; maybe it was before.
    """

    version: int
    moment: dt.datetime
    operation: str
    person: str = ""
    enables_feed: bool = False
    added: frozenset[str] = frozenset()
    forbids_null: bool = False
    dropped: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Timelines:
    """The commits of each table, oldest first.

    :param read_at: when the newest were read, by the application's clock.
    :param whole_at: when all were read, likewise.
    """

    commits: Mapping[Table, tuple[Commit, ...]]
    read_at: dt.datetime
    whole_at: dt.datetime

    @property
    def earliest(self) -> dt.datetime:
        """Return the first moment at which all tables can be read."""
        return max(commits[0].moment for commits in self.commits.values())

    @property
    def is_complete(self) -> bool:
        """Return whether the history goes back to the creation of all tables."""
        return all(commits[0].version == 0 for commits in self.commits.values())

    def versions_at(self, moment: dt.datetime) -> dict[str, int]:
        """Return each table's latest version then, by name.

        Raises BeforeTheTables or BeyondRetention for a moment before ``earliest``.
        """
        if moment < self.earliest:
            kind = BeforeTheTables if self.is_complete else BeyondRetention
            raise kind(self.earliest)
        return {
            table.name: commits[bisect_right(commits, moment, key=lambda c: c.moment) - 1].version
            for table, commits in self.commits.items()
        }

    def added_since(self, versions: Mapping[str, int]) -> dict[str, frozenset[str]]:
        """Return, by table name, the columns that the table did not have at the version."""
        return {
            table.name: _added_since(commits, versions[table.name])
            for table, commits in self.commits.items()
        }


def _added_since(commits: tuple[Commit, ...], version: int) -> frozenset[str]:
    added, existed = frozenset[str](), frozenset[str]()
    for commit in commits[bisect_right(commits, version, key=lambda c: c.version) :]:
        # A column that is added after a restore may have existed before it.
        if commit.operation == "RESTORE":
            break
        existed |= commit.dropped - added
        added |= commit.added - existed
    return added


@dataclass(frozen=True)
class PastTables(PastNamespace):
    """Reads columns that were added later as NULL: ``added`` pairs table names with theirs."""

    added: tuple[tuple[str, frozenset[str]], ...] = ()

    def table(self, table: Named) -> str:
        """Return the FROM item. Change feeds need no such care: they have the latest columns.

        https://docs.databricks.com/delta/delta-change-data-feed
        """
        source = super().table(table)
        known = next((each for each in TABLES if each.name == table.name), None)
        added = dict(self.added).get(table.name, frozenset())
        if known is None:
            return source
        missing = added & {column.name for column in known.stored_columns}
        return _sql.with_missing(source, known, missing)


_lock = threading.Lock()
_cache: LRUCache[Hashable, Timelines] = LRUCache(maxsize=200)


def timelines_until(wh: Warehouse, moment: dt.datetime) -> Timelines:
    """Return timelines that reach to the moment: cached, or as ``latest`` does."""
    return _timelines(wh, lambda cached: moment <= cached.read_at - CLOCKS_DIFFER)


def known(wh: Warehouse) -> Timelines:
    """Return the timelines that were read last; reads them if none were for a while."""
    return _timelines(wh, lambda _: True)


def latest(wh: Warehouse) -> Timelines:
    """Return timelines up to now. Reads what is new: usually one statement per table, at once."""
    return _timelines(wh, lambda _: False)


def committers(
    wh: Warehouse, versions: Collection[tuple[Table, int]]
) -> dict[tuple[Table, int], str]:
    """Return who made these versions, by their sign-in to Databricks; empty if unknown.

    One statement per table, unless cached.
    """
    lines = _timelines(
        wh, lambda lines: all(v <= lines.commits[table][-1].version for table, v in versions)
    )
    commits = ((table, commit) for table in TABLES for commit in lines.commits[table])
    found = {(table, commit.version): commit.person for table, commit in commits}
    return {each: found.get(each, "") for each in versions}


def _timelines(wh: Warehouse, is_enough: Callable[[Timelines], bool]) -> Timelines:
    with _lock:
        cached = _cache.get(wh.cache_key)
    now = dt.datetime.now(dt.UTC)
    if cached is None or now - cached.whole_at > _WHOLE_FOR:
        return load(wh)
    is_old = now - cached.read_at > _NEWEST_FOR
    return _continued(wh, cached) if is_old or not is_enough(cached) else cached


def load(wh: Warehouse) -> Timelines:
    """Read the whole timelines: one statement per table, all at once."""
    return _read(wh, lambda table: _commits(wh, table))


def _continued(wh: Warehouse, old: Timelines) -> Timelines:
    return _read(wh, lambda t: _continued_commits(wh, t, old.commits[t]), old.whole_at)


def _read(
    wh: Warehouse,
    commits: Callable[[Table], tuple[Commit, ...]],
    whole_at: dt.datetime | None = None,
) -> Timelines:
    read_at = dt.datetime.now(dt.UTC)
    with ThreadPoolExecutor(len(TABLES)) as pool:
        found = pool.map(commits, TABLES)
        lines = Timelines(dict(zip(TABLES, found, strict=True)), read_at, whole_at or read_at)
    with _lock:
        _cache[wh.cache_key] = lines
    return lines


def _continued_commits(
    wh: Warehouse, table: Table, earlier: tuple[Commit, ...]
) -> tuple[Commit, ...]:
    """Return the earlier commits and the later ones; all anew if the table was created again."""
    count = _NEWEST
    while True:
        newest = _commits(wh, table, count)
        if len(newest) < count:
            return newest  # all that the table has
        again = sum(commit.version <= earlier[-1].version for commit in newest)
        if again and newest[:again] == earlier[-again:]:
            return earlier + newest[again:]
        if again:
            return _commits(wh, table)
        count *= _GROWTH


def consistent_versions(wh: Warehouse) -> tuple[dict[str, int], dt.datetime]:
    """Return the versions at the latest commit of all tables, by table name, and its moment.

    The first of two readings may lack a commit of a table that came while the others were read.
    The second has all commits up to the moment found in the first.
    """
    moment = max(commits[-1].moment for commits in latest(wh).commits.values())
    return latest(wh).versions_at(moment), moment


def _commits(wh: Warehouse, table: Table, newest: int | None = None) -> tuple[Commit, ...]:
    """Return the commits of a table, or the newest so many, oldest first."""
    sql = "DESCRIBE HISTORY {table} {limit}"
    # LIMIT is part of the command, which takes no parameters.
    parts = {"table": wh.namespace.table(table), "limit": f"LIMIT {newest}" if newest else ""}
    rows = wh.query(_sql.render(wh.namespace, sql, **parts))
    return tuple(sorted(map(_commit, rows), key=lambda commit: commit.version))


def _commit(row: Row) -> Commit:
    parameters = str(row.get("operationParameters") or "").replace(" ", "")
    return Commit(
        row["version"],
        row["timestamp"],
        row["operation"],
        row.get("userName") or "",
        _FEED_ON in parameters,
        _columns(row, "ADD COLUMNS"),
        row["operation"].startswith("CHANGE COLUMN") and _NOT_NULL in parameters,
        _columns(row, "DROP COLUMNS"),
    )


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


def as_of(wh: Warehouse, moment: dt.datetime) -> Warehouse:
    """Return a warehouse whose tables are as they were at the moment.

    Raises BeforeTheTables, BeyondRetention, and NotYet for a moment in the future.
    """
    lines = _timelines_at(wh, moment)
    versions = lines.versions_at(moment)
    added = lines.added_since(versions)
    return wh.at(past_namespace(wh.namespace, versions, moment, added))


def versions_at(wh: Warehouse, moment: dt.datetime) -> dict[str, int]:
    """Return the version of each table at the moment, by name. Raises as ``as_of`` does."""
    return _timelines_at(wh, moment).versions_at(moment)


def _timelines_at(wh: Warehouse, moment: dt.datetime) -> Timelines:
    if moment > dt.datetime.now(dt.UTC) + CLOCKS_DIFFER:
        raise NotYet()
    return timelines_until(wh, moment)


def past_namespace(
    namespace: Namespace,
    versions: Mapping[str, int],
    moment: dt.datetime,
    added: Mapping[str, frozenset[str]] | None = None,
) -> PastTables:
    """Return the namespace of the tables at these versions; ``added`` as in PastTables."""
    home = (namespace.catalog, namespace.schema, namespace.prefix)
    return PastTables(*home, tuple(versions.items()), moment, tuple((added or {}).items()))
