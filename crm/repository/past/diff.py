"""Compare the tables at two moments: records added, removed and changed, in one statement."""

from __future__ import annotations

import json
from collections.abc import Mapping

from crm.model.changes import Change, values_of
from crm.model.namespace import Namespace, quoted
from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository import _sql
from crm.repository._sql import Row
from crm.repository.errors import Missing
from crm.warehouse import Warehouse

SHOWN = 500

_CHANGES = """
SELECT d.*, COALESCE(a.team, b.team) AS team
FROM ({branches}) AS d
LEFT JOIN (SELECT bsnid, MAX(team) AS team FROM {accounts_after} GROUP BY bsnid) AS a
  ON a.bsnid = d.account
LEFT JOIN (SELECT bsnid, MAX(team) AS team FROM {accounts_before} GROUP BY bsnid) AS b
  ON b.bsnid = d.account
ORDER BY d.account, d.place, d.key LIMIT :shown
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


def find_changes(
    wh: Warehouse, before: Namespace, after: Namespace, bsnid: str = ""
) -> list[Change]:
    """Return the differences of all accounts, or of one, in the order of accounts.

    At most ``SHOWN`` and one more, which shows that there are more. Raises Missing if the one
    account existed at neither moment.
    """
    branches = _union(
        wh, {table: before.table(table) for table in TABLES}, after, of_one=bool(bsnid)
    )
    sql = _sql.render(
        wh.namespace,
        _CHANGES,
        branches=branches,
        accounts_before=before.table(ACCOUNTS),
        accounts_after=after.table(ACCOUNTS),
    )
    params = {"shown": SHOWN + 1} | ({"bsnid": bsnid} if bsnid else {})
    rows = wh.query(sql, params)
    if bsnid and not rows:
        raise Missing(bsnid)
    return [_change(row) for row in rows if row["before"] != row["after"]]


def count_changes(
    wh: Warehouse, before: Mapping[Table, str], after: Namespace
) -> dict[Table, tuple[int, int, int]]:
    """Return for each table how many records were added, removed and changed.

    ``before`` has for each table the FROM item that it is compared with.
    """
    branches = _union(wh, before, after, of_one=False)
    found = dict.fromkeys(TABLES, (0, 0, 0))
    for row in wh.query(_sql.render(wh.namespace, _COUNTS, branches=branches)):
        changed = row["n"] - row["added"] - row["removed"]
        found[TABLES[row["place"]]] = (row["added"], row["removed"], changed)
    return found


def _union(wh: Warehouse, before: Mapping[Table, str], after: Namespace, *, of_one: bool) -> str:
    return "UNION ALL".join(
        _branch(wh, table, source, after.table(table), of_one=of_one)
        for table, source in before.items()
    )


def _branch(wh: Warehouse, table: Table, before: str, after: str, *, of_one: bool) -> str:
    parts = {
        "key": quoted(table.key),
        "owner": quoted(table.owner),
        "row": _sql.own_row(table),
        "where": f"WHERE {quoted(table.owner)} = :bsnid" if of_one else "",
    }
    return _sql.render(
        wh.namespace,
        _BRANCH,
        place=str(TABLES.index(table)),
        before=_sql.render(wh.namespace, _SIDE, source=before, **parts),
        after=_sql.render(wh.namespace, _SIDE, source=after, **parts),
        # The one account is returned even if it did not change, to show that it exists.
        condition="TRUE" if of_one and table is ACCOUNTS else "NOT (b.row <=> a.row)",
    )


def _change(row: Row) -> Change:
    table = TABLES[row["place"]]
    before, after = (row[side] and json.loads(row[side]) for side in ("before", "after"))
    return Change(
        table,
        row["key"],
        row["account"],
        values_of(table, before),
        values_of(table, after),
        team=row["team"] or "",
    )
