"""Which version of each table was the latest at a moment, from Delta's own history.

``TIMESTAMP AS OF`` is no help with four tables: Delta refuses a timestamp after a table's latest
commit (DELTA_TIMESTAMP_GREATER_THAN_COMMIT), so that a table in which nothing has happened since
could not be read as of then. A moment is therefore turned into a version of each table. The past
does not change: what was found out once serves the whole process.

https://docs.databricks.com/delta/history
"""

from __future__ import annotations

import datetime as dt
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from crm.model.namespace import Namespace, PastNamespace
from crm.model.schema import TABLES, Table
from crm.warehouse import Warehouse

from .errors import BeforeTheTables, BeyondRetention, NotYet

# Our clock and the warehouse's may differ by so much.
CLOCKS_DIFFER = dt.timedelta(seconds=5)
_MOST_REMEMBERED = 200
_FEED_ON = '"delta.enableChangeDataFeed":"true"'


@dataclass(frozen=True)
class Commit:
    """One version of one table. ``person`` is who Databricks says made it, by its sign-in;
    ``enables_feed`` says that it switched the change data feed on."""

    version: int
    moment: dt.datetime
    operation: str
    person: str = ""
    enables_feed: bool = False


@dataclass(frozen=True)
class Timelines:
    """The commits of each table, oldest first, as they were at ``read_at`` (our clock)."""

    commits: Mapping[Table, tuple[Commit, ...]]
    read_at: dt.datetime

    @property
    def earliest(self) -> dt.datetime:
        """The first moment at which all tables can be read."""
        return max(commits[0].moment for commits in self.commits.values())

    @property
    def is_complete(self) -> bool:
        """Whether the history goes back to when the tables were created."""
        return all(commits[0].version == 0 for commits in self.commits.values())

    def versions_at(self, moment: dt.datetime) -> dict[str, int]:
        """The latest version of each table, by name. Raises BeforeTheTables, BeyondRetention."""
        if moment < self.earliest:
            kind = BeforeTheTables if self.is_complete else BeyondRetention
            raise kind(self.earliest)
        return {
            table.name: commits[bisect_right(commits, moment, key=lambda c: c.moment) - 1].version
            for table, commits in self.commits.items()
        }


_lock = threading.Lock()
_known: OrderedDict[Any, Timelines] = OrderedDict()


def known(wh: Warehouse, until: dt.datetime) -> Timelines:
    """The timelines, read anew (a statement per table) if what is known ends before ``until``."""
    return _known_or_new(wh, lambda known: until <= known.read_at - CLOCKS_DIFFER)


def people(wh: Warehouse, versions: Collection[tuple[Table, int]]) -> dict[tuple[Table, int], str]:
    """Who made these versions, by Databricks' sign-in. A statement per table, unless known."""
    lines = _known_or_new(
        wh, lambda known: all(v <= known.commits[table][-1].version for table, v in versions)
    )
    commits = ((table, commit) for table in TABLES for commit in lines.commits[table])
    found = {(table, commit.version): commit.person for table, commit in commits}
    return {each: found.get(each, "") for each in versions}


def _known_or_new(wh: Warehouse, is_enough: Callable[[Timelines], bool]) -> Timelines:
    key = (wh.pools.config, wh.namespace, wh.identity)
    with _lock:
        timelines = _known.get(key)
    if timelines is None or not is_enough(timelines):
        timelines = load(wh)
        with _lock:
            _known[key] = timelines
            _known.move_to_end(key)
            while len(_known) > _MOST_REMEMBERED:
                _known.popitem(last=False)
    return timelines


def load(wh: Warehouse) -> Timelines:
    read_at = dt.datetime.now(dt.UTC)
    with ThreadPoolExecutor(len(TABLES)) as pool:
        found = pool.map(lambda table: _commits(wh, table), TABLES)
        return Timelines(dict(zip(TABLES, found, strict=True)), read_at)


def settled(wh: Warehouse) -> tuple[dict[str, int], dt.datetime]:
    """The version of each table at the latest commit of them all, and its moment.

    The histories are read one by one, so that a commit may have come into one while another had
    been read already: read again, each holds all that was there at this moment.
    """
    moment = max(commits[-1].moment for commits in load(wh).commits.values())
    return load(wh).versions_at(moment), moment


def _commits(wh: Warehouse, table: Table) -> tuple[Commit, ...]:
    rows = wh.query(f"DESCRIBE HISTORY {wh.namespace.table(table)}")
    commits = [
        Commit(
            row["version"],
            row["timestamp"],
            row["operation"],
            row.get("userName") or "",
            _FEED_ON in str(row.get("operationParameters") or "").replace(" ", ""),
        )
        for row in rows
    ]
    return tuple(sorted(commits, key=lambda commit: commit.version))


def as_of(wh: Warehouse, moment: dt.datetime) -> Warehouse:
    """The warehouse with the tables as they were: the same repository reads the past.

    Raises BeforeTheTables, BeyondRetention, and NotYet for a moment that has not come.
    """
    return wh.at(past(wh.namespace, versions(wh, moment), moment))


def versions(wh: Warehouse, moment: dt.datetime) -> dict[str, int]:
    """The latest version of each table at a moment, by name. Raises as ``as_of`` does."""
    if moment > dt.datetime.now(dt.UTC) + CLOCKS_DIFFER:
        raise NotYet()
    return known(wh, moment).versions_at(moment)


def past(namespace: Namespace, versions: Mapping[str, int], moment: dt.datetime) -> PastNamespace:
    home = (namespace.catalog, namespace.schema, namespace.prefix)
    return PastNamespace(*home, tuple(versions.items()), moment)
