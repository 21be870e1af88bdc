"""Find the records added, removed and changed between a moment and now, in one statement.

It reads only the rows in the change feeds since the moment. A feed shows each changed row as it
was before and after. Versions in between cancel out, which leaves a record's versions at the
moment and now. If a feed does not go back to the moment, the whole tables are compared. Records
with duplicate keys are also compared in the whole tables, because a feed does not show unchanged
rows.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from crm.model.changes import Change, LazyValues
from crm.model.namespace import PastNamespace, quoted
from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository import _sql, versions
from crm.repository._sql import Row
from crm.repository.errors import Missing
from crm.repository.records.account_filter import ALL, AccountFilter
from crm.repository.tables import change_feed
from crm.warehouse import Warehouse

from ._both_sides import both_sides

SHOWN = 500
# If at most so many rows were written since the moment, all of them are compared: reading each
# feed once more, to compare hashes first, would cost more.
FEW = 2_000

# Accounts come before their children, so that a deleted account's row gives their team.
_CHANGES = """
SELECT c.*, a.team
FROM (
  SELECT d.place, d.key, d.more, d.account, d.`before`, d.`after`, COUNT(k.key) AS copies
  FROM (
    SELECT place, key, SUM(n) AS more,
      COALESCE(MAX(CASE WHEN n > 0 THEN account END), MAX(account)) AS account,
      MAX(CASE WHEN n < 0 THEN row END) AS `before`, MAX(CASE WHEN n > 0 THEN row END) AS `after`
    FROM (
      SELECT place, key, account, row, SUM(n) AS n
      FROM ({branches}) AS r {chosen} GROUP BY place, key, account, row
    ) AS r
    WHERE n <> 0
    GROUP BY place, key
    ORDER BY account, place, key LIMIT :most
  ) AS d
  LEFT JOIN ({keys}) AS k ON k.key = d.key AND k.place = d.place
  GROUP BY d.place, d.key, d.more, d.account, d.`before`, d.`after`
) AS c
LEFT JOIN (SELECT bsnid, MAX(team) AS team FROM {accounts} GROUP BY bsnid) AS a
  ON a.bsnid = {team_of}
{one_account}
"""
_BRANCH = """
SELECT {place} AS place, {key} AS key, {owner} AS account, {row} AS row, {n} AS n
FROM (SELECT * FROM {feed} WHERE _commit_version > :then{place} {of_one}) AS f {first}
"""
_N = "CASE WHEN _change_type IN ('insert', 'update_postimage') THEN 1 ELSE -1 END"
_THIS = "AND {owner} = :bsnid"
# These two conditions keep the rows of all children that the account has or had, including those
# that moved. Rows without a key are identified by their account.
_OF_ONE = "AND ({key} IS NOT NULL OR {owner} = :bsnid)"
_OWN = """
LEFT SEMI JOIN (
  SELECT COALESCE({key}, '') AS key
  FROM {feed} WHERE _commit_version > :then{place} AND {owner} = :bsnid
) AS d ON d.key = COALESCE(f.{key}, '')
"""
# Keeps the rows of the first differing records of a table, in the order of ``_CHANGES``. Hashes
# are compared, since texts of all rows would cost several times as much.
_FIRST = """
LEFT SEMI JOIN (
  SELECT key, COALESCE(MAX(CASE WHEN n > 0 THEN account END), MAX(account)) AS account
  FROM (
    SELECT {key} AS key, {owner} AS account, SUM({n}) AS n
    FROM {feed} WHERE _commit_version > :then{place} GROUP BY {key}, {owner}, {hash}
  ) AS r
  WHERE n <> 0 GROUP BY key ORDER BY account, key LIMIT :most
) AS d ON COALESCE(d.key, '') = COALESCE(f.{key}, '')
"""
_KEYS = """
SELECT {place} AS place, {key} AS key FROM {table} {where}
"""
# The wanted account, even if it did not change.
_ONE_ACCOUNT = """
UNION ALL
SELECT {place} AS place, bsnid AS key, 0 AS more, bsnid AS account,
  CAST(NULL AS STRING) AS `before`, CAST(NULL AS STRING) AS `after`, 0 AS copies, team
