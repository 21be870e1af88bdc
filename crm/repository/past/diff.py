"""What differs between two moments: records added, removed and changed, in one statement."""

from __future__ import annotations

import json
from collections.abc import Mapping

from crm.model.changes import Change, values_of
from crm.model.namespace import Namespace
from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository import _sql
from crm.repository.errors import Missing
from crm.warehouse import Warehouse

SHOWN = 500


def between(wh: Warehouse, then: Namespace, now: Namespace, bsnid: str = "") -> list[Change]:
    """Every difference, of one account or of all, by account; at most ``SHOWN``, and one more
    that says that there are others. Raises Missing: the account was neither there nor is."""
    branches = "\nUNION ALL\n".join(
        _branch(table, then.table(table), now.table(table), bool(bsnid)) for table in TABLES
    )
    sql = """
    SELECT d.*, COALESCE(a.team, o.team) AS team
    FROM ({branches}) AS d
    LEFT JOIN (SELECT bsnid, MAX(team) AS team FROM {now} GROUP BY bsnid) AS a
      ON a.bsnid = d.account
    LEFT JOIN (SELECT bsnid, MAX(team) AS team FROM {then} GROUP BY bsnid) AS o
      ON o.bsnid = d.account
    ORDER BY d.account, d.place, d.key LIMIT :shown
    """
    text = sql.format(branches=branches, now=now.table(ACCOUNTS), then=then.table(ACCOUNTS))
    params = {"shown": SHOWN + 1} | ({"bsnid": bsnid} if bsnid else {})
    rows = wh.query(text, params)
    if bsnid and not rows:
        raise Missing(bsnid)
    return [_change(row) for row in rows if row["before"] != row["after"]]


def counts(
    wh: Warehouse, then: Mapping[Table, str], now: Namespace
) -> dict[Table, tuple[int, int, int]]:
    """For each table how many records are there now only, then only, and differ; ``then``
    names the tables that now is compared with."""
    sql = "SELECT place, COALESCE(SUM(CASE WHEN `before` IS NULL THEN 1 END), 0) AS added, "
    sql += "COALESCE(SUM(CASE WHEN `after` IS NULL THEN 1 END), 0) AS removed, COUNT(*) AS n "
    branches = "\nUNION ALL\n".join(
        _branch(table, source, now.table(table), False) for table, source in then.items()
    )
    rows = wh.query(f"{sql} FROM ({branches}) AS d GROUP BY place")  # noqa: S608 - our own names
    found = dict.fromkeys(TABLES, (0, 0, 0))
    for row in rows:
        changed = row["n"] - row["added"] - row["removed"]
        found[TABLES[row["place"]]] = (row["added"], row["removed"], changed)
    return found


def _branch(table: Table, then: str, now: str, of_one: bool) -> str:
    owner = table.parent_key or table.key
    where = f"WHERE `{owner}` = :bsnid" if of_one else ""
    # The one account comes along though it is the same: so that it is known to be there.
    wanted = "TRUE" if of_one and table is ACCOUNTS else "NOT (b.r <=> a.r)"
    # A key is there once, unless somebody outside broke that; then any of its rows will do.
    side = "(SELECT `{key}` AS k, MAX(`{owner}`) AS o, MAX({row}) AS r FROM {source} {where} "
    side += "GROUP BY `{key}`)"
    parts = {"key": table.key, "owner": owner, "where": where, "row": _sql.own_row(table)}
    before = side.format(source=then, **parts)
    after = side.format(source=now, **parts)
    return f"""
    SELECT {TABLES.index(table)} AS place, COALESCE(b.k, a.k) AS key,
      COALESCE(a.o, b.o) AS account, b.r AS `before`, a.r AS `after`
    FROM {before} AS b FULL OUTER JOIN {after} AS a ON a.k = b.k
    WHERE {wanted}
    """  # noqa: S608 - names of our own tables


def _change(row: dict) -> Change:
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
