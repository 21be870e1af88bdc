"""OPTIMIZE and VACUUM: compact small files, and delete files that no version needs."""

from __future__ import annotations

import math

import pyarrow as pa
from deltalake import DeltaTable

from local_warehouse.catalog import properties
from local_warehouse.catalog.objects import Table
from local_warehouse.context import Context
from local_warehouse.delta import log, unneeded_files
from local_warehouse.delta.files import Files
from local_warehouse.errors import SqlError, unsupported
from local_warehouse.result import TEXT, Result, rows
from local_warehouse.sql.parsing import Words

_SIZES = pa.struct(
    [("min", pa.int64()), ("max", pa.int64()), ("avg", pa.float64())]
    + [("totalFiles", pa.int64()), ("totalSize", pa.int64())]
)
# https://docs.databricks.com/sql/language-manual/delta-optimize (returned metrics)
_METRICS = pa.struct(
    [("numFilesAdded", pa.int64()), ("numFilesRemoved", pa.int64())]
    + [("filesAdded", _SIZES), ("filesRemoved", _SIZES)]
    + [("partitionsOptimized", pa.int64()), ("numBatches", pa.int64())]
    + [("totalConsideredFiles", pa.int64()), ("totalFilesSkipped", pa.int64())]
    + [("preserveInsertionOrder", pa.bool_())]
)

_MINUTE = 1 / 60
_LISTED = 1000
_MILLIS = 3600 * 1000


def optimize(words: Words, context: Context) -> Result:
    """Compact small files. No row changes, so no write conflicts with it."""
    table = context.resolver.table(words.table(), "MODIFY", "SELECT")
    if words.accept("FULL") and not table.cluster_by:
        raise SqlError(
            "DELTA_OPTIMIZE_FULL_NOT_SUPPORTED",
            "OPTIMIZE FULL is only supported for clustered tables with non-empty clustering "
            "columns.",
            "42601",
        )
    if words.more:
        raise unsupported("OPTIMIZE with WHERE or ZORDER BY")
    location = context.catalog.location(table)
    with context.commits.exclusively(table, context.cancellation):
        before = Files.of(DeltaTable(location))
        DeltaTable(location).optimize.compact()
        after = Files.of(DeltaTable(location))
        _record(table, context)
    metrics = _metrics(before, after)
    columns = {"path": TEXT, "metrics": _METRICS}
    return rows(columns, [(str(location), metrics)])


def vacuum(words: Words, context: Context) -> Result:
    """Delete the files that no version within the retention needs.

    Older versions cannot be read afterwards.
    https://docs.databricks.com/sql/language-manual/delta-vacuum
    """
    table = context.resolver.table(words.table(), "MODIFY", "SELECT")
    lite = words.accept("LITE")
    if not lite:
        words.accept("FULL")
    retained = _retention(table)
    if words.accept("RETAIN"):
        requested = _hours(words)
        words.expect("HOURS")
        if requested < retained:
            raise SqlError(
                "DELTA_VACUUM_RETENTION_PERIOD_TOO_SHORT",
                f"The specified VACUUM retention period ({requested} hours) is too low and may "
                f"corrupt this Delta table if any writes are in progress. The table keeps deleted "
                f"files for {retained} hours.",
                "22003",
            )
        retained = requested
    is_dry = words.accept("DRY", "RUN")
    words.end()
    location = context.catalog.location(table)
    with context.commits.exclusively(table, context.cancellation):
        earliest, latest = context.commits.earliest(table), context.commits.version(table)
        found = unneeded_files.find_unneeded_files(location, retained, earliest, latest, lite=lite)
        if found.sizes and not is_dry:
            _delete(found, retained, table, context)
    paths = (
        [f"{location}/{path}" for path in sorted(found.sizes)[:_LISTED]]
        if is_dry
        else [str(location)]
    )
    return rows({"path": TEXT}, [(path,) for path in paths])


def _hours(words: Words) -> int:
    if words.accept("-"):
        problem = "Retention period for Vacuum can't be less than 0 hours."
        raise SqlError("DELTA_VACUUM_RETENTION_PERIOD_NEGATIVE", problem, "22003")
    return words.number()


def _delete(found: Files, hours: int, table: Table, context: Context) -> None:
    """Note which changes become unreadable, and only then delete the files."""
    location, change_feed = context.catalog.location(table), context.parts.change_feed
    unreadable = change_feed.last_unreadable(table, frozenset(found.sizes))
    retention: dict[str, str | None] = {
        "retentionCheckEnabled": "true",
        "defaultRetentionMillis": str(_retention(table) * _MILLIS),
        "specifiedRetentionMillis": str(hours * _MILLIS),
    }
    sizes = {"numFilesToDelete": len(found), "sizeOfDataToDelete": found.size}
    _commit_note("VACUUM START", retention, sizes, table, context)
    table.vacuumed_to = unreadable
    context.catalog.save()
    for path in found.sizes:
        (location / path).unlink(missing_ok=True)
    # Both may have folders with rows of the deleted files.
    context.parts.time_travel.forget(table)
    change_feed.forget(table)
    deleted = {"numDeletedFiles": len(found), "numVacuumedDirectories": 1}
    _commit_note("VACUUM END", {"status": "COMPLETED"}, deleted, table, context)


def _commit_note(
    operation: str,
    parameters: dict[str, str | None],
    metrics: dict[str, int],
    table: Table,
    context: Context,
) -> None:
    """Commit a version that only the history shows."""
    version = context.commits.version(table) + 1
    action = log.commit_info_action(operation, parameters, metrics)
    log.commit(context.catalog.location(table), version, [action])
    _record(table, context)


def _record(table: Table, context: Context) -> None:
    """Record the session's user for the latest versions that have no record."""
    known = context.commits.makers(table)
    for version in range(context.commits.version(table), -1, -1):
        if version in known:
            break
        context.commits.record(table, version, context.session.user, context.statement_id)


def _metrics(before: Files, after: Files) -> dict[str, object]:
    added, removed = after - before, before - after
    return {
        "numFilesAdded": len(added),
        "numFilesRemoved": len(removed),
        "filesAdded": _sizes(added),
        "filesRemoved": _sizes(removed),
        "partitionsOptimized": 0,
        "numBatches": 1 if len(added) else 0,
        "totalConsideredFiles": len(before),
        "totalFilesSkipped": len(before) - len(removed),
        "preserveInsertionOrder": True,
    }


def _sizes(files: Files) -> dict[str, object]:
    sizes = list(files.sizes.values())
    return {
        "min": min(sizes, default=None),
        "max": max(sizes, default=None),
        "avg": sum(sizes) / len(sizes) if sizes else 0.0,
        "totalFiles": len(sizes),
        "totalSize": sum(sizes),
    }


def _retention(table: Table) -> int:
    """Return the whole hours for which VACUUM keeps deleted files.

    Part of an hour counts as an hour, but less than a minute as none: whoever sets so little
    wants no file kept.
    """
    kept = properties.retention_hours(table)
    return math.ceil(kept) if kept >= _MINUTE else 0
