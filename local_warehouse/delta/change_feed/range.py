"""Find the versions that ``table_changes(table, start, end)`` asks for."""

from __future__ import annotations

import datetime as dt

from local_warehouse.catalog.objects import Table
from local_warehouse.delta.commits import Commits
from local_warehouse.delta.time_travel import TimeTravel, version_not_found

from .errors import (
    invalid_range,
    log_file_not_found,
    missing_changes,
    renamed_columns,
    start_after_latest,
    tightened_columns,
)
from .spans import RecordedSpans

Boundary = int | dt.datetime


def versions_between(
    table: Table,
    start: Boundary,
    end: Boundary | None,
    *,
    commits: Commits,
    time_travel: TimeTravel,
    spans: RecordedSpans,
) -> tuple[int, int]:
    """Return the first and the last version of a range. Raises SqlError.

    If both boundaries are moments between the same two commits, the range is empty: the last
    version comes before the first.
    """
    latest = commits.version(table)
    first = start if isinstance(start, int) else time_travel.version_from(table, start)
    if first > latest:
        raise start_after_latest(first, latest)
    last = latest
    if isinstance(end, int):
        if end > latest:
            raise version_not_found(end, commits.earliest(table).commit, latest)
        last = end
    elif end is not None:
        last = time_travel.version_at(table, end)
    if last < first:
        if not _between_commits(start, end):
            raise invalid_range(first, last)
        return latest, latest - 1
    if first < commits.earliest(table).readable:
        raise log_file_not_found(table, first)
    time_travel.require_kept(table, first)
    if (version := spans.unrecorded(table, first, last)) is not None:
        raise missing_changes(first, last, version)
    if first < table.schema_since:
        raise renamed_columns(first, last, table.schema_since)
    tightened = max((c.not_null_since for c in table.columns if not c.nullable), default=0)
    if first < tightened:
        raise tightened_columns(first, last, tightened)
    return first, last


def _between_commits(start: Boundary, end: Boundary | None) -> bool:
    return isinstance(start, dt.datetime) and isinstance(end, dt.datetime) and start <= end
