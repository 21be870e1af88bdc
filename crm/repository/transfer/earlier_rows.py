"""Read rows as they were when a file was exported from the tables."""

from __future__ import annotations

import datetime as dt
import logging
from bisect import bisect_left

from crm.model.schema import Table
from crm.repository import versions
from crm.repository._sql import Row
from crm.repository.errors import NoSuchMoment
from crm.warehouse import Warehouse, now
from crm.warehouse.errors import ObjectNotFound, PermissionDenied, StatementFailed

from . import upsert

log = logging.getLogger(__name__)


def earlier_rows(
    wh: Warehouse, table: Table, rows: str, moment: dt.datetime, *, is_before: bool = False
) -> list[Row]:
    """Return the stored rows that match these, from the first version of the table at or after the
    moment: a write stamps its rows when it begins, and becomes a version when it ends. With
    ``is_before``, from the last version before the moment.

    Returns nothing if the past cannot be read. One statement, after those of ``versions``. Raises
    WarehouseError for other causes.
    """
    try:
        moment = min(moment, now())
        lines = versions.timelines_until(wh, moment)
        commits = lines.commits[table]
        place = bisect_left(commits, moment, key=lambda commit: commit.moment) - is_before
        moment = commits[min(max(place, 0), len(commits) - 1)].moment
        then = lines.versions_at(moment)
        added = lines.added_since(then)
        past = wh.at(versions.past_namespace(wh.namespace, then, moment, added))
        return upsert.stored_rows(past, table, rows)
    except (NoSuchMoment, StatementFailed, PermissionDenied, ObjectNotFound) as error:
        log.info("earlier rows of %s cannot be read: %s", table.name, error)
        return []
