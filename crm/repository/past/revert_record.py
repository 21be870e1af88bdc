"""Revert one record: restore its fields from before a change, or undo its deletion.

Both are ordinary writes: they check for concurrent edits, stamp the person, and are in the
history.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from dataclasses import dataclass, field
from functools import partial

from crm.model.changes import Change, values_of
from crm.model.namespace import quoted
from crm.model.records import PlatformStatus, Record, Update, UseCase
from crm.model.schema import (
    ACCOUNTS,
    CHILDREN,
    PLATFORMS_STATUS,
    TABLES,
    UPDATES,
    USE_CASES,
    Table,
)
from crm.repository import _sql, _stamps, chunks, operations
from crm.repository._sql import Row
from crm.repository.errors import AlreadyExists, Missing
from crm.repository.records import _children, accounts
from crm.repository.steps import NOTHING, Earlier, Step, run_steps
from crm.repository.tables import change_feed
from crm.repository.tables.change_feed import Starts
from crm.repository.transfer import upsert
from crm.warehouse import Warehouse

from ._revert import bring_back

_RECORDS: dict[Table, type[Record]] = {
    PLATFORMS_STATUS: PlatformStatus,
    USE_CASES: UseCase,
    UPDATES: Update,
}

# If several rows have the key, ``stored`` is the one that was changed last, which pages show and
# an edit changes.
_SQL = """
WITH changed AS (
  SELECT MAX({owner}) AS account, MAX(_commit_timestamp) AS moment,
    MAX(CASE WHEN _change_type IN ('update_preimage', 'delete') THEN {row} END) AS `before`,
    MAX(CASE WHEN _change_type IN ('update_postimage', 'insert') THEN {row} END) AS `after`
  FROM {feed} WHERE {key} = :key AND _commit_version = :version
),
stored AS (
  SELECT MAX(now) AS now, MAX(updated_at) AS updated_at FROM (
    SELECT {row} AS now, updated_at FROM {table} WHERE {key} = :key
    ORDER BY updated_at DESC NULLS LAST, created_at DESC NULLS LAST LIMIT 1
  ) AS latest
)
{children}
SELECT t.account, t.moment, t.`before`, t.`after`, n.now, n.updated_at,
  a.bsnid IS NOT NULL AS has_account {deleted_children}
FROM changed AS t CROSS JOIN stored AS n
LEFT JOIN {each_bsnid} AS a ON a.bsnid = t.account
"""
# With transactions the CRM stamps an account and its children with one id, and then deletes them
# (accounts.delete). Otherwise the order is: stamp, children, account. Children that were deleted
# before the stamp were not deleted with the account. A repeated deletion has several stamps, with
# no other change between them. Only deletions without a stamp, or with one from before
# ``change_id`` existed, are bounded by a time: see _stamps.
_CHILDREN = """, account_versions AS (
  SELECT _commit_version AS version, MAX(_commit_timestamp) AS moment,
    COALESCE(
      MAX(CASE WHEN _change_type IN ('update_preimage', 'delete') THEN {own} END)
        = MAX(CASE WHEN _change_type IN ('update_postimage', 'insert') THEN {own} END),
      FALSE
    ) AS is_stamp,
    MAX(CASE WHEN _change_type = 'update_postimage' THEN change_id END) AS id
  FROM {feed} WHERE bsnid = :key AND _commit_version < :version
  GROUP BY _commit_version
), began AS (
  SELECT MIN(moment) AS moment, MAX(id) IS NOT NULL AS has_id, COLLECT_SET(id) AS ids
  FROM (
    SELECT *, MAX(CASE WHEN NOT is_stamp THEN version END) OVER () AS last_change
    FROM account_versions
  ) AS v
  WHERE is_stamp AND version > COALESCE(last_change, -1)
), deleted AS (
  SELECT c.place, c.row
  FROM (
    SELECT *, MAX(version) OVER (PARTITION BY place, key) AS latest FROM ({branches}) AS v
  ) AS c CROSS JOIN changed AS t CROSS JOIN began AS b
  WHERE c.is_deleted AND c.version = c.latest
    AND (ARRAY_CONTAINS(b.ids, c.id)
      OR c.moment BETWEEN CASE WHEN b.has_id THEN b.moment
          ELSE GREATEST(t.moment - {interval}, COALESCE(b.moment, t.moment - {interval})) END
        AND t.moment)
)"""
# Only children whose last known change is their deletion. A version that both deletes and inserts
# a key is a change.
_CHILD = """
  SELECT {place} AS place, c.{key} AS key, c._commit_version AS version, MAX({row}) AS row,
    MAX(c._commit_timestamp) AS moment, MAX(c._change_type) = 'delete' AS is_deleted,
    MAX(c.change_id) AS id
  FROM {feed} AS c WHERE c.account_bsnid = :key
  GROUP BY c.{key}, c._commit_version
