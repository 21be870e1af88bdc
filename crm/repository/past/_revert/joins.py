"""Joins that restrict the rows of an operation to those that can be reverted.

Each join follows ``w``, the rows of ``revert_bulk``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from crm.model.schema import ACCOUNTS, CHILDREN, PLATFORMS_STATUS, Table
from crm.repository import _sql
from crm.warehouse import Warehouse

from . import duplicates

_NO_DUPLICATES = "LEFT ANTI JOIN ({keys}) AS k ON k._key = w._key AND w._existed"
_NO_RIVAL = "FALSE AS _rival"
# If the platform has another status by now, the inserted one keeps its old time. With a new time
# it would become the platform's latest status.
_RIVAL = "r.owner IS NOT NULL AS _rival"
_RIVALS = """
  LEFT JOIN (
    SELECT DISTINCT account_bsnid AS owner, LOWER(TRIM(platform)) AS same FROM {table}
  ) AS r ON r.owner = w.account_bsnid AND r.same = LOWER(TRIM(w.platform))
"""
# An account with children is not deleted. Children that the operation inserted are already
# deleted; children that existed before the operation do not count.
_CHILDLESS = """
  LEFT ANTI JOIN ({children}) AS c ON c.account_bsnid = w._key AND NOT w._existed
"""
_NEW_CHILDREN = """
  SELECT n.account_bsnid FROM {child} AS n
  LEFT ANTI JOIN {child} VERSION AS OF {version} AS o ON o.id = n.id
"""
# If the operation deleted accounts with their children, a child is inserted again only if its
# account is, or was never deleted. It is not given to another account that has the key by now.
_OF_SAME_ACCOUNT = """
  LEFT SEMI JOIN (
    SELECT bsnid FROM {accounts} WHERE change_id = :change_id
    UNION ALL
    SELECT e.bsnid FROM {accounts} AS e
    LEFT ANTI JOIN (
      SELECT bsnid FROM {feed}
      WHERE _commit_version > {version} AND _change_type IN ('insert', 'delete')
    ) AS n ON n.bsnid = e.bsnid
  ) AS b ON b.bsnid = w.account_bsnid
"""
# Other children are inserted again unless their account has been deleted since.
_NOT_OF_GONE_ACCOUNT = """
  LEFT ANTI JOIN (
    SELECT e.bsnid FROM {accounts} VERSION AS OF {version} AS e
    LEFT ANTI JOIN {accounts} AS n ON n.bsnid = e.bsnid
  ) AS g ON g.bsnid = w.account_bsnid AND w._deleted
"""
# Not those that a revert deleted and inserted in one commit: see duplicates.
_DELETED_ACCOUNTS = """
SELECT DISTINCT bsnid FROM (
  SELECT bsnid FROM {feed} WHERE _commit_version > :before
  GROUP BY bsnid, _commit_version
  HAVING COUNT(CASE WHEN _change_type = 'delete' AND change_id = :undone THEN 1 END) > 0
    AND COUNT(CASE WHEN {is_after} THEN 1 END) = 0
) AS d
"""


def deleted_accounts(
    wh: Warehouse, undone: str, tables: Collection[Table], before: Mapping[str, int]
) -> list[str]:
    """Return the accounts that the operation deleted. At most one statement."""
    if ACCOUNTS not in tables:
        return []
    first = before[ACCOUNTS.name]
    feed = wh.namespace.change_feed(ACCOUNTS, first)
    sql = _sql.render(wh.namespace, _DELETED_ACCOUNTS, feed=feed, is_after=duplicates.IS_AFTER)
    return [row["bsnid"] for row in wh.query(sql, {"undone": undone, "before": first})]


def columns(table: Table) -> list[str]:
    """Return the columns of ``w``, apart from ``_key``, that the joins compare; at least one."""
    return [name for name in (table.owner, "platform") if name in table.names]


def rival(table: Table) -> str:
    """Return the column that is true if another status of the platform is stored."""
    return _RIVAL if table is PLATFORMS_STATUS else _NO_RIVAL


def of(
    wh: Warehouse,
    table: Table,
    before: Mapping[str, int],
    has_duplicates: bool,
    is_deletion: bool,
) -> str:
    """Return the joins for the rows of a table; ``is_deletion``: of accounts that were deleted."""
    parts = {"table": wh.namespace.table(table)}
    joined = ""
    if table is PLATFORMS_STATUS:
        joined += _sql.render(wh.namespace, _RIVALS, **parts)
    if table is ACCOUNTS and not is_deletion:
        joined += _childless(wh, before)
    if table is not ACCOUNTS and is_deletion:
        version = int(before[ACCOUNTS.name])
        feed = wh.namespace.change_feed(ACCOUNTS, version)
        joined += _sql.render(wh.namespace, _OF_SAME_ACCOUNT, feed=feed, version=str(version))
    if table is not ACCOUNTS and not is_deletion:
        known = str(int(before[ACCOUNTS.name]))
        joined += _sql.render(wh.namespace, _NOT_OF_GONE_ACCOUNT, version=known)
    if has_duplicates:
        joined += _sql.fill(_NO_DUPLICATES, keys=duplicates.keys(wh, table))
    return joined


def _childless(wh: Warehouse, before: Mapping[str, int]) -> str:
    children = (
        _sql.render(
            wh.namespace,
            _NEW_CHILDREN,
            child=wh.namespace.table(child),
            version=str(int(before[child.name])),
        )
        for child in CHILDREN
    )
    return _sql.fill(_CHILDLESS, children=" UNION ALL ".join(children))
