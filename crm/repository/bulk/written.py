"""The rows that a bulk change has written or deleted, now or in earlier attempts.

The table shows only those that nobody has changed since; the change feed shows them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm.model.namespace import quoted
from crm.model.schema import Table
from crm.repository import _made_ids, _sql, versions
from crm.repository.errors import NoSuchMoment
from crm.repository.operations import Operation
from crm.repository.tables import change_feed
from crm.warehouse import Warehouse
from crm.warehouse.errors import PermissionDenied, StatementFailed

# A commit wrote as many of a key's rows as it gave the operation's id, and did not take it from.
# Left out are rows that the operation took back, and keys that its undo changed back. Both stamp
# what they delete, so a row deleted with the operation's id was deleted by somebody else.
_WRITTEN = """
SELECT key, SUM(written) - SUM(taken) AS n FROM (
  SELECT {key} AS key,
    GREATEST(COUNT(CASE WHEN change_id = :change_id
        AND _change_type IN ('insert', 'update_postimage') THEN 1 END)
      - COUNT(CASE WHEN change_id = :change_id
        AND _change_type IN ('delete', 'update_preimage') THEN 1 END), 0) AS written,
    COUNT(CASE WHEN change_id = :taken AND _change_type = 'update_postimage' THEN 1 END) AS taken,
    COUNT(CASE WHEN change_id = :undo THEN 1 END) AS undone
  FROM {feed} WHERE _commit_version > :before AND change_id IN (:change_id, :taken, :undo)
  GROUP BY {key}, _commit_version
) AS c GROUP BY key HAVING SUM(written) > SUM(taken) AND SUM(undone) = 0
"""
_DELETED = """
SELECT {key} AS key, COUNT(*) AS n FROM {feed}
WHERE _commit_version > :before AND change_id = :change_id AND _change_type = 'delete'
GROUP BY {key}
"""
_UNCHANGED = """
SELECT {key} AS key, COUNT(*) AS n FROM {table} WHERE change_id = :change_id GROUP BY {key}
"""


def count_written(wh: Warehouse, operation: Operation, table: Table, key: str) -> dict[str, int]:
    """Return how many rows the operation wrote, by the value of the column ``key``.

    Up to five statements. If the change feed cannot be read, for example because of a row filter,
    it leaves out rows that somebody has changed since.
    """
    ids = {"undo": _made_ids.of_revert(operation.id)}
    ids["taken"] = _made_ids.of_take_back(operation.id)
    found = read_feed(wh, operation, _WRITTEN, table, key, ids)
    if found is None:
        parts = {"key": quoted(key), "table": wh.namespace.table(table)}
        found = wh.query(_sql.fill(_UNCHANGED, **parts), {"change_id": operation.id})
    return {row["key"]: row["n"] for row in found}


def deleted_keys(wh: Warehouse, operation: Operation, table: Table) -> set[str] | None:
    """Return the keys of the rows that the operation deleted; None if the change feed cannot be
    read. Up to five statements."""
    found = read_feed(wh, operation, _DELETED, table, table.key, {})
    return None if found is None else {row["key"] for row in found}


def read_feed(
    wh: Warehouse,
    operation: Operation,
    template: str,
    table: Table,
    key: str,
    params: dict[str, Any],
    before: Mapping[str, int] | None = None,
) -> list[_sql.Row] | None:
    """Return the rows of the query; None if the feed since the operation began cannot be read.

    ``before``: the versions of the tables before the operation, if they are known.
    """
    try:
        if before is None:
            if operation.began is None:
                return None
            before = versions.versions_at(wh, operation.began)
        version = before[table.name]
        feed = wh.namespace.change_feed(table, version)
        sql = _sql.fill(template, key=quoted(key), feed=feed)
        return wh.query(sql, {**params, "change_id": operation.id, "before": version})
    except (NoSuchMoment, PermissionDenied):
        return None
    except StatementFailed as error:
        if error.is_refused_by_policy or change_feed.is_too_early(error):
            return None
        raise
