"""Putting whole tables back: to a version that Delta still keeps, or to a backup.

Either is a new version of the table: nothing that was there before is lost, and restoring to the
version before takes it back. https://docs.databricks.com/sql/language-manual/delta-restore
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from crm.model.namespace import Namespace
from crm.model.schema import TABLES, Table
from crm.repository import versions as timeline
from crm.repository._writing import write
from crm.warehouse import Warehouse
from crm.warehouse.errors import ColumnNotFound, ObjectNotFound

from . import diff


def versions_of(namespace: Namespace, versions: Mapping[Table, int]) -> dict[Table, str]:
    """The tables at these versions, as they stand in FROM."""
    return {
        table: f"{namespace.table(table)} VERSION AS OF {int(version)}"
        for table, version in versions.items()
    }


def latest(wh: Warehouse) -> dict[Table, int]:
    """The version that each table is at."""
    return {table: commits[-1].version for table, commits in timeline.load(wh).commits.items()}


def standing(wh: Warehouse) -> dict[Table, int]:
    """The version that each table is at, without those that are not there."""
    found = {}
    for table in TABLES:
        try:
            rows = wh.query(f"DESCRIBE HISTORY {wh.namespace.table(table)} LIMIT 1")
        except ObjectNotFound:
            continue
        found[table] = rows[0]["version"]
    return found


def lacking(wh: Warehouse, table: Table, source: str) -> tuple[str, ...]:
    """The columns of today that ``source`` does not have. Raises ObjectNotFound."""
    if _has(wh, source, table.names):
        return ()
    return tuple(name for name in table.names if not _has(wh, source, (name,)))


def _has(wh: Warehouse, source: str, names: tuple[str, ...]) -> bool:
    columns = ", ".join(f"`{name}`" for name in names)
    try:
        wh.query(f"SELECT {columns} FROM {source} LIMIT 1")  # noqa: S608 - our own names
    except ColumnNotFound:
        return False
    return True


def preview(wh: Warehouse, sources: Mapping[Table, str]) -> dict[Table, tuple[int, int, int]]:
    """For each table how many records restoring would remove, bring back, and change."""
    return diff.counts(wh, sources, wh.namespace)


def to_version(wh: Warehouse, table: Table, version: int) -> None:
    """To an earlier version: Delta refuses the one that the table is at."""
    name = wh.namespace.table(table)
    write(wh, f"RESTORE TABLE {name} TO VERSION AS OF {int(version)}", repeatable=True)


def to_clone(wh: Warehouse, table: Table, clone: str, lacking: Collection[str] = ()) -> None:
    """From a backup's clone, by a MERGE: keys, properties and grants of the table stay, and its
    history shows only what really changes. A table that is not there becomes a clone itself."""
    name = wh.namespace.table(table)
    columns = ", ".join(f"`{column}`" for column in table.names)
    cloned = ", ".join(
        f"CAST(NULL AS {column.type}) AS `{column.name}`"
        if column.name in lacking
        else f"`{column.name}`"
        for column in table.columns
    )
    values = ", ".join(f"s.`{column}`" for column in table.names)
    differs = " OR ".join(f"NOT (t.`{column}` <=> s.`{column}`)" for column in table.names)
    assignments = ", ".join(f"`{column}` = s.`{column}`" for column in table.names)
    sql = f"""
    MERGE INTO {name} AS t USING (SELECT {cloned} FROM {clone}) AS s ON t.`{table.key}` = s.`{table.key}`
    WHEN MATCHED AND ({differs}) THEN UPDATE SET {assignments}
    WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({values})
    WHEN NOT MATCHED BY SOURCE THEN DELETE
    """  # noqa: S608, E501 - names of our own tables
    try:
        write(wh, sql, repeatable=True)
    except ObjectNotFound:
        write(wh, f"CREATE TABLE {name} DEEP CLONE {clone}", repeatable=False)


def in_order(tables: Mapping[Table, object]) -> list[Table]:
    """Accounts first, so that no reader meanwhile sees a child without its account."""
    return [table for table in TABLES if table in tables]
