"""Find the first version at which each table's change data feed can be read, and read from it.

Usually that is version 0, because tables are created with the feed on. The history is read only
if the warehouse answers that this is too early: the feed was switched on later, a column became
NOT NULL, or old versions are beyond the table's retention or have been removed.

https://docs.databricks.com/delta/delta-change-data-feed
"""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Callable, Collection, Hashable, Iterator
from functools import partial
from typing import TypeVar

from cachetools import LRUCache

from crm.model.namespace import Namespace, PastNamespace, quoted
from crm.model.schema import TABLES, Table
from crm.repository import _sql, ddl, properties, versions
from crm.repository.versions import Commit, gone
from crm.warehouse import Warehouse
from crm.warehouse.errors import PermissionDenied, StatementFailed
from crm.warehouse.usage import run_at_once

Result = TypeVar("Result")
Starts = dict[str, int]

# The reasons why a feed cannot be read from a version. Permanent interruptions are always searched
# in the history; for other reasons a start moves only if the warehouse names them.
_INTERRUPTED, _EXPIRED, _FILES_GONE, _NULLABLE = "interrupted", "expired", "files", "nullable"
_REASONS = {
    "DELTA_MISSING_CHANGE_DATA": _INTERRUPTED,
    "DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_SCHEMA_CHANGE": _NULLABLE,
    "DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_DATA_SCHEMA": _NULLABLE,
    # The table was dropped and created again.
    "DELTA_CDC_START_VERSION_AFTER_LATEST": _INTERRUPTED,
    # The beginning of the log was deleted.
    "DELTA_TRUNCATED_TRANSACTION_LOG": _INTERRUPTED,
    "DELTA_VERSIONS_NOT_CONTIGUOUS": _INTERRUPTED,
    **dict.fromkeys(gone.NO_VERSION, _INTERRUPTED),
    gone.EXPIRED: _EXPIRED,
    **dict.fromkeys(gone.FILES, _FILES_GONE),
    "DELTA_CHANGE_DATA_FILE_NOT_FOUND": _FILES_GONE,
}
_RETENTION = ddl.RETENTION[1]
_DEFAULT_RETENTION = dt.timedelta(days=7)
# A start is moved forward by this much more than the retention needs, so it stays valid that long.
_MARGIN = dt.timedelta(hours=1)
_UNITS = ("weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds")
_INTERVAL = re.compile(rf"(\d+)\s+({'|'.join(unit[:-1] for unit in _UNITS)})", re.IGNORECASE)
_NO_ROWS = "(SELECT * FROM {feed} WHERE FALSE)"
_PROBE = "SELECT MAX(_commit_version) AS version FROM {feed}"
_lock = threading.Lock()
_cache: LRUCache[Hashable, Starts] = LRUCache(maxsize=200)


def forget_all() -> None:
    with _lock:
        _cache.clear()


def is_too_early(error: StatementFailed) -> bool:
    """Return whether a statement failed because it read a feed from before its start."""
    return error.error_class in _REASONS


def starts(wh: Warehouse) -> Starts:
    """Return the first version of each table's feed, by table name: the cached one, or 0."""
    with _lock:
        return dict(_cache.get(_key(wh), {table.name: 0 for table in TABLES}))


def read(wh: Warehouse, statement: Callable[[Starts], Result]) -> Result:
    """Run a statement that reads the feeds from their starts, and return its result.

    If a start is too early, find the right ones (one or two statements per table) and run the
    statement again. Raises WarehouseError.
    """
    found, reasons = starts(wh), list[str]()
    while True:
        try:
            result = statement(found)
        except StatementFailed as error:
            if not is_too_early(error) or _is_latest(reasons):
                raise
            reasons.append(_REASONS[error.error_class or ""])
            found = _find_starts(wh, reasons)
        else:
            with _lock:
                _cache[_key(wh)] = found
            return result


def known_since(wh: Warehouse) -> dt.datetime:
    """Return the moment since which the feeds hold all changes.

    One statement per table, unless cached; one more if no feed has been read yet.
    """
    wh = wh.at(wh.namespace.present)
    with _lock:
        is_known = _key(wh) in _cache
    if not is_known:
        read(wh, lambda found: _probe(wh, found))
    first = starts(wh)
    lines = versions.known(wh)
    if any(first[table.name] > commits[-1].version for table, commits in lines.commits.items()):
        lines = versions.load(wh)  # the cached histories are older than the starts
    return max(
        next((c.moment for c in commits if c.version >= first[table.name]), commits[-1].moment)
        for table, commits in lines.commits.items()
    )


