"""RESTORE: an earlier version becomes the latest, its files and its description."""

from __future__ import annotations

from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from local_warehouse.context import Context
from local_warehouse.delta import log, metadata
from local_warehouse.delta.files import Files
from local_warehouse.errors import SqlError
from local_warehouse.result import NUMBER, Result, rows
from local_warehouse.sql.parsing import Words
from local_warehouse.statements import version_clause

from . import policies
from ._committing import commit, note_version

# https://docs.databricks.com/sql/language-manual/delta-restore (Restore metrics), and what
# DESCRIBE HISTORY calls the same.
COLUMNS = {
    "table_size_after_restore": "tableSizeAfterRestore",
    "num_of_files_after_restore": "numOfFilesAfterRestore",
    "num_removed_files": "numRemovedFiles",
    "num_restored_files": "numRestoredFiles",
    "removed_files_size": "removedFilesSize",
    "restored_files_size": "restoredFilesSize",
}


def restore(words: Words, context: Context) -> Result:
    words.accept("TABLE")
    table = context.resolver.table(words.table(), "MODIFY", "SELECT")
    words.accept("TO")
    try:
        point = version_clause.read(words, table, context)
    except SqlError as error:
        raise _as_of_restore(error) from error
    with context.commits.exclusively(table, context.cancellation):
        location = context.catalog.location(table)
        then, now = _then(location, point.version), DeltaTable(location)
        after, before = Files.of(then), Files.of(now)
        removed, added = before - after, after - before
        if not all((location / path).exists() for path in added.sizes):
            raise _gone(point.version)
        values = (after.size, len(after), len(removed), len(added), removed.size, added.size)
        draft = metadata.as_of(table, then)
        policies.require_columns(table, draft)
        made = now.version() + 1
        same = metadata.has_shape_of(table, draft)
        note_version(draft, table, made, breaks_changes=not same)
        metrics = dict(zip(COLUMNS.values(), values, strict=True))
        schema, configuration = then.schema().to_json(), now.metadata().configuration
        actions = [
            log.info("RESTORE", point.parameters, metrics),
            metadata.action(draft, schema, configuration, now),
            *log.removed(removed.sizes, changes_data=True),
            *log.added(added.sizes, changes_data=True),
        ]
        commit(table, draft, made, actions, context)
    return rows(dict.fromkeys(COLUMNS, NUMBER), [values])


def _then(location: Path, version: int) -> DeltaTable:
    try:
        return DeltaTable(location, version=version)
    except DeltaError as error:
        raise _gone(version) from error


def _gone(version: int) -> SqlError:
    return SqlError(
        "DELTA_FILE_NOT_FOUND_DETAILED",
        f"Files of version {version} are not there any more: VACUUM has removed them.",
        "42K03",
    )


# What time travel says, and how RESTORE calls it (delta-io/delta, delta-error-classes.json).
_NAMES = {
    "DELTA_VERSION_NOT_FOUND": "DELTA_CANNOT_RESTORE_TABLE_VERSION",
    "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION": "DELTA_CANNOT_RESTORE_TIMESTAMP_EARLIER",
    "DELTA_TIMESTAMP_GREATER_THAN_COMMIT": "DELTA_CANNOT_RESTORE_TIMESTAMP_GREATER",
}


def _as_of_restore(error: SqlError) -> SqlError:
    if error.error_class not in _NAMES:
        return error
    return SqlError(_NAMES[error.error_class], f"Cannot restore table: {error.message}", "22003")
