"""Compare whole tables: where the change feed does not tell of all changes, or there is none."""

from __future__ import annotations

from collections.abc import Mapping

from crm.model.namespace import Namespace, PastNamespace, quoted
from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository import _sql
from crm.repository._sql import Row
from crm.warehouse import Warehouse

_CHANGES = """
SELECT d.*, COALESCE(a.team, b.team) AS team
FROM ({branches}) AS d
LEFT JOIN (SELECT bsnid, MAX(team) AS team FROM {accounts_after} GROUP BY bsnid) AS a
  ON a.bsnid = d.account
LEFT JOIN (SELECT bsnid, MAX(team) AS team FROM {accounts_before} GROUP BY bsnid) AS b
  ON b.bsnid = d.account
ORDER BY d.account, d.place, d.key LIMIT :most
"""
_COUNTS = """
SELECT place, COALESCE(SUM(CASE WHEN `before` IS NULL THEN 1 END), 0) AS added,
  COALESCE(SUM(CASE WHEN `after` IS NULL THEN 1 END), 0) AS removed, COUNT(*) AS n
FROM ({branches}) AS d GROUP BY place
"""
_BRANCH = """
SELECT {place} AS place, COALESCE(b.key, a.key) AS key, COALESCE(a.account, b.account) AS account,
  b.row AS `before`, a.row AS `after`
FROM {before} AS b FULL OUTER JOIN {after} AS a ON a.key = b.key
WHERE {condition}
"""
# A key that several rows have counts once, with any of its rows.
_SIDE = """(
  SELECT {key} AS key, MAX({owner}) AS account, MAX({row}) AS row FROM {source} {where}
  GROUP BY {key}
)"""


def read_changes(wh: Warehouse, then: PastNamespace, bsnid: str, most: int) -> list[Row]:
    """Return the records that differ, as ``diff`` needs them; of one account also its own row."""
    now = then.present
    before = {table: then.table(table) for table in TABLES}
    sql = _sql.render(
        now,
        _CHANGES,
        branches=_union(now, before, of_one=bool(bsnid)),
        accounts_before=then.table(ACCOUNTS),
        accounts_after=now.table(ACCOUNTS),
    )
    return wh.query(sql, {"most": most} | ({"bsnid": bsnid} if bsnid else {}))


def count_changes(wh: Warehouse, before: Mapping[Table, str]) -> dict[Table, tuple[int, int, int]]:
    """Return for each table how many records were added, removed and changed until now.

    ``before`` has for each table the FROM item that it is compared with.
    """
    branches = _union(wh.namespace, before, of_one=False)
    found = dict.fromkeys(TABLES, (0, 0, 0))
    for row in wh.query(_sql.render(wh.namespace, _COUNTS, branches=branches)):
        changed = row["n"] - row["added"] - row["removed"]
        found[TABLES[row["place"]]] = (row["added"], row["removed"], changed)
    return found


def _union(now: Namespace, before: Mapping[Table, str], *, of_one: bool) -> str:
    return "UNION ALL".join(
        _branch(now, table, source, of_one=of_one) for table, source in before.items()
    )


def _branch(now: Namespace, table: Table, before: str, *, of_one: bool) -> str:
    parts = {
        "key": quoted(table.key),
        "owner": quoted(table.owner),
        "row": _sql.own_row(table),
        "where": f"WHERE {quoted(table.owner)} = :bsnid" if of_one else "",
    }
    return _sql.render(
        now,
        _BRANCH,
        place=str(TABLES.index(table)),
        before=_sql.render(now, _SIDE, source=before, **parts),
        after=_sql.render(now, _SIDE, source=now.table(table), **parts),
        # The one account is returned even if it did not change, to show that it exists.
        condition="TRUE" if of_one and table is ACCOUNTS else "NOT (b.row <=> a.row)",
    )
