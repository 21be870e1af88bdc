"""Find the first version at which each table's change data feed can be read, and read from it.

Usually that is version 0, because tables are created with the feed on. The history is read only
if the warehouse answers that this is too early: the feed was switched on later, or old versions
have been removed.

https://docs.databricks.com/delta/delta-change-data-feed
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Hashable
from typing import TypeVar

from cachetools import LRUCache

from crm.model import configuration
from crm.model.schema import TABLES
from crm.repository import versions
from crm.repository.versions import Commit
from crm.warehouse import Warehouse
from crm.warehouse.errors import StatementFailed

Result = TypeVar("Result")
Starts = dict[str, int]

_TOO_EARLY = (
    "DELTA_MISSING_CHANGE_DATA",
    "DELTA_VERSION_NOT_FOUND",
    "DELTA_FILE_NOT_FOUND_DETAILED",
    "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION",
    "DELTA_CHANGE_DATA_FILE_NOT_FOUND",
    "DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_DATA_SCHEMA",
    "DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_SCHEMA_CHANGE",
    "FAILED_READ_FILE.DBR_FILE_NOT_EXIST",
)
_lock = threading.Lock()
_cache: LRUCache[Hashable, Starts] = LRUCache(maxsize=200)


def forget_all() -> None:
    with _lock:
        _cache.clear()


def is_too_early(error: StatementFailed) -> bool:
    """Return whether a statement failed because it read a feed from before its start."""
    return error.error_class in _TOO_EARLY


def starts(wh: Warehouse) -> Starts:
    """Return the first version of each table's feed, by table name: the cached one, or 0."""
    with _lock:
        return dict(_cache.get(_key(wh), {table.name: 0 for table in TABLES}))


def read(wh: Warehouse, statement: Callable[[Starts], Result]) -> Result:
    """Run a statement that reads the feeds from their starts, and return its result.

    If a start is too early, the right ones are found (one statement per table) and the statement
    runs again. Raises WarehouseError.
    """
    for after_vacuum in (False, True):
        try:
            return statement(starts(wh))
        except StatementFailed as error:
            if not is_too_early(error):
                raise
            found = _find_starts(wh, after_vacuum=after_vacuum)
        with _lock:
            _cache[_key(wh)] = found
    return statement(found)


def known_since(wh: Warehouse) -> dt.datetime:
    """Return the moment since which the feeds hold all changes.

    One statement per table, unless cached.
    """
    wh = wh.at(wh.namespace.present)
    lines = versions.timelines_until(wh, dt.datetime.min.replace(tzinfo=dt.UTC))
    first = starts(wh)
    return max(
        next(c.moment for c in commits if c.version >= first[table.name] or c is commits[-1])
        for table, commits in lines.commits.items()
    )


def _find_starts(wh: Warehouse, *, after_vacuum: bool) -> Starts:
    """Find the starts of the feeds from the tables' histories.

    ``after_vacuum``: versions before the last VACUUM count as removed, even if the retention says
    that they are kept.
    """
    lines = versions.load(wh.at(wh.namespace.present))
    kept_since = lines.read_at - dt.timedelta(days=configuration.current().EDIP_HISTORY_DAYS)
    return {
        table.name: _start(commits, kept_since, after_vacuum=after_vacuum)
        for table, commits in lines.commits.items()
    }


def _start(commits: tuple[Commit, ...], kept_since: dt.datetime, *, after_vacuum: bool) -> int:
    """Return the first version that is kept and comes after all that interrupts a feed."""
    vacuumed = (c.version for c in commits if after_vacuum and c.operation == "VACUUM END")
    renamed = (c.version for c in commits if c.operation in ("RENAME COLUMN", "DROP COLUMNS"))
    switched_on = max((c.version for c in commits if c.enables_feed), default=0)
    kept = next((c.version for c in commits if c.moment >= kept_since), commits[-1].version)
    return max(switched_on, kept, commits[0].version, *vacuumed, *renamed)


def _key(wh: Warehouse) -> Hashable:
    return wh.at(wh.namespace.present).cache_key
