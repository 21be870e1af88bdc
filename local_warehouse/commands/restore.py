"""RESTORE: make a new version with the files and the description of an earlier one."""

from __future__ import annotations

from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from local_warehouse.context import Context
from local_warehouse.delta import log, metadata
from local_warehouse.delta.files import Files
from local_warehouse.delta.old_commits import open_version
from local_warehouse.errors import SqlError
from local_warehouse.result import NUMBER, Result, rows
from local_warehouse.sql.parsing import Words
from local_warehouse.statements import version_clause

from . import policies
from ._committing import commit, note_version

# The returned columns (https://docs.databricks.com/sql/language-manual/delta-restore, Restore
# metrics), and their names in DESCRIBE HISTORY.
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
        wanted = version_clause.read(words, table, context)
    except SqlError as error:
        raise _in_terms_of_restore(error) from error
    with context.commits.exclusively(table, context.cancellation):
        location = context.catalog.location(table)
        earlier, now = _open(location, wanted.version), DeltaTable(location)
        after, before = Files.of(earlier), Files.of(now)
        removed, added = before - after, after - before
        if not all((location / path).exists() for path in added.sizes):
            raise _files_not_found(wanted.version)
        values = (after.size, len(after), len(removed), len(added), removed.size, added.size)
        draft = metadata.as_of(table, earlier)
        policies.require_columns(table, draft)
        made = now.version() + 1
        same = metadata.has_same_types(table, draft)
        note_version(draft, table, made, breaks_change_feed=not same)
        metrics = dict(zip(COLUMNS.values(), values, strict=True))
        schema, configuration = earlier.schema().to_json(), now.metadata().configuration
        actions = [
            log.commit_info_action("RESTORE", wanted.parameters, metrics),
            metadata.action(draft, schema, configuration, now),
            *log.remove_actions(removed.sizes, changes_data=True),
            *log.add_actions(added.sizes, added.rows, changes_data=True),
        ]
        commit(table, draft, made, actions, context)
    return rows(dict.fromkeys(COLUMNS, NUMBER), [values])


def _open(location: Path, version: int) -> DeltaTable:
    try:
        return open_version(location, version)
    except DeltaError as error:
        raise _files_not_found(version) from error


def _files_not_found(version: int) -> SqlError:
    return SqlError(
        "DELTA_FILE_NOT_FOUND_DETAILED",
        f"Files of version {version} are not there any more: VACUUM has removed them.",
        "42K03",
    )


# Error classes of time travel -> those of RESTORE (delta-io/delta, delta-error-classes.json).
_ERROR_CLASSES = {
    "DELTA_VERSION_NOT_FOUND": "DELTA_CANNOT_RESTORE_TABLE_VERSION",
    "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION": "DELTA_CANNOT_RESTORE_TIMESTAMP_EARLIER",
    "DELTA_TIMESTAMP_GREATER_THAN_COMMIT": "DELTA_CANNOT_RESTORE_TIMESTAMP_GREATER",
}


def _in_terms_of_restore(error: SqlError) -> SqlError:
    if error.error_class not in _ERROR_CLASSES:
        return error
    return SqlError(
        _ERROR_CLASSES[error.error_class], f"Cannot restore table: {error.message}", "22003"
    )
