"""Restore the earlier stamps of rows that the undo of a merge wrote.

The undo has stamped them with its person and id. The change feed keeps this version, from which
the history knows who undid the merge. The write here changes no own columns, and its ids are old,
so the history does not show it. See docs/decisions/0013-undo-of-a-merge-to-the-byte.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from crm.model.namespace import quoted
from crm.model.schema import CHANGE_ID, Table
from crm.repository import _sql, operations
from crm.repository.operations import Operation
from crm.warehouse import Warehouse

from .duplicates import IS_AFTER, IS_BEFORE

_STAMPS = ("updated_at", "updated_by", CHANGE_ID.name)

_HAS_STAMP = "t.change_id = :change_id"
_HAS_EARLIER_STAMP = """
w._existed AND NOT (t.change_id <=> :undone)
  AND (t.updated_at <= w.updated_at OR (w.updated_at IS NULL AND t.{key} IS NOT NULL))
"""
# The rows as they were before the operation wrote them. Rows with the same key are distinguished
# by their times: see duplicates.
_GIVE_BACK = """
MERGE INTO {table} AS t
USING (
  SELECT {names}, updated_at, MAX(updated_by) AS updated_by, MAX(change_id) AS change_id,
    SUM(COUNT(*)) OVER (PARTITION BY {key}) AS _copies
  FROM {feed} AS c
  LEFT SEMI JOIN (
    SELECT {key} AS _key, _commit_version AS _version FROM {feed}
    WHERE _commit_version > :before
    GROUP BY {key}, _commit_version
    HAVING COUNT(CASE WHEN {is_after} AND change_id = :undone THEN 1 END)
      > COUNT(CASE WHEN {is_before} AND change_id = :undone THEN 1 END)
  ) AS v ON v._key = c.{key} AND v._version = c._commit_version
  WHERE c._commit_version > :before AND {is_before} AND NOT (c.change_id <=> :undone)
  GROUP BY {names}, updated_at
) AS s
ON t.{key} = s.{key} AND t.change_id = :change_id
  AND (s._copies = 1 OR t.updated_at <=> s.updated_at) AND {same}
WHEN MATCHED THEN UPDATE SET {assignments}
"""


def is_reverted(table: Table, may_be_given_back: bool) -> str:
    """Return the condition that ``t``, a row that the operation wrote (``w``), was reverted."""
    if not may_be_given_back:
        return _HAS_STAMP
    earlier = _sql.fill(_HAS_EARLIER_STAMP, key=quoted(table.key))
    return _sql.fill("{one} OR ({other})", one=_HAS_STAMP, other=earlier)


def give_back(
    wh: Warehouse, operation: Operation, undone: str, before: Mapping[str, int], table: Table
) -> int:
    """Write the stamps from before the operation ``undone`` into the rows that its undo wrote.

    A row that somebody changed since keeps its stamps. Safe to repeat. One statement.
    """
    kept = [name for name in table.names if name not in _STAMPS]
    sql = _sql.render(
        wh.namespace,
        _GIVE_BACK,
        table=wh.namespace.table(table),
        key=quoted(table.key),
        names=_sql.names(kept),
        feed=wh.namespace.change_feed(table, before[table.name]),
        is_before=IS_BEFORE,
        is_after=IS_AFTER,
        same=" AND ".join(f"t.{name} <=> s.{name}" for name in map(quoted, kept)),
        assignments=", ".join(f"{name} = s.{name}" for name in map(quoted, _STAMPS)),
    )
    params = {"undone": undone, "before": before[table.name]}
    return operations.run(wh, operation, sql, params, repeatable=True)