"""
_DELETION = """
  SELECT MAX(version) AS version, MAX_BY(person, version) AS person
  FROM (
    SELECT _commit_version AS version, MAX(updated_by) AS person FROM {feed} WHERE {key} = :key
    GROUP BY _commit_version
    HAVING MAX(_change_type) = 'delete'
  )
"""
_DELETED_CHILDREN = """,
  (SELECT COLLECT_LIST(NAMED_STRUCT('place', place, 'row', row)) FROM deleted) AS children
"""


@dataclass(frozen=True)
class Reversal:
    """A change that can be reverted, and the record as it is now.

    :param now: the record's own columns; None if it does not exist.
    :param updated_at: when the record last changed.
    :param rows: the rows to insert for a deletion: the record's and, for an account, those of the
        children that were deleted with it.
    :param is_back: whether the record exists again after its deletion.
    :param is_orphan: whether neither the record nor its account exists; False for an account.
    """

    change: Change
    now: dict[str, str] | None
    updated_at: dt.datetime | None
    rows: dict[Table, list[Row]] = field(default_factory=dict)
    is_back: bool = False
    is_orphan: bool = False

    @property
    def is_another(self) -> bool:
        """Return whether another record has been created with the key since the deletion."""
        return self.now is not None and not self.is_back

    @property
    def earlier(self) -> dict[str, str]:
        """Return the record's own columns before the change."""
        return dict(self.change.before or {})


def load(wh: Warehouse, table: Table, key: str, version: int) -> Reversal | None:
    """Return the change of a record by this version, None if there is none. One statement."""
    row = change_feed.read(wh, lambda starts: _query(wh, table, key, version, starts))[0]
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
    rows: dict[Table, list[Row]] = {table: [before]} if before else {}
    for child in sorted(row.get("children") or (), key=lambda child: child["place"]):
        rows.setdefault(TABLES[child["place"]], []).append(json.loads(child["row"]))
    is_back = bool(now and before) and now.get("created_at") == before.get("created_at")
    is_orphan = table is not ACCOUNTS and now is None and not row["has_account"]
    return Reversal(change, values_of(table, now), row["updated_at"], rows, is_back, is_orphan)


def latest_deletion(wh: Warehouse, table: Table, key: str) -> int | None:
    """Return the version that last deleted the record, None if there is none. One statement."""
    version: int | None = _latest_deletion(wh, table, key)["version"]
    return version


def was_deleted_by(wh: Warehouse, table: Table, key: str, person: str) -> bool:
    """Return whether this person was the last to delete a record with this key. One statement."""
    return bool(_latest_deletion(wh, table, key)["person"] == person)


def _latest_deletion(wh: Warehouse, table: Table, key: str) -> Row:
    def read(starts: Starts) -> Row:
        feed = wh.namespace.change_feed(table, starts[table.name])
        sql = _sql.render(wh.namespace, _DELETION, feed=feed, key=quoted(table.key))
        return wh.query(sql, {"key": key})[0]

    return change_feed.read(wh, read)


