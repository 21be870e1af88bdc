"""Which versions two ends of a range mean, and whether their changes can be read."""

from __future__ import annotations

import datetime as dt

from local_warehouse.catalog.objects import Table
from local_warehouse.delta.commits import Commits
from local_warehouse.delta.time_travel import Past, version_not_found

from .errors import invalid_range, missing_changes, renamed_columns, start_after_latest
from .spans import Spans

Point = int | dt.datetime


def versions_between(
    table: Table,
    start: Point,
    end: Point | None,
    *,
    commits: Commits,
    past: Past,
    spans: Spans,
) -> tuple[int, int]:
    """The first and the last version of a range. Raises SqlError.

    Two moments between the same two commits mean none: then the last comes before the first.
    """
    latest = commits.version(table)
    first = start if isinstance(start, int) else past.version_from(table, start)
    if first > latest:
        raise start_after_latest(first, latest)
    last = latest
    if isinstance(end, int):
        if end > latest:
            raise version_not_found(end, commits.reach(table).commits, latest)
        last = end
    elif end is not None:
        last = past.version_at(table, end)
    if last < first:
        if not _between_commits(start, end):
            raise invalid_range(first, last)
        return latest, latest - 1
    if (version := spans.unrecorded(table, first, last)) is not None:
        raise missing_changes(first, last, version)
    if first < table.schema_since:
        raise renamed_columns(first, last, table.schema_since)
    return first, last


def _between_commits(start: Point, end: Point | None) -> bool:
    return isinstance(start, dt.datetime) and isinstance(end, dt.datetime) and start <= end
