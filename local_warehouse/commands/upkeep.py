"""OPTIMIZE and VACUUM: compact or cluster files, and delete files that no version needs."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable

from local_warehouse.catalog.objects import Table
from local_warehouse.context import Context
from local_warehouse.delta import log
from local_warehouse.delta.files import Files
from local_warehouse.delta.operation_details import compact_json
from local_warehouse.delta.unneeded_files import kept_hours
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

_LISTED = 1000


def optimize(words: Words, context: Context) -> Result:
    """Compact small files; sort the rows of a clustered table by its clustering columns.

    No row changes, so no write conflicts with it. Databricks sorts only the new rows of a
    clustered table; this sorts all of them.
    https://docs.databricks.com/tables/clustering
    """
    table = context.resolver.table(words.table(), "MODIFY", "SELECT")
    is_full = words.accept("FULL")
    if is_full and not table.cluster_by:
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
        if not table.cluster_by:
            DeltaTable(location).optimize.compact()
        elif is_full or not _is_clustered(context, table):
            _cluster(location, table)
        after = Files.of(DeltaTable(location))
        context.commits.record_all(table, context.session.user, context.statement_id)
    metrics = _metrics(before, after)
    columns = {"path": TEXT, "metrics": _METRICS}
    return rows(columns, [(str(location), metrics)])


def _cluster(location: Path, table: Table) -> None:
    """Rewrite the table so that rows with similar values of the clustering columns are together.

    Databricks does this with a Hilbert curve, delta-rs with a Z-order.
    """
    columns = [table.require_column(name).name for name in table.cluster_by]
    noted = CommitProperties(custom_metadata={"clusterBy": compact_json(table.cluster_by)})
    DeltaTable(location).optimize.z_order(columns, commit_properties=noted)


def _is_clustered(context: Context, table: Table) -> bool:
    """Return whether no row was written since OPTIMIZE clustered the table by these columns."""
    location, wanted = context.catalog.location(table), compact_json(table.cluster_by)
    try:
        for version in range(context.commits.version(table), -1, -1):
            commit = log.files_of_commit(location, version)
            if "clusterBy" in commit.info:
                return bool(commit.info["clusterBy"] == wanted)
            if commit.added or commit.removed:
                return False
    except FileNotFoundError:
        pass  # the older commits are gone
    return False


def vacuum(words: Words, context: Context) -> Result:
    """Delete the files that no version within the retention needs.

    Older versions cannot be read afterwards.
    https://docs.databricks.com/sql/language-manual/delta-vacuum
    """
    table = context.resolver.table(words.table(), "MODIFY", "SELECT")
    lite = words.accept("LITE")
    if not lite:
        words.accept("FULL")
    retained = kept_hours(table)
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
    location, unneeded = context.catalog.location(table), context.parts.unneeded_files
    with context.commits.exclusively(table, context.cancellation):
        found = unneeded.find(table, retained, lite=lite)
        if found.sizes and not is_dry:
            user, statement_id = context.session.user, context.statement_id
            unneeded.delete(table, found, retained, user, statement_id)
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
