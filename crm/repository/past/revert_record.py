"""Putting one record back to what it was before a change, or bringing a deleted one back.

Either is an ordinary write: optimistic, stamped with who did it, and a change in the history like
any other.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import Any

from crm.model.changes import Change, values_of
from crm.model.records import PlatformStatus, Update, UseCase
from crm.model.schema import (
    ACCOUNTS,
    CHILDREN,
    PLATFORMS_STATUS,
    TABLES,
    UPDATES,
    USE_CASES,
    Table,
)
from crm.repository import _sql
from crm.repository.errors import AlreadyExists, Missing
from crm.repository.records import _children, accounts
from crm.repository.transfer import upsert
from crm.warehouse import Warehouse

from . import change_feed

_RECORDS = {PLATFORMS_STATUS: PlatformStatus, USE_CASES: UseCase, UPDATES: Update}

# What was deleted with an account was deleted so shortly before it, at most.
_WITH = "INTERVAL 10 MINUTES"

_SQL = """
WITH of_then AS (
  SELECT MAX(`{owner}`) AS account, MAX(_commit_timestamp) AS moment,
    MAX(CASE WHEN _change_type IN ('update_preimage', 'delete') THEN {row} END) AS `before`,
    MAX(CASE WHEN _change_type IN ('update_postimage', 'insert') THEN {row} END) AS `after`
  FROM {feed} WHERE `{key}` = :key AND _commit_version = :version
),
of_now AS (
  SELECT MAX({row}) AS now, MAX(updated_at) AS updated_at FROM {table} WHERE `{key}` = :key
)
{children}
SELECT t.account, t.moment, t.`before`, t.`after`, n.now, n.updated_at {with_children}
FROM of_then AS t CROSS JOIN of_now AS n
"""
# Deleting an account begins with its stamp (accounts.delete): what somebody had deleted before
# that was not deleted with it. A deletion that was tried again has several stamps; what is no
# stamp changed something.
_CHILDREN = """, account_then AS (
  SELECT _commit_version AS version, MAX(_commit_timestamp) AS moment,
    COALESCE(
      MAX(CASE WHEN _change_type IN ('update_preimage', 'delete') THEN {own} END)
        = MAX(CASE WHEN _change_type IN ('update_postimage', 'insert') THEN {own} END),
      FALSE
    ) AS is_stamp
  FROM {feed} WHERE bsnid = :key AND _commit_version < :version
  GROUP BY _commit_version
), began AS (
  SELECT MIN(moment) AS moment FROM account_then
  WHERE is_stamp AND version > (
    SELECT COALESCE(MAX(version), -1) FROM account_then WHERE NOT is_stamp
  )
), lost AS (
  {branches}
)"""
# Only what is still gone: its deletion is the last that is known of it. What one version deletes
# and inserts it has changed.
_CHILD = """
  SELECT {place} AS place, c.row
  FROM (
    SELECT *, MAX(version) OVER (PARTITION BY key) AS latest
    FROM (
      SELECT c.`{key}` AS key, c._commit_version AS version, MAX({row}) AS row,
        MAX(c._commit_timestamp) AS moment, MAX(c._change_type) = 'delete' AS is_gone
      FROM {feed} AS c WHERE c.account_bsnid = :key
      GROUP BY c.`{key}`, c._commit_version
    ) AS v
  ) AS c CROSS JOIN of_then AS t CROSS JOIN began AS b
  WHERE c.is_gone AND c.version = c.latest
    AND c.moment
      BETWEEN GREATEST(t.moment - {interval}, COALESCE(b.moment, t.moment - {interval}))
      AND t.moment
"""
_DELETION = """
  SELECT MAX(version) AS version
  FROM (
    SELECT _commit_version AS version FROM {feed} WHERE `{key}` = :key
    GROUP BY _commit_version
    HAVING MAX(_change_type) = 'delete'
  )
