"""Revert the changes of an operation to several rows that have one key.

The table does not show which of these rows had which values before. So all rows that the operation
wrote are deleted and inserted again with their earlier values, in one statement per table.
"""

from __future__ import annotations

from crm.model.namespace import quoted
from crm.model.schema import Table
from crm.repository import _sql, operations
from crm.repository.operations import Operation
from crm.warehouse import Warehouse

IS_BEFORE = "_change_type IN ('update_preimage', 'delete')"
IS_AFTER = "_change_type IN ('update_postimage', 'insert')"
# The number of a key's rows that a commit gave the operation's id, or took it from; NULL for none.
ROWS = _sql.fill(
    """
  CASE WHEN {given} > {had}
    THEN COUNT(CASE WHEN {is_before} AND NOT (change_id <=> :undone) THEN 1 END)
    WHEN {given} < {had} THEN {given} - {had} END
""",
    given=_sql.fill("COUNT(CASE WHEN {is_it} AND change_id = :undone THEN 1 END)", is_it=IS_AFTER),
    had=_sql.fill("COUNT(CASE WHEN {is_it} AND change_id = :undone THEN 1 END)", is_it=IS_BEFORE),
    is_before=IS_BEFORE,
)

_KEYS = """
SELECT {key} AS _key, COUNT(*) AS _rows FROM {table} WHERE change_id = :undone
GROUP BY {key} HAVING COUNT(*) > 1
"""
_COUNT = "SELECT {place} AS place, COUNT(*) AS n FROM ({keys}) AS k"
# The earlier values of the rows, if all rows are as the operation wrote them: the number with its
# id is the number that it wrote, and no commit changed a row while keeping the operation's id and
# time. The rows get back their times, so that pages show the same row as before.
_REPLACE = """
MERGE INTO {table} AS t
USING (
  WITH changes AS (
    SELECT c.*, k._key, k._rows FROM {feed} AS c JOIN ({keys}) AS k ON k._key = c.{key}
    WHERE c._commit_version > :before
  ),
  commits AS (
    SELECT _key, _commit_version,
      COUNT(CASE WHEN {is_after} AND change_id = :undone THEN 1 END)
        > COUNT(CASE WHEN {is_before} AND change_id = :undone THEN 1 END) AS _is_written,
      CASE WHEN MAX(CASE WHEN {is_before} AND change_id = :undone THEN updated_at END)
        = MAX(CASE WHEN {is_after} AND change_id = :undone THEN updated_at END)
        THEN 1 END AS _outside
    FROM changes GROUP BY _key, _commit_version
  ),
  originals AS (
    SELECT c.*, COUNT(*) OVER (PARTITION BY c._key) AS _count,
      ROW_NUMBER() OVER (PARTITION BY c._key ORDER BY c._commit_version) AS _place
    FROM changes AS c JOIN commits AS v
      ON v._key = c._key AND v._commit_version = c._commit_version AND v._is_written
    LEFT ANTI JOIN (SELECT _key FROM commits WHERE _outside = 1) AS o ON o._key = c._key
    WHERE {is_before} AND NOT (c.change_id <=> :undone)
  )
  SELECT _key AS old_key, {names} FROM originals WHERE _count = _rows AND _place = 1
  UNION ALL
  SELECT CAST(NULL AS STRING) AS old_key, {names} FROM originals WHERE _count = _rows
) AS s
ON t.{key} = s.old_key
WHEN MATCHED AND t.change_id = :undone THEN DELETE
WHEN NOT MATCHED AND s.old_key IS NULL THEN INSERT ({names}, updated_by, change_id)
  VALUES ({sources}, :actor, :change_id)
"""


def with_duplicates(wh: Warehouse, undone: str, tables: list[Table]) -> set[Table]:
    """Return in which of the tables several rows of the operation have one key. One statement."""
    if not tables:
        return set()
    sql = " UNION ALL ".join(
        _sql.fill(_COUNT, place=str(place), keys=keys(wh, table))
        for place, table in enumerate(tables)
    )
    return {tables[row["place"]] for row in wh.query(sql, {"undone": undone}) if row["n"]}


def keys(wh: Warehouse, table: Table) -> str:
    """Return the query of the keys that several rows of the operation ``:undone`` have."""
    names = {"table": wh.namespace.table(table), "key": quoted(table.key)}
    return _sql.render(wh.namespace, _KEYS, **names)


def replace(wh: Warehouse, operation: Operation, undone: str, table: Table, before: int) -> int:
    """Revert these rows, and return their number. Safe to repeat. One statement.

    ``before`` is the table's version before the operation. Skips a key if somebody changed,
    deleted or restored one of its rows.
    """
    kept = [name for name in table.names if name != "updated_by"]
    sql = _sql.render(
        wh.namespace,
        _REPLACE,
        table=wh.namespace.table(table),
        key=quoted(table.key),
        keys=keys(wh, table),
        feed=wh.namespace.change_feed(table, before),
        is_before=IS_BEFORE,
        is_after=IS_AFTER,
        names=_sql.names(kept),
        sources=_sql.names(kept, "s"),
    )
    params = {"undone": undone, "before": before}
    # Each row counts twice: deleted and inserted.
    return operations.run(wh, operation, sql, params, repeatable=True) // 2
