"""Revert a change of many records that one person made at once, such as an import.

Two versions of each table give the state before and after the change. A row is reverted only if
nobody else changed it between these versions, and nobody changed it since. As every write does,
the revert stamps the rows with the person and shows in the history.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from crm.model.namespace import quoted
from crm.model.schema import ACCOUNTS, CHILDREN, PLATFORMS_STATUS, TABLES, Table
from crm.repository import _sql, _stamps, operations
from crm.repository.operations import Operation
from crm.warehouse import Warehouse

from . import restore_tables

Versions = Mapping[str, int]

_SOURCE = """
  SELECT k.key AS _key, a.{key} IS NOT NULL AS _exists, b.{key} IS NOT NULL AS _existed,
    a.updated_at AS _seen, {rival}, {before}
  FROM (
    SELECT {key} AS key FROM {feed} WHERE _commit_version <= :after GROUP BY {key}
    HAVING COUNT(CASE WHEN _change_type IN ('insert', 'update_postimage')
      AND NOT (updated_by <=> :actor)
      AND {is_ours} THEN 1 END) = 0
  ) AS k
  LEFT JOIN {table} VERSION AS OF {version_after} AS a ON a.{key} = k.key
  LEFT JOIN {table} VERSION AS OF {version_before} AS b ON b.{key} = k.key
  {joined}
"""
_NO_RIVAL = "FALSE AS _rival, b.updated_at AS _was_at"
# A status that is inserted beside another one of its platform keeps its old time. With a new one
# it would become the platform's latest status.
_RIVAL = "r.owner IS NOT NULL AS _rival, COALESCE(b.updated_at, b.created_at) AS _was_at"
_RIVALS = """
  LEFT JOIN (
    SELECT DISTINCT account_bsnid AS owner, LOWER(TRIM(platform)) AS same FROM {table}
  ) AS r ON r.owner = b.account_bsnid AND r.same = LOWER(TRIM(b.platform))
"""
# An account that got children since is not deleted.
_CHILDLESS = """
  LEFT ANTI JOIN ({children}) AS c ON c.account_bsnid = k.key AND b.{key} IS NULL
"""
_NEW_CHILDREN = """
  SELECT n.account_bsnid FROM {child} AS n
  LEFT ANTI JOIN {child} VERSION AS OF {version} AS o ON o.id = n.id
"""
# The last stamp of a deleted row tells who deleted it.
_STAMP = """
MERGE INTO {table} AS t USING ({source}) AS s
ON t.{key} = s._key AND t.updated_at <=> s._seen
WHEN MATCHED AND NOT s._existed THEN UPDATE SET
  updated_at = :now, updated_by = :actor, change_id = :change_id
"""
_REVERT = """
MERGE INTO {table} AS t USING ({source}) AS s
ON t.{key} = s._key
WHEN MATCHED AND NOT s._existed AND t.change_id = :change_id THEN DELETE
WHEN MATCHED AND s._existed AND s._exists AND t.updated_at <=> s._seen THEN UPDATE SET
  {assignments}, updated_at = :now, updated_by = :actor, change_id = :change_id
WHEN NOT MATCHED AND s._existed AND NOT s._exists
  THEN INSERT ({names}, updated_at, updated_by, change_id)
  VALUES ({values}, IF(s._rival, s._was_at, :now), :actor, :change_id)
"""


def current_versions(wh: Warehouse) -> dict[str, int]:
    """Return the tables' versions now, by table name. One statement per table."""
    return {table.name: version for table, version in restore_tables.latest_versions(wh).items()}


def revert(wh: Warehouse, before: Versions, after: Versions) -> int:
    """Revert the changes between these versions, and return the number of reverted records.

    At most two statements per changed table. Safe to repeat. Raises WarehouseError, also if the
    warehouse does not keep the versions any more.
    """
    now = dt.datetime.now(dt.UTC)
    # Children come before accounts: inserted rows are deleted in this order. No bulk change
    # deletes both accounts and children, which would have to be inserted the other way round.
    changed = [table for table in reversed(TABLES) if after[table.name] > before[table.name]]
    operation = operations.new(wh, operations.REVERT)
    return sum(_revert(wh, operation, table, before, after, now) for table in changed)


def _revert(
    wh: Warehouse,
    operation: Operation,
    table: Table,
    before: Versions,
    after: Versions,
    now: dt.datetime,
) -> int:
    parts = _parts(wh, table, before, after)
    params = {"after": after[table.name], "now": now}
    stamp, revert = (_sql.render(wh.namespace, sql, **parts) for sql in (_STAMP, _REVERT))
    operations.run(wh, operation, stamp, params, repeatable=True)
    return operations.run(wh, operation, revert, params, repeatable=True)


def _parts(wh: Warehouse, table: Table, before: Versions, after: Versions) -> dict[str, str]:
    # A row keeps who created it, and when.
    kept = [name for name in table.names if name not in ("updated_at", "updated_by")]
    parts = {"table": wh.namespace.table(table), "key": quoted(table.key)}
    source = _sql.render(
        wh.namespace,
        _SOURCE,
        before=_sql.names(kept, "b"),
        feed=wh.namespace.change_feed(table, before[table.name] + 1),
        is_ours=_stamps.is_ours_sql("_commit_timestamp", "updated_at"),
        version_after=str(int(after[table.name])),
        version_before=str(int(before[table.name])),
        rival=_RIVAL if table is PLATFORMS_STATUS else _NO_RIVAL,
        joined=_joined(wh, table, before, parts),
        **parts,
    )
    return {
        **parts,
        "source": source,
        "assignments": ", ".join(f"{quoted(name)} = s.{quoted(name)}" for name in kept),
        "names": _sql.names(kept),
        "values": _sql.names(kept, "s"),
    }


def _joined(wh: Warehouse, table: Table, before: Versions, parts: dict[str, str]) -> str:
    if table is PLATFORMS_STATUS:
        return _sql.render(wh.namespace, _RIVALS, **parts)
    if table is not ACCOUNTS:
        return ""
    children = (
        _sql.render(
            wh.namespace,
            _NEW_CHILDREN,
            child=wh.namespace.table(child),
            version=str(int(before[child.name])),
        )
        for child in CHILDREN
    )
    return _sql.render(wh.namespace, _CHILDLESS, children=" UNION ALL ".join(children), **parts)