"""


@dataclass(frozen=True)
class Then:
    """A change, the record as it is now (None: it is not there), and when that last changed.

    ``rows`` holds what would be brought back: the record's row and, with an account, those of
    its children that were deleted with it. ``is_back`` says that what is there now is the record
    that was deleted, ``is_another`` that it was created since under the same key.
    """

    change: Change
    now: dict[str, str] | None
    updated_at: dt.datetime | None
    rows: dict[Table, list[dict[str, Any]]] = field(default_factory=dict)
    is_back: bool = False

    @property
    def is_another(self) -> bool:
        return self.now is not None and not self.is_back

    @property
    def then(self) -> dict[str, str]:
        return dict(self.change.before or {})


def load(wh: Warehouse, table: Table, key: str, version: int) -> Then | None:
    """One statement. None where this version changed no such record."""
    rows = change_feed.read(wh, lambda starts: _read(wh, table, key, version, starts))
    row = rows[0]
    if row["before"] is None and row["after"] is None:
        return None
    before, after, now = (row[n] and json.loads(row[n]) for n in ("before", "after", "now"))
    change = Change(
        table,
        key,
        row["account"],
        values_of(table, before),
        values_of(table, after),
        version=version,
        moment=row["moment"],
    )
    lost: dict[Table, list[dict[str, Any]]] = {table: [before]} if before else {}
    for child in sorted(row.get("lost") or (), key=lambda child: child["place"]):
        lost.setdefault(TABLES[child["place"]], []).append(json.loads(child["row"]))
    is_back = bool(now and before) and now.get("created_at") == before.get("created_at")
    return Then(change, values_of(table, now), row["updated_at"], lost, is_back)


def latest_deletion(wh: Warehouse, table: Table, key: str) -> int | None:
    """The version that deleted the record last; one statement."""

    def read(starts: dict[str, int]) -> int | None:
        source = wh.namespace.feed(table, starts[table.name])
        return wh.query(_DELETION.format(feed=source, key=table.key), {"key": key})[0]["version"]

    return change_feed.read(wh, read)


def change(wh: Warehouse, then: Then, fields: list[str], seen: dt.datetime | None) -> None:
    """Put these fields back. Raises Stale or Missing, as any edit does."""
    table, key = then.change.table, then.change.key
    values = {name: then.then[name] or None for name in fields}
    if table is ACCOUNTS:
        accounts.update(wh, key, values, seen)
    else:
        _children.update(wh, table, _RECORDS[table], key, values, seen)


def bring_back(wh: Warehouse, then: Then) -> dict[Table, int]:
    """Insert what was deleted; how many rows of each table came back.

    Raises AlreadyExists: it is there again, or another under its key; Missing: the account that
    it belonged to is gone. Safe to repeat: what a first try did not bring back comes then.
    """
    if then.is_another:
        raise AlreadyExists(then.change.key)
    written: dict[Table, int] = {}
    for table in TABLES:
        if rows := then.rows.get(table):
            text = json.dumps([_again(table, row) for row in rows], ensure_ascii=False)
            written[table] = upsert.take_in(wh, table, text, overwrite=False)
            if table is ACCOUNTS and not written[table] and then.now is None:
                # Somebody has just created another.
                raise AlreadyExists(then.change.key)
    if not any(written.values()):
        if then.now is not None or then.change.table is ACCOUNTS:
            raise AlreadyExists(then.change.key)
        raise Missing(then.change.bsnid)
    return written


def _again(table: Table, row: dict[str, Any]) -> list[str | None]:
    """The row's values, but for who changed it last and when: that is we, now."""
    kept = {**row, "updated_at": None, "updated_by": None}
    return [None if kept.get(name) is None else str(kept[name]) for name in table.names]


def _read(
    wh: Warehouse, table: Table, key: str, version: int, starts: dict[str, int]
) -> list[dict[str, Any]]:
    children = ""
    if table is ACCOUNTS:
        branches = "UNION ALL".join(
            _CHILD.format(
                place=TABLES.index(child),
                key=child.key,
                row=_sql.whole_row(child, "c"),
                feed=wh.namespace.feed(child, starts[child.name]),
                interval=_WITH,
            )
            for child in CHILDREN
        )
        children = _CHILDREN.format(
            branches=branches,
            own=_sql.own_row(table),
            feed=wh.namespace.feed(table, starts[table.name]),
        )
    lost = ", (SELECT COLLECT_LIST(NAMED_STRUCT('place', place, 'row', row)) FROM lost) AS lost"
    sql = _SQL.format(
        owner=table.parent_key or table.key,
        key=table.key,
        row=_sql.whole_row(table),
        feed=wh.namespace.feed(table, starts[table.name]),
        table=wh.namespace.table(table),
        children=children,
        with_children=lost if children else "",
    )
    return wh.query(sql, {"key": key, "version": version})