FROM {accounts} WHERE bsnid = :bsnid
"""

# Of whole tables, for ``both_sides``.
_OF_WHOLE_TABLES = """
SELECT d.*, COALESCE(a.team, b.team) AS team
FROM ({branches}) AS d
LEFT JOIN (SELECT bsnid, MAX(team) AS team FROM {accounts_after} GROUP BY bsnid) AS a
  ON a.bsnid = {team_of}
LEFT JOIN (SELECT bsnid, MAX(team) AS team FROM {accounts_before} GROUP BY bsnid) AS b
  ON b.bsnid = {team_of}
{chosen}
ORDER BY d.account, d.place, d.key LIMIT :most
"""


def find_changes(past: Warehouse, accounts: AccountFilter = ALL) -> list[Change]:
    """Return the changes since the moment of ``past``, sorted by account.

    It returns at most ``SHOWN`` changes, and one more if there are more. Of duplicates, the row
    that pages show is compared; this costs one more statement. ``accounts`` filters by the
    person's present accounts, and by values that an account had at one of the moments.
    """
    return _changes(_rows(past, "", accounts), "")


def find_in_account(past: Warehouse, bsnid: str) -> tuple[str, list[Change]]:
    """Return the account's team, even if nothing changed, and its changes as ``find_changes``.

    A child that moved is in the changes of both accounts. Raises Missing if the account existed at
    neither moment.
    """
    rows = _rows(past, bsnid, ALL)
    return rows[0]["team"] or _teams_before(rows).get(bsnid, ""), _changes(rows, bsnid)


def _rows(past: Warehouse, bsnid: str, accounts: AccountFilter) -> list[Row]:
    """Return the rows that may differ, of one account or, without ``bsnid``, of all."""
    then = past.namespace
    assert isinstance(then, PastNamespace)
    now = past.at(then.present)
    rows = change_feed.read(now, lambda starts: _read(now, then, bsnid, accounts, starts))
    if bsnid and not rows:
        raise Missing(bsnid)
    return rows


def _changes(rows: list[Row], bsnid: str) -> list[Change]:
    teams = _teams_before(rows)
    found = sorted((row for row in rows if row["before"] != row["after"]), key=_order)
    return [_change(row, teams, bsnid) for row in found[: SHOWN + 1]]


def _read(
    wh: Warehouse,
    then: PastNamespace,
    bsnid: str,
    accounts: AccountFilter,
    feed_starts: change_feed.Starts,
) -> list[Row]:
    starts = _starts(wh, then, feed_starts)
    if starts is None:
        return _compare_whole_tables(wh, then, bsnid, accounts)
    written = versions.known(wh).written_since(dict(then.versions))
    is_cut = not (bsnid or accounts) and (written is None or written > FEW)
    one_account = _sql.render(wh.namespace, _ONE_ACCOUNT, place=str(TABLES.index(ACCOUNTS)))
    sql = _sql.render(
        wh.namespace,
        _CHANGES,
        branches="UNION ALL".join(
            _branch(wh, table, starts[table], bsnid, is_cut=is_cut) for table in TABLES
        ),
        keys="UNION ALL".join(_keys(wh, table, bsnid) for table in TABLES),
        one_account=one_account if bsnid else "",
        team_of=":bsnid" if bsnid else "c.account",
        chosen=accounts.only("r.account", wh.namespace, then),
    )
    params = {f"then{TABLES.index(table)}": version for table, version in _versions(then).items()}
    of = accounts.params | ({"bsnid": bsnid} if bsnid else {})
    rows = wh.query(sql, {**params, **of, "most": SHOWN + 1})
    return _with_duplicates_compared(wh, then, bsnid, accounts, rows)


def _with_duplicates_compared(
    wh: Warehouse, then: PastNamespace, bsnid: str, accounts: AccountFilter, rows: list[Row]
) -> list[Row]:
    """Return the rows; compare those with duplicate keys in the whole tables."""
    several = [row for row in rows if max(row["copies"], row["copies"] - row["more"]) > 1]
    keys = {row["key"] for row in several if row["key"] is not None}
    if not keys:
        return rows
    if len(rows) > SHOWN:  # some of those may not differ, and rows beyond the limit may
        return _compare_whole_tables(wh, then, bsnid, accounts)
    others = [row for row in rows if row["key"] not in keys]
    return others + _compare_whole_tables(wh, then, bsnid, accounts, keys)


def _versions(then: PastNamespace) -> dict[Table, int]:
    found = dict(then.versions)
    return {table: found[table.name] for table in TABLES}


def _starts(
    wh: Warehouse, then: PastNamespace, feed_starts: change_feed.Starts
) -> dict[Table, int] | None:
    """Return the version from which to read each feed; None if one lacks changes since then.

    A feed cannot be read from the version after its latest one: see recent_changes.
    """
    commits = versions.known(wh).commits  # at least up to the moment
    found = {}
    for table, version in _versions(then).items():
        latest, first = commits[table][-1].version, feed_starts[table.name]
        if latest < version or first > version + 1:
            return None
        found[table] = max(first, min(version + 1, latest))
    return found


def _branch(wh: Warehouse, table: Table, start: int, bsnid: str, *, is_cut: bool) -> str:
    """Return the SELECT of a table's changed rows; ``is_cut``: at most of ``:most`` records."""
    parts = change_feed.parts(wh, table, start) | {"n": _N, "hash": _sql.row_hash(table)}
    of_one, first = "", _FIRST if is_cut else ""
    if bsnid:
        of_one, first = (_THIS, "") if table is ACCOUNTS else (_OF_ONE, _OWN)
    of_one, first = (_sql.render(wh.namespace, each, **parts) for each in (of_one, first))
    return _sql.render(wh.namespace, _BRANCH, of_one=of_one, first=first, **parts)


