"""Find the version of each table at a moment, from Delta's history of the table.

``TIMESTAMP AS OF`` cannot read four tables as of one moment: Delta refuses a timestamp after a
table's latest commit (DELTA_TIMESTAMP_GREATER_THAN_COMMIT), so tables without a later commit could
not be read. A moment is therefore turned into a version of each table. Histories are cached, and
only their newest commits are read again.

https://docs.databricks.com/delta/history
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from operator import attrgetter

from cachetools import LRUCache

from crm.model.namespace import Named, Namespace, PastNamespace
from crm.model.schema import TABLES, Table
from crm.repository import _sql
from crm.repository.errors import BeforeTheTables, BeyondRetention, NotYet
from crm.warehouse import Warehouse, now
from crm.warehouse.usage import run_at_once

from ._commits import Commit, added_since, commits_of, first_since

__all__ = ["CLOCKS_DIFFER", "Commit", "PastTables", "Timelines", "first_since"]

# The possible difference between the clocks of the warehouse's parts, and of our reading of them.
CLOCKS_DIFFER = dt.timedelta(seconds=5)
# How many of the newest commits are read first, and by which factor more each further time.
_NEWEST, _GROWTH = 20, 8
# The whole history is read again after this time, since Delta's clean-up removes old commits.
_WHOLE_FOR = dt.timedelta(hours=1)
# The newest commits are read again after this time, for any moment: they show whether a table was
# dropped and created again. A page's statement does not show it if the new table also has the
# version.
_NEWEST_FOR = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class Timelines:
    """The commits of each table, oldest first.

    :param read_at: when the newest commits were read, by the warehouse's clock.
    :param whole_at: when all commits were read, by the warehouse's clock.
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
        """Return, by table name, the columns that were added after the version."""
        return {
            table.name: added_since(commits, versions[table.name])
            for table, commits in self.commits.items()
        }

    def written_since(self, versions: Mapping[str, int]) -> int | None:
        """Return how many rows all tables' commits after the versions wrote; None if unknown.

        Commits of the last minute may be missing: see ``known``.
        """
        written = [
            commit.written
            for table, commits in self.commits.items()
            for commit in commits[bisect_right(commits, versions[table.name], key=_version) :]
        ]
        return None if None in written else sum(filter(None, written))


@dataclass(frozen=True)
class PastTables(PastNamespace):
    """A namespace that reads later columns as NULL: ``added`` pairs table names with columns."""

    added: tuple[tuple[str, frozenset[str]], ...] = ()

    def table(self, table: Named) -> str:
        """Return the FROM item. Change feeds do not need this: they have the latest columns.

        https://docs.databricks.com/delta/delta-change-data-feed
        """
        source = super().table(table)
        known = next((each for each in TABLES if each.name == table.name), None)
        added = dict(self.added).get(table.name, frozenset())
        if known is None:
            return source
        missing = added & {column.name for column in known.stored_columns}
        return _sql.with_missing(source, known, missing)


_version = attrgetter("version")
_lock = threading.Lock()
_cache: LRUCache[Hashable, Timelines] = LRUCache(maxsize=200)


def timelines_until(wh: Warehouse, moment: dt.datetime) -> Timelines:
    """Return timelines that include the moment: cached ones, or those of ``latest``."""
    return _timelines(wh, lambda cached: moment <= cached.read_at - CLOCKS_DIFFER)


def known(wh: Warehouse) -> Timelines:
    """Return the cached timelines; read them if they are too old."""
    return _timelines(wh, lambda _: True)


def latest(wh: Warehouse) -> Timelines:
    """Return timelines up to now. It reads new commits: usually one statement per table, all at
    once.
    """
    return _timelines(wh, lambda _: False)


def committers(
    wh: Warehouse, versions: Collection[tuple[Table, int]]
) -> dict[tuple[Table, int], str]:
    """Return the Databricks users who made these versions; an empty text if unknown.

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
    time_now = now()
    if cached is None or time_now - cached.whole_at > _WHOLE_FOR:
        return load(wh)
    is_old = time_now - cached.read_at > _NEWEST_FOR
    return _continued(wh, cached) if is_old or not is_enough(cached) else cached


def load(wh: Warehouse) -> Timelines:
    """Read the whole timelines: one statement per table, all at once."""
    return _read(wh, lambda table: commits_of(wh, table))


def _continued(wh: Warehouse, old: Timelines) -> Timelines:
    return _read(wh, lambda t: _continued_commits(wh, t, old.commits[t]), old.whole_at)


def _read(
    wh: Warehouse,
    commits: Callable[[Table], tuple[Commit, ...]],
    whole_at: dt.datetime | None = None,
) -> Timelines:
    began = time.monotonic()
    each = run_at_once([partial(commits, table) for table in TABLES])
    found = dict(zip(TABLES, each, strict=True))
    # Only their answers have the warehouse's time at their beginning.
    read_at = now() - dt.timedelta(seconds=time.monotonic() - began)
    lines = Timelines(found, read_at, whole_at or read_at)
    with _lock:
        _cache[wh.cache_key] = lines
    return lines


def _continued_commits(
    wh: Warehouse, table: Table, earlier: tuple[Commit, ...]
) -> tuple[Commit, ...]:
    """Return the earlier commits and the later ones; read all if the table was created again."""
    count = _NEWEST
    while True:
        newest = commits_of(wh, table, count)
        if len(newest) < count:
            return newest  # all commits of the table
        again = sum(commit.version <= earlier[-1].version for commit in newest)
        if again and newest[:again] == earlier[-again:]:
            return earlier + newest[again:]
        if again:
            return commits_of(wh, table)
        count *= _GROWTH


def consistent_versions(wh: Warehouse) -> tuple[dict[str, int], dt.datetime]:
    """Return the versions at the latest commit of all tables, by table name, and its moment.

    The first of two readings may lack a commit of a table that came while the others were read.
    The second has all commits up to the moment found in the first.
    """
    moment = max(commits[-1].moment for commits in latest(wh).commits.values())
    return latest(wh).versions_at(moment), moment


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
    if moment > now() + CLOCKS_DIFFER:
        known(wh)  # before its first statement a process does not know the warehouse's clock
        if moment > now() + CLOCKS_DIFFER:
            raise NotYet()
    return timelines_until(wh, moment)


def past_namespace(
    namespace: Namespace,
    versions: Mapping[str, int],
    moment: dt.datetime,
    added: Mapping[str, frozenset[str]] | None = None,
) -> PastTables:
    """Return the namespace of the tables at these versions; for ``added`` see PastTables."""
    home = (namespace.catalog, namespace.schema, namespace.prefix)
    return PastTables(*home, tuple(versions.items()), moment, tuple((added or {}).items()))
