"""RESTORE: a table's files of an earlier version become its latest version."""

from __future__ import annotations

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from .. import delta_log
from ..context import Context, Result, rows
from ..errors import SqlError
from ..files import Files, column_of
from ..parsing import Words
from ..system_tables import NUMBER
from . import versions

# https://docs.databricks.com/sql/language-manual/delta-restore (Restore metrics)
COLUMNS = (
    "table_size_after_restore",
    "num_of_files_after_restore",
    "num_removed_files",
    "num_restored_files",
    "removed_files_size",
    "restored_files_size",
)


def restore(words: Words, context: Context) -> Result:
    words.accept("TABLE")
    table = context.resolver.table(words.table(), "MODIFY", "SELECT")
    words.expect("TO")
    try:
        version = versions.read(words, table, context)
    except SqlError as error:
        raise _as_of_restore(error) from error
    location = context.catalog.location(table)
    with context.commits.exclusively(table, context.cancellation):
        before = Files.of(DeltaTable(location))
        try:
            DeltaTable(location).restore(version, protocol_downgrade_allowed=True)
        except DeltaError as error:
            raise SqlError(
                "DELTA_FILE_NOT_FOUND_DETAILED",
                f"Files of version {version} are not there any more: VACUUM has removed them.",
                "42K03",
            ) from error
        restored = DeltaTable(location)
        made = context.commits.version(table)
        context.commits.record(table, made, context.session.user, context.statement_id)
        known = {column.name.lower(): column for column in table.columns}
        fields = delta_log.schema_json(location)["fields"]
        if [field["name"].lower() for field in fields] != list(known):
            table.columns = [known.get(f["name"].lower()) or column_of(f) for f in fields]
            context.catalog.changed(table)
            context.engine.register_anew(table.id, str(location))
    after = Files.of(restored)
    removed, added = before - after, after - before
    values = (after.size, len(after), len(removed), len(added), removed.size, added.size)
    return rows(dict.fromkeys(COLUMNS, NUMBER), [values])


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
