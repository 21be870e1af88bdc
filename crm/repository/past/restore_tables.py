"""Restore whole tables: to a version that Delta keeps, or to a backup.

A restore makes a new version of the table, so earlier versions stay. To undo a restore, restore
the version before it. https://docs.databricks.com/sql/language-manual/delta-restore
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from crm.model.namespace import Namespace, quoted
from crm.model.schema import TABLES, Table
from crm.repository import _sql, versions
from crm.repository._writing import write
from crm.warehouse import Warehouse
from crm.warehouse.errors import ColumnNotFound, ObjectNotFound, StatementFailed

from ._both_sides import count_changes


def at_versions(namespace: Namespace, versions: Mapping[Table, int]) -> dict[Table, str]:
    """Return the FROM items that read the tables at these versions."""
    sql = "{table} VERSION AS OF {version}"
    return {
        table: _sql.render(namespace, sql, table=namespace.table(table), version=str(int(version)))
        for table, version in versions.items()
    }


def latest_versions(wh: Warehouse) -> dict[Table, int]:
    """Return the version that each table is at: usually one statement per table, all at once."""
    return {table: commits[-1].version for table, commits in versions.latest(wh).commits.items()}


def readable_versions(wh: Warehouse) -> dict[str, int] | None:
    """Return the version that each table is at, by name, for a later ``revert_bulk.revert``.

    None if row filters or masks prevent reading the past, which the revert needs.
    """
    try:
        return {table.name: version for table, version in latest_versions(wh).items()}
    except StatementFailed as error:
        if not error.is_refused_by_policy:
            raise
        return None


def latest_versions_of_existing(wh: Warehouse) -> dict[Table, int]:
    """Return the version of each table, without those that do not exist."""
    found = {}
    for table in TABLES:
        place = wh.namespace.table(table)
        try:
            rows = wh.query(_sql.render(wh.namespace, _sql.NEWEST_COMMIT, table=place))
        except ObjectNotFound:
            continue
        found[table] = rows[0]["version"]
    return found


def missing_columns(wh: Warehouse, table: Table, source: str) -> tuple[str, ...]:
    """Return the table's columns that the FROM item ``source`` lacks. Raises ObjectNotFound."""
    names = _stored_names(table)
    if _has(wh, source, names):
        return ()
    return tuple(name for name in names if not _has(wh, source, (name,)))


def unknown_columns(wh: Warehouse, table: Table, source: str) -> tuple[str, ...]:
    """Return the columns of ``source`` that the table does not have; none if it has no rows."""
    sql = "SELECT * FROM {source} LIMIT 1"
    rows = wh.query(_sql.fill(sql, source=source))
    names = _stored_names(table)
    return tuple(name for row in rows for name in row if name not in names)


def _stored_names(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.stored_columns)


def _has(wh: Warehouse, source: str, names: tuple[str, ...]) -> bool:
    sql = "SELECT {columns} FROM {source} LIMIT 1"
    columns = _sql.names(names)
    try:
        wh.query(_sql.render(wh.namespace, sql, columns=columns, source=source))
    except ColumnNotFound:
        return False
    return True


def preview(wh: Warehouse, sources: Mapping[Table, str]) -> dict[Table, tuple[int, int, int]]:
    """Return for each table the number of records that a restore would delete, insert and
    change."""
    completed = {
        table: _sql.with_missing(source, table, missing_columns(wh, table, source))
        for table, source in sources.items()
    }
    return count_changes(wh, completed)


def restore_version(wh: Warehouse, table: Table, version: int) -> None:
    """Restore an earlier version. Delta refuses the present version."""
    sql = "RESTORE TABLE {table} TO VERSION AS OF {version}"
    parts = {"table": wh.namespace.table(table), "version": str(int(version))}
    write(wh, _sql.render(wh.namespace, sql, **parts), repeatable=True)


def restore_clone(wh: Warehouse, table: Table, clone: str, missing: Collection[str] = ()) -> None:
    """Restore a backup's clone; ``missing`` are the columns that it lacks.

    Uses a MERGE, so the table keeps its keys, properties and grants, and its history shows only
    real changes. It brings back old values of ``change_id``, so the history shows the restore as
    made outside. A table that does not exist becomes a clone of the clone.
    """
    sql = """
    MERGE INTO {table} AS t USING {source} AS s ON t.{key} = s.{key}
    WHEN MATCHED AND ({differs}) THEN UPDATE SET {assignments}
    WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({values})
    WHEN NOT MATCHED BY SOURCE THEN DELETE
    """
    columns = [quoted(name) for name in _stored_names(table)]
    parts = {
        "table": wh.namespace.table(table),
        "clone": clone,
        "key": quoted(table.key),
        "source": _sql.with_missing(clone, table, missing),
        "columns": ", ".join(columns),
        "values": _sql.names(_stored_names(table), "s"),
        "differs": " OR ".join(f"NOT (t.{n} <=> s.{n})" for n in map(quoted, table.names)),
        "assignments": ", ".join(f"{column} = s.{column}" for column in columns),
    }
    try:
        write(wh, _sql.render(wh.namespace, sql, **parts), repeatable=True)
    except ObjectNotFound:
        clone_it = "CREATE TABLE {table} DEEP CLONE {clone}"
        write(wh, _sql.render(wh.namespace, clone_it, **parts), repeatable=False)


def in_order(tables: Mapping[Table, object]) -> list[Table]:
    """Return the tables, accounts first, so that during a restore no reader sees a child without
    its account."""
    return [table for table in TABLES if table in tables]