def _keys(wh: Warehouse, table: Table, bsnid: str) -> str:
    return _sql.render(
        wh.namespace,
        _KEYS,
        place=str(TABLES.index(table)),
        key=quoted(table.key),
        table=wh.namespace.table(table),
        where=f"WHERE {quoted(table.owner)} = :bsnid" if bsnid else "",
    )


def _teams_before(rows: list[Row]) -> dict[str | None, str]:
    """Return the earlier teams, by key, of accounts that changed."""
    return {
        row["key"]: json.loads(row["before"]).get("team", "")
        for row in rows
        if TABLES[row["place"]] is ACCOUNTS and row["before"]
    }


def _change(row: Row, teams: Mapping[str | None, str], bsnid: str) -> Change:
    table = TABLES[row["place"]]
    return Change(
        table,
        row["key"],
        row["account"],
        row["before"] and LazyValues(table, row["before"]),
        row["after"] and LazyValues(table, row["after"]),
        team=row["team"] or teams.get(bsnid or row["account"], ""),
    )


def _order(row: Row) -> tuple[str, int, str]:
    return row["account"] or "", row["place"], row["key"] or ""


def _compare_whole_tables(
    wh: Warehouse,
    then: PastNamespace,
    bsnid: str,
    accounts: AccountFilter,
    keys: Collection[str] = (),
) -> list[Row]:
    """Compare the rows of both moments: all of them, or those with one of the keys."""
    now = then.present
    before = {table: then.table(table) for table in TABLES}
    texts, params = _sql.text_array("keys", keys)
    sql = _sql.render(
        now,
        _OF_WHOLE_TABLES,
        branches=both_sides(now, before, of_one=bool(bsnid), keys=texts if keys else ""),
        accounts_before=then.table(ACCOUNTS),
        accounts_after=now.table(ACCOUNTS),
        chosen=accounts.only("d.account", now, then),
        team_of=":bsnid" if bsnid else "d.account",
    )
    bound = accounts.params | (params if keys else {}) | ({"bsnid": bsnid} if bsnid else {})
    return wh.query(sql, {"most": SHOWN + 1, **bound})