def revert_fields(
    wh: Warehouse, reversal: Reversal, names: list[str], seen: dt.datetime | None
) -> None:
    """Restore the values of these fields from before the change. Raises Stale or Missing."""
    table, key = reversal.change.table, reversal.change.key
    values = {name: reversal.earlier[name] or None for name in names}
    operation = operations.new(wh, operations.REVERT)
    if table is ACCOUNTS:
        accounts.update(wh, key, values, seen, operation)
    else:
        _children.update(wh, table, _RECORDS[table], key, values, seen, operation)


def revert_deletion(
    wh: Warehouse, reversal: Reversal, earlier: Earlier = NOTHING
) -> dict[Table, int]:
    """Insert the deleted rows, and return how many rows of each table were inserted.

    Raises AlreadyExists if the record, or another one with its key, exists; Missing if its account
    does not. Raises HalfDone; another try with the ``earlier`` attempts inserts the remaining
    rows. A row that is too large for a statement raises TooLarge, or HalfDone after all other
    rows.
    """
    key, table = reversal.change.key, reversal.change.table
    if reversal.is_another:
        raise AlreadyExists(key)
    operation = operations.new(wh, operations.REVERT).resume(earlier.operation)
    if table is ACCOUNTS and not earlier.operation:
        must_be_new = reversal.now is None
        together = bring_back.insert_together(wh, key, reversal.rows, operation, must_be_new)
        if together is not None:
            return together
    written = Counter[Table]()

    def insert(of: Table, rows: str) -> int:
        count = upsert.upsert(wh, of, rows, operation, overwrite=False)
        if of is table and reversal.now is None:
            count = operations.written_rows(wh, operation, of, count, 1)
            if not count and of is ACCOUNTS:
                # Since the page was loaded, somebody has created another account with the key.
                raise AlreadyExists(key)
        written[of] += count
        return count

    named = _named_chunks(reversal)
    run_steps(wh, operation, [Step(name, partial(insert, of, rows)) for of, name, rows in named])
    if not any(written.values()):
        raise AlreadyExists(key) if reversal.now is not None else Missing(reversal.change.bsnid)
    return dict(written)


def _named_chunks(reversal: Reversal) -> list[tuple[Table, str, str]]:
    """Return the chunks of rows to insert, each with its table and the name of its step.

    Children that may be too large come last, so that they do not block others.
    """
    table = reversal.change.table
    named = [
        (of, name, rows)
        for of in TABLES
        for name, rows in bring_back.named_chunks(of, table, reversal.rows.get(of, []))
    ]
    return sorted(named, key=lambda each: each[0] is not table and chunks.oversize(each[2]))


def _query(wh: Warehouse, table: Table, key: str, version: int, starts: Starts) -> list[Row]:
    is_account = table is ACCOUNTS
    sql = _sql.render(
        wh.namespace,
        _SQL,
        owner=quoted(table.owner),
        key=quoted(table.key),
        row=_sql.whole_row(table),
        feed=wh.namespace.change_feed(table, starts[table.name]),
        table=wh.namespace.table(table),
        children=_children_of_account(wh, starts) if is_account else "",
        deleted_children=_DELETED_CHILDREN if is_account else "",
    )
    return wh.query(sql, {"key": key, "version": version})


def _children_of_account(wh: Warehouse, starts: Starts) -> str:
    branches = (
        _sql.render(
            wh.namespace,
            _CHILD,
            place=str(TABLES.index(child)),
            key=quoted(child.key),
            row=_sql.whole_row(child, "c"),
            feed=wh.namespace.change_feed(child, starts[child.name]),
        )
        for child in CHILDREN
    )
    return _sql.render(
        wh.namespace,
        _CHILDREN,
        branches="UNION ALL".join(branches),
        interval=_stamps.INTERVAL,
        own=_sql.own_row(ACCOUNTS),
        feed=wh.namespace.change_feed(ACCOUNTS, starts[ACCOUNTS.name]),
    )
