"""Undoing what was done to many records at once, such as an import.

Between two versions of the tables everything is known: which rows were changed, and what they
were. A row is put back only if nobody has changed it since, and if it was not somebody else who
changed it meanwhile. Like any other change the undoing is stamped with who did it, and shows in
the history.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from crm.model.schema import ACCOUNTS, CHILDREN, PLATFORMS_STATUS, TABLES, Table
from crm.repository._writing import write
from crm.warehouse import Warehouse

from . import restore_tables

Versions = Mapping[str, int]

# As in history: a row that was stamped so shortly before a commit was changed through the CRM.
_STAMPED_WITHIN = 600_000_000

_SOURCE = """
  SELECT k.key AS _key, a.`{key}` IS NOT NULL AS _there, b.`{key}` IS NOT NULL AS _existed,
    a.updated_at AS _seen, {rival}, {before}
  FROM (
    SELECT `{key}` AS key FROM {feed} WHERE _commit_version <= :after GROUP BY `{key}`
    HAVING COUNT(CASE WHEN _change_type IN ('insert', 'update_postimage')
      AND NOT (updated_by <=> :actor)
      AND ABS(UNIX_MICROS(_commit_timestamp) - UNIX_MICROS(updated_at)) < {stamped} THEN 1 END) = 0
  ) AS k
  LEFT JOIN {table} VERSION AS OF {version_after} AS a ON a.`{key}` = k.key
  LEFT JOIN {table} VERSION AS OF {version_before} AS b ON b.`{key}` = k.key
  {joined}
"""
_NO_RIVAL = "FALSE AS _rival, b.updated_at AS _was_at, b.updated_by AS _was_by"
# A status whose platform has another one now comes back as old as it was: stamped, it would
# become the platform's latest.
_RIVAL = """r.owner IS NOT NULL AS _rival,
    COALESCE(b.updated_at, b.created_at) AS _was_at, b.updated_by AS _was_by"""
_RIVALS = """
  LEFT JOIN (
    SELECT DISTINCT account_bsnid AS owner, LOWER(TRIM(platform)) AS same FROM {table}
  ) AS r ON r.owner = b.account_bsnid AND r.same = LOWER(TRIM(b.platform))
"""
# An account that somebody has given children since stays.
_CHILDLESS = """
  LEFT ANTI JOIN ({children}) AS c ON c.account_bsnid = k.key AND b.`{key}` IS NULL
"""
_NEW_CHILDREN = """
  SELECT n.account_bsnid FROM {child} AS n
  LEFT ANTI JOIN {child} VERSION AS OF {version} AS o ON o.id = n.id
"""
# Who deletes a row is told by its last stamp.
_STAMP = """
MERGE INTO {table} AS t USING ({source}) AS s
ON t.`{key}` = s._key AND t.updated_at <=> s._seen
WHEN MATCHED AND NOT s._existed THEN UPDATE SET updated_at = :now, updated_by = :actor
"""
_UNDO = """
MERGE INTO {table} AS t USING ({source}) AS s
ON t.`{key}` = s._key
WHEN MATCHED AND NOT s._existed AND t.updated_at = :now THEN DELETE
WHEN MATCHED AND s._existed AND s._there AND t.updated_at <=> s._seen THEN UPDATE SET
  {assignments}, updated_at = :now, updated_by = :actor
WHEN NOT MATCHED AND s._existed AND NOT s._there THEN INSERT ({names}, updated_at, updated_by)
  VALUES ({values}, IF(s._rival, s._was_at, :now), IF(s._rival, s._was_by, :actor))
"""


def versions(wh: Warehouse) -> dict[str, int]:
    """The tables' versions now, by name: to be asked before and after. A statement per table."""
    return {table.name: version for table, version in restore_tables.latest(wh).items()}


def undo(wh: Warehouse, before: Versions, after: Versions) -> int:
    """Put back what was changed between these versions; how many records. Safe to repeat.

    At most two statements per table that was changed. Raises WarehouseError, also where the
    versions are not kept any more.
    """
    now = dt.datetime.now(dt.UTC)
    # What was deleted comes back accounts first; what was added goes children first. Both at once
    # in one bulk change there is none.
    changed = [table for table in reversed(TABLES) if after[table.name] > before[table.name]]
    return sum(_undo(wh, table, before, after, now) for table in changed)


def _undo(wh: Warehouse, table: Table, before: Versions, after: Versions, now: dt.datetime) -> int:
    parts = _parts(wh, table, before, after)
    params = {"actor": wh.actor, "after": after[table.name], "now": now}
    write(wh, _STAMP.format(**parts), params, repeatable=True)
    return write(wh, _UNDO.format(**parts), params, repeatable=True)


def _parts(wh: Warehouse, table: Table, before: Versions, after: Versions) -> dict[str, str]:
    # Once created, a row keeps who created it, and when.
    kept = [name for name in table.names if name not in ("updated_at", "updated_by")]
    name = wh.namespace.table(table)
    children = " UNION ALL ".join(
        _NEW_CHILDREN.format(child=wh.namespace.table(child), version=int(before[child.name]))
        for child in CHILDREN
    )
    joined = ""
    if table is ACCOUNTS:
        joined = _CHILDLESS.format(children=children, key=table.key)
    elif table is PLATFORMS_STATUS:
        joined = _RIVALS.format(table=name)
    source = _SOURCE.format(
        key=table.key,
        before=", ".join(f"b.`{column}`" for column in kept),
        feed=wh.namespace.feed(table, before[table.name] + 1),
        stamped=_STAMPED_WITHIN,
        table=name,
        version_after=int(after[table.name]),
        version_before=int(before[table.name]),
        rival=_RIVAL if table is PLATFORMS_STATUS else _NO_RIVAL,
        joined=joined,
    )
    return {
        "table": name,
        "key": table.key,
        "source": source,
        "assignments": ", ".join(f"`{column}` = s.`{column}`" for column in kept),
        "names": ", ".join(f"`{column}`" for column in kept),
        "values": ", ".join(f"s.`{column}`" for column in kept),
    }
