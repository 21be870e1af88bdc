"""Find what changed in the tables since known versions of them, in one cheap statement.

The feed is read from the last known version on, not from the next one: a start after the latest
version is an error (DELTA_CDC_START_VERSION_AFTER_LATEST), and until something changes there is no
next version.

https://docs.databricks.com/sql/language-manual/functions/table_changes
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from crm.model.changes import CHANGED, CREATED, DELETED
from crm.model.namespace import quoted
from crm.model.schema import TABLES, Table
from crm.repository import _sql, _stamps, versions
from crm.repository._sql import Row
from crm.repository.tables import change_feed
from crm.warehouse import Warehouse

LIMIT = 500

_SQL = """
SELECT *,
  LAG(CASE WHEN is_stamp AND COALESCE(updated_at > old_at, old_at IS NULL) THEN new_id END)
    OVER {of_record} AS stamp_id,
  LAG(version) OVER {of_record} AS earlier_version
FROM ({branches}) AS c
ORDER BY moment DESC, place, version DESC LIMIT :limit
"""
_OF_RECORD = "(PARTITION BY place, key ORDER BY version)"
# A RESTORE, or a MERGE that deletes and inserts one key, gives two rows of one version instead of
# the two images of an update.
_BRANCH = """
SELECT {place} AS place, {key} AS key, _commit_version AS version,
  COUNT(CASE WHEN NOT {is_after} THEN 1 END) > 0 AS existed_before,
  COUNT(CASE WHEN {is_after} THEN 1 END) > 0 AS exists_after,
  COUNT(CASE WHEN _change_type = 'update_preimage' THEN 1 END) > 0 AS is_update,
  MAX(CASE WHEN NOT {is_after} THEN change_id END) AS old_id,
  MAX(CASE WHEN {is_after} THEN change_id END) AS new_id,
  CASE WHEN MAX(CASE WHEN NOT {is_after} THEN {row} END)
    = MAX(CASE WHEN {is_after} THEN {row} END) THEN TRUE END AS is_stamp,
  MAX(CASE WHEN NOT {is_after} THEN updated_at END) AS old_at,
  MAX(CASE WHEN NOT {is_after} THEN updated_by END) AS old_by,
  {account} AS account, MAX(_commit_timestamp) AS moment,
  {updated_at} AS updated_at, {updated_by} AS updated_by
FROM {feed}
WHERE _commit_version > :seen{place}
GROUP BY {key}, _commit_version
"""
_IS_AFTER = "_change_type IN ('insert', 'update_postimage')"
_LATEST = """
  CASE WHEN COUNT(CASE WHEN {is_after} THEN 1 END) > 0
    THEN MAX(CASE WHEN {is_after} THEN {column} END) ELSE MAX({column}) END
"""


@dataclass(frozen=True)
class RecentChange:
    """One change of one record.

    :param kind: CREATED, CHANGED or DELETED.
    :param updated_at: the record's last stamp.
    :param person: who made the change; empty for a change outside the CRM.
    """

    table: Table
    key: str
    bsnid: str
    version: int
    kind: str
    updated_at: dt.datetime | None
    person: str


def changes_since(wh: Warehouse, seen: Mapping[str, int]) -> list[RecentChange]:
    """Return the changes after these versions (by table name), oldest first.

    Only the latest ``LIMIT``, and one more if there are more. One statement.
    Raises WarehouseError.
    """
    branches = (_branch(wh, table, seen[table.name]) for table in TABLES)
    parts = {"branches": "UNION ALL".join(branches), "of_record": _OF_RECORD}
    sql = _sql.render(wh.namespace, _SQL, **parts)
    params = {f"seen{place}": seen[table.name] for place, table in enumerate(TABLES)}
    return [_change(row) for row in reversed(wh.query(sql, {**params, "limit": LIMIT + 1}))]


def versions_before(wh: Warehouse, ago: dt.timedelta) -> dict[str, int]:
    """Return the version that each table had ``ago``, or the first of its feed.

    One statement per table.
    """
    lines, starts = versions.latest(wh), change_feed.starts(wh)
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


def _branch(wh: Warehouse, table: Table, seen: int) -> str:
    columns = {"account": table.owner, "updated_at": "updated_at", "updated_by": "updated_by"}
    latest = {
        name: _sql.render(wh.namespace, _LATEST, is_after=_IS_AFTER, column=quoted(column))
        for name, column in columns.items()
    }
    return _sql.render(
        wh.namespace,
        _BRANCH,
        is_after=_IS_AFTER,
        **latest,
        **change_feed.parts(wh, table, seen),
    )


def _change(row: Row) -> RecentChange:
    kind = CHANGED if row["existed_before"] else CREATED
    person = row["old_by"] if _has_earlier_stamp(row) else row["updated_by"]
    return RecentChange(
        TABLES[row["place"]],
        row["key"],
        row["account"],
        row["version"],
        kind if row["exists_after"] else DELETED,
        row["updated_at"],
        (person or "") if _is_ours(row) else "",
    )


def _has_earlier_stamp(row: Row) -> bool:
    """Return whether the undo of a merge restored the row's earlier stamp."""
    if not (row["is_stamp"] and row["is_update"]) or row["new_id"] == row["old_id"]:
        return False
    new, old = row["updated_at"], row["old_at"]
    return old is not None and (new is None or new <= old)


def _is_ours(row: Row) -> bool:
    """Return whether the CRM made the change.

    The id decides, except where this part of the feed does not show whether the id is new: for an
    inserted row, which may come from a RESTORE, and for a deleted row whose stamp is older.
    """
    if _has_earlier_stamp(row):
        return True
    if not row["exists_after"] and row["old_id"] and row["earlier_version"]:
        return bool(row["stamp_id"] == row["old_id"])
    if row["new_id"] and row["existed_before"]:
        # A row that was deleted and inserted in one version was restored.
        return bool(row["is_update"] and row["new_id"] != row["old_id"])
    return _stamps.is_ours(row["moment"], row["updated_at"])
