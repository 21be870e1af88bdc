"""Compare the rows of whole tables with those of another moment, key by key."""

from __future__ import annotations

from collections.abc import Mapping

from crm.model.namespace import Namespace, quoted
from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository import _sql
from crm.warehouse import Warehouse

_BOTH_SIDES = """
SELECT {place} AS place, COALESCE(b.key, a.key) AS key, COALESCE(a.account, b.account) AS account,
  b.row AS `before`, a.row AS `after`
FROM {before} AS b FULL OUTER JOIN {after} AS a ON a.key = b.key
WHERE {condition}
"""
# A key that several rows have counts once, with the row that pages show: the latest.
_SIDE = """(
  SELECT key, latest.account AS account, latest.row AS row
  FROM (
    SELECT {key} AS key, MAX(NAMED_STRUCT(
      'updated', COALESCE(updated_at, {earliest}), 'created', COALESCE(created_at, {earliest}),
      'account', {owner}, 'row', {row})) AS latest
    FROM {source} WHERE {condition} GROUP BY {key}
  ) AS r
)"""
# The account's rows on this side or the other one, so that both sides have a child that moved.
_OF_ACCOUNT = """
({owner} = :bsnid OR {key} IN (SELECT {key} FROM {other} WHERE {owner} = :bsnid))
"""
_EARLIEST = "TIMESTAMP '1970-01-01 00:00:00'"
_COUNTS = """
SELECT place, COALESCE(SUM(CASE WHEN `before` IS NULL THEN 1 END), 0) AS added,
  COALESCE(SUM(CASE WHEN `after` IS NULL THEN 1 END), 0) AS removed, COUNT(*) AS n
FROM ({branches}) AS d GROUP BY place
"""


def both_sides(
    now: Namespace, before: Mapping[Table, str], *, of_one: bool = False, keys: str = ""
) -> str:
    return "UNION ALL".join(
        _of_table(now, table, source, of_one=of_one, keys=keys) for table, source in before.items()
    )


def _of_table(now: Namespace, table: Table, before: str, *, of_one: bool, keys: str) -> str:
    of_keys = f"ARRAY_CONTAINS({keys}, {quoted(table.key)})" if keys else "TRUE"
    parts = {
        "key": quoted(table.key),
        "owner": quoted(table.owner),
        "row": _sql.own_row(table),
        "earliest": _EARLIEST,
    }
    after = now.table(table)

    def side(source: str, other: str) -> str:
        of_account = "TRUE"
        if of_one:
            template = "{owner} = :bsnid" if table is ACCOUNTS else _OF_ACCOUNT
            of_account = _sql.fill(template, other=other, **parts)
        condition = f"{of_account} AND {of_keys}"
        return _sql.render(now, _SIDE, source=source, condition=condition, **parts)

    return _sql.render(
        now,
        _BOTH_SIDES,
        place=str(TABLES.index(table)),
        before=side(before, after),
        after=side(after, before),
        # The one account is returned even if it did not change, to show that it exists.
        condition="TRUE" if of_one and table is ACCOUNTS else "NOT (b.row <=> a.row)",
    )


def count_changes(wh: Warehouse, before: Mapping[Table, str]) -> dict[Table, tuple[int, int, int]]:
    """Return for each table the number of records (added, removed, changed) until now.

    ``before`` has for each table the FROM item of the earlier rows.
    """
    branches = both_sides(wh.namespace, before)
    found = dict.fromkeys(TABLES, (0, 0, 0))
    for row in wh.query(_sql.render(wh.namespace, _COUNTS, branches=branches)):
        changed = row["n"] - row["added"] - row["removed"]
        found[TABLES[row["place"]]] = (row["added"], row["removed"], changed)
    return found