def _probe(wh: Warehouse, found: Starts) -> None:
    """Read all feeds from these starts, as the history does. One statement."""
    feeds = (wh.namespace.change_feed(table, found[table.name]) for table in TABLES)
    wh.query(" UNION ALL ".join(_sql.render(wh.namespace, _PROBE, feed=feed) for feed in feeds))


def _is_latest(reasons: list[str]) -> bool:
    """Return whether the starts are the latest versions, because no earlier ones worked."""
    return len(set(reasons)) < len(reasons)


def parts(wh: Warehouse, table: Table, start: int) -> dict[str, str]:
    """Return the parts of a SELECT from a table's feed, from the version ``start`` on."""
    return {
        "place": str(TABLES.index(table)),
        "key": quoted(table.key),
        "owner": quoted(table.owner),
        "row": _sql.own_row(table),
        "feed": _feed(wh.namespace, table, start),
    }


def _feed(namespace: Namespace, table: Table, start: int) -> str:
    """Return the FROM item of the feed; without rows as of a moment before the feed starts.

    The function refuses an end before the start (DELTA_INVALID_CDC_RANGE).
    """
    if isinstance(namespace, PastNamespace) and start > dict(namespace.versions)[table.name]:
        return _sql.fill(_NO_ROWS, feed=namespace.present.change_feed(table, start))
    return namespace.change_feed(table, start)


def _find_starts(wh: Warehouse, reasons: list[str]) -> Starts:
    """Find the starts of the feeds from the tables' histories and the reasons so far.

    If a reason is repeated, the starts are the latest versions, which can always be read.
    """
    wh = wh.at(wh.namespace.present)
    lines = versions.load(wh)
    if _is_latest(reasons):
        return {table.name: commits[-1].version for table, commits in lines.commits.items()}
    kept_since = dict.fromkeys(TABLES, dt.datetime.min.replace(tzinfo=dt.UTC))
    if not {_EXPIRED, _FILES_GONE}.isdisjoint(reasons):
        found = run_at_once([partial(_retention, wh, table) for table in TABLES])
        kept_since = {
            table: lines.read_at - kept + min(_MARGIN, kept / 24)
            for table, kept in zip(TABLES, found, strict=True)
        }
    return {
        table.name: _start(commits, kept_since[table], reasons)
        for table, commits in lines.commits.items()
    }


def _start(commits: tuple[Commit, ...], kept_since: dt.datetime, reasons: Collection[str]) -> int:
    """Return the first version that is kept and comes after all interruptions of the feed."""
    kept = next((c.version for c in commits if c.moment >= kept_since), commits[-1].version)
    return max(commits[0].version, kept, *_interruptions(commits, reasons))


def _interruptions(commits: tuple[Commit, ...], reasons: Collection[str]) -> Iterator[int]:
    yield from (c.version for c in commits if c.enables_feed)
    yield from (c.version for c in commits if c.operation in ("RENAME COLUMN", "DROP COLUMNS"))
    if _FILES_GONE in reasons:
        yield from (c.version for c in commits if c.operation == "VACUUM END")
    if _NULLABLE in reasons:
        yield from (c.version for c in commits if c.forbids_null)


def _retention(wh: Warehouse, table: Table) -> dt.timedelta:
    """Return how long the table keeps versions, or the default. One statement."""
    try:
        kept = properties.read(wh, table).get(_RETENTION, "")
    except PermissionDenied:
        kept = ""
    return _interval(kept)


def _interval(text: str) -> dt.timedelta:
    """Return the time of a text such as ``interval 1 week``; the default for any other."""
    parts = _INTERVAL.findall(text)
    kept = (dt.timedelta(**{f"{unit.lower()}s": int(number)}) for number, unit in parts)
    return sum(kept, dt.timedelta()) if parts else _DEFAULT_RETENTION


def _key(wh: Warehouse) -> Hashable:
    return wh.at(wh.namespace.present).cache_key
