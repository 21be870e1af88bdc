"""Putting whole tables back: to a version that Delta still keeps, or to a backup.

Either is a new version of the table: nothing that was there before is lost, and restoring to the
version before takes it back. https://docs.databricks.com/sql/language-manual/delta-restore
"""

from __future__ import annotations

from collections.abc import Mapping

from crm.schema import TABLES, Namespace, Table
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound

from . import comparing, timeline
from ._writing import write


def versions_of(namespace: Namespace, versions: Mapping[Table, int]) -> dict[Table, str]:
    """The tables at these versions, as they stand in FROM."""
    return {
        table: f"{namespace.table(table)} VERSION AS OF {int(version)}"
        for table, version in versions.items()
    }


def latest(wh: Warehouse) -> dict[Table, int]:
    """The version that each table is at."""
    return {table: commits[-1].version for table, commits in timeline.load(wh).commits.items()}


def preview(wh: Warehouse, sources: Mapping[Table, str]) -> dict[Table, tuple[int, int, int]]:
    """For each table how many records restoring would remove, bring back, and change."""
    return comparing.counts(wh, sources, wh.namespace)


def to_version(wh: Warehouse, table: Table, version: int) -> None:
    name = wh.namespace.table(table)
    wh.execute(f"RESTORE TABLE {name} TO VERSION AS OF {int(version)}", repeatable=True)


def to_clone(wh: Warehouse, table: Table, clone: str) -> None:
    """From a backup's clone, by a MERGE: keys, properties and grants of the table stay, and its
    history shows only what really changes. A table that is not there becomes a clone itself."""
    name = wh.namespace.table(table)
    columns = ", ".join(f"`{column}`" for column in table.names)
    values = ", ".join(f"s.`{column}`" for column in table.names)
    differs = " OR ".join(f"NOT (t.`{column}` <=> s.`{column}`)" for column in table.names)
    assignments = ", ".join(f"`{column}` = s.`{column}`" for column in table.names)
    sql = f"""
    MERGE INTO {name} AS t USING (SELECT {columns} FROM {clone}) AS s ON t.`{table.key}` = s.`{table.key}`
    WHEN MATCHED AND ({differs}) THEN UPDATE SET {assignments}
    WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({values})
    WHEN NOT MATCHED BY SOURCE THEN DELETE
    """  # noqa: S608, E501 - names of our own tables
    try:
        write(wh, sql, repeatable=True)
    except ObjectNotFound:
        wh.execute(f"CREATE TABLE {name} DEEP CLONE {clone}", repeatable=False)


def in_order(tables: Mapping[Table, object]) -> list[Table]:
    """Accounts first, so that no reader meanwhile sees a child without its account."""
    return [table for table in TABLES if table in tables]
