"""From which version on each table's change data feed can be read.

Normally from the first: the tables are created with the feed on. Only where the warehouse says
otherwise (the feed was switched on later, or old versions are gone) is its history looked at.

https://docs.databricks.com/delta/delta-change-data-feed
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from crm.model import configuration
from crm.model.schema import TABLES
from crm.repository import versions
from crm.repository.versions import Commit
from crm.warehouse import Warehouse
from crm.warehouse.errors import StatementFailed

Result = TypeVar("Result")

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
_known: dict[Any, dict[str, int]] = {}


def forget_all() -> None:
    with _lock:
        _known.clear()


def is_too_early(error: StatementFailed) -> bool:
    """Whether a feed was read from before where it begins now."""
    return error.error_class in _TOO_EARLY


def starts(wh: Warehouse) -> dict[str, int]:
    """The first version of each table's feed, by the table's name, as far as is known."""
    with _lock:
        return dict(_known.get(_key(wh), {table.name: 0 for table in TABLES}))


def read(wh: Warehouse, statement: Callable[[dict[str, int]], Result]) -> Result:
    """Run what reads the feeds from their starts; look for later ones if these are too early.

    One statement, unless the starts have to be looked for. Raises WarehouseError.
    """
    for after_vacuum in (False, True):
        try:
            return statement(starts(wh))
        except StatementFailed as error:
            if not is_too_early(error):
                raise
            found = _look(wh, after_vacuum=after_vacuum)
        with _lock:
            _known[_key(wh)] = found
    return statement(found)


def reach(wh: Warehouse) -> dt.datetime:
    """The moment since which all changes are known. A statement per table, unless remembered."""
    wh = wh.at(wh.namespace.present)
    lines = versions.known(wh, dt.datetime.min.replace(tzinfo=dt.UTC))
    first = starts(wh)
    return max(
        next(c.moment for c in commits if c.version >= first[table.name] or c is commits[-1])
        for table, commits in lines.commits.items()
    )


def _look(wh: Warehouse, *, after_vacuum: bool) -> dict[str, int]:
    """Where the feeds begin: as they should, or ``after_vacuum``, where a table keeps its files
    for less long than it was told to."""
    lines = versions.load(wh.at(wh.namespace.present))
    kept_since = lines.read_at - dt.timedelta(days=configuration.current().EDIP_HISTORY_DAYS)
    return {
        table.name: _start(commits, kept_since, after_vacuum=after_vacuum)
        for table, commits in lines.commits.items()
    }


def _start(commits: tuple[Commit, ...], kept_since: dt.datetime, *, after_vacuum: bool) -> int:
    """After the feed was switched on last, and within what is kept."""
    vacuumed = (c.version for c in commits if after_vacuum and c.operation == "VACUUM END")
    renamed = (c.version for c in commits if c.operation in ("RENAME COLUMN", "DROP COLUMNS"))
    switched_on = max((c.version for c in commits if c.enables_feed), default=0)
    kept = next((c.version for c in commits if c.moment >= kept_since), commits[-1].version)
    return max(switched_on, kept, commits[0].version, *vacuumed, *renamed)


def _key(wh: Warehouse) -> Any:
    return wh.pools.config, wh.namespace.present, wh.identity
