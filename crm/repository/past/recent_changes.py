"""What has changed in the tables since versions of them that one knows: one cheap statement.

The feed is read from the last known version on, not from the one after it: a start beyond the
latest version is an error (DELTA_CDC_START_VERSION_AFTER_LATEST), and while nothing happens there
is no later one.

https://docs.databricks.com/sql/language-manual/functions/table_changes
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crm.model.changes import CHANGED, CREATED, DELETED
from crm.model.schema import TABLES, Table
from crm.repository import versions as timeline
from crm.warehouse import Warehouse

from . import change_feed

MOST = 500

# As in history: a change whose row was stamped longer ago was not made through the CRM.
_STAMPED_WITHIN = dt.timedelta(minutes=10)

# RESTORE, and a MERGE that deletes and inserts one key, tell a change as two rows of one version.
_SQL = """
SELECT {place} AS place, `{key}` AS key, _commit_version AS version,
  COUNT(CASE WHEN NOT {is_after} THEN 1 END) > 0 AS was_there,
  COUNT(CASE WHEN {is_after} THEN 1 END) > 0 AS is_there,
  CASE WHEN COUNT(CASE WHEN {is_after} THEN 1 END) > 0
    THEN MAX(CASE WHEN {is_after} THEN `{owner}` END) ELSE MAX(`{owner}`) END AS account,
  MAX(_commit_timestamp) AS moment,
  CASE WHEN COUNT(CASE WHEN {is_after} THEN 1 END) > 0
    THEN MAX(CASE WHEN {is_after} THEN updated_at END) ELSE MAX(updated_at) END AS updated_at,
  CASE WHEN COUNT(CASE WHEN {is_after} THEN 1 END) > 0
    THEN MAX(CASE WHEN {is_after} THEN updated_by END) ELSE MAX(updated_by) END AS updated_by
FROM {feed}
WHERE _commit_version > :seen{place}
GROUP BY `{key}`, _commit_version
"""
_IS_AFTER = "_change_type IN ('insert', 'update_postimage')"


@dataclass(frozen=True)
class News:
    """One change of one record. ``person`` is empty where it did not come through the CRM."""

    table: Table
    key: str
    bsnid: str
    version: int
    kind: str
    updated_at: dt.datetime | None
    person: str


def since(wh: Warehouse, seen: Mapping[str, int]) -> list[News]:
    """The changes after these versions (by the tables' names), oldest first, at most ``MOST``
    and one: the latest. One statement. Raises WarehouseError."""
    branches = [
        _SQL.format(
            place=place,
            key=table.key,
            owner=table.parent_key or table.key,
            feed=wh.namespace.feed(table, seen[table.name]),
            is_after=_IS_AFTER,
        )
        for place, table in enumerate(TABLES)
    ]
    sql = (
        f"{'UNION ALL'.join(branches)} ORDER BY moment DESC, place, version DESC LIMIT {MOST + 1}"
    )
    params = {f"seen{place}": seen[table.name] for place, table in enumerate(TABLES)}
    return [_news(row) for row in reversed(wh.query(sql, params))]


def versions(wh: Warehouse, ago: dt.timedelta) -> dict[str, int]:
    """The version that each table had so long ago, or its feed's first. A statement per table."""
    lines, starts = timeline.load(wh), change_feed.starts(wh)
    return {
        table.name: max(
            starts[table.name],
            max(
                (c.version for c in commits if c.moment <= lines.read_at - ago),
                default=commits[0].version,
            ),
        )
        for table, commits in lines.commits.items()
    }


def _news(row: Mapping[str, Any]) -> News:
    stamped = row["updated_at"]
    kind = DELETED if not row["is_there"] else CHANGED if row["was_there"] else CREATED
    is_ours = stamped is not None and abs(row["moment"] - stamped) < _STAMPED_WITHIN
    return News(
        TABLES[row["place"]],
        row["key"],
        row["account"],
        row["version"],
        kind,
        stamped,
        (row["updated_by"] or "") if is_ours else "",
    )
