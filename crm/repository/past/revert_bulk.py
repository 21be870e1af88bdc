"""Revert an operation of many records, such as an import: every row that it wrote, and no other.

A row is reverted only if it still has the operation's ``change_id``, and the feed shows no later
change from outside the CRM, which would keep the id. The feed has the row's earlier values. Like
every write, the revert stamps the rows and is in the history. The undo of a merge then restores
the earlier stamps: see _revert.stamps.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from crm.model.changes import Change, values_of
from crm.model.namespace import quoted
from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository import _made_ids, _sql, operations, summaries
from crm.repository._sql import Row
from crm.repository.operations import Operation
from crm.repository.records import mine
from crm.repository.steps import Step, noted, run_steps
from crm.repository.tables import notes
from crm.warehouse import Warehouse

from . import restore_tables
from ._revert import duplicates, joins, stamps
from ._revert.written import written

Versions = Mapping[str, int]

LISTED = 200

# _revert.duplicates reverts rows with duplicate keys.
_SOURCE = """
  SELECT w.*, {rival} FROM ({written}) AS w {joined} WHERE NOT w._is_duplicate
"""
# The last stamp of a deleted row shows who deleted it.
_STAMP = """
MERGE INTO {table} AS t USING ({source}) AS s
ON t.{key} = s._key AND t.change_id = :undone AND NOT s._changed
WHEN MATCHED AND NOT s._existed THEN UPDATE SET
  updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
"""
_REVERT = """
MERGE INTO {table} AS t USING ({source}) AS s
ON t.{key} = s._key
WHEN MATCHED AND NOT s._existed AND t.change_id = :change_id THEN DELETE
WHEN MATCHED AND s._existed AND t.change_id = :undone AND NOT s._changed THEN UPDATE SET
  {assignments}, updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
WHEN NOT MATCHED AND s._existed AND s._deleted
  THEN INSERT ({names}, updated_at, updated_by, change_id)
  VALUES ({sources}, IF(s._rival, COALESCE(s.updated_at, s.created_at), CURRENT_TIMESTAMP()),
    :actor, :change_id)
"""
# After the revert: the keys of which it neither wrote nor deleted a row, with their latest row; if
# there are none, one other key. ``total`` counts the former, ``done`` all others.
# ``is_untouched``: nobody changed it, but it has new children.
_LEFT = """
SELECT * FROM (
SELECT *, COUNT(CASE WHEN is_left THEN 1 END) OVER () AS total,
  COUNT(CASE WHEN NOT is_left THEN 1 END) OVER () AS done,
  ROW_NUMBER() OVER (ORDER BY is_left DESC, key) AS number
FROM (
SELECT *, reverted = 0 AND NOT (is_deleted AND was_deleted IS NOT NULL) AS is_left FROM (
  SELECT w._key AS key, {owner} AS account, {row} AS row, w._deleted AS was_deleted,
    t.{key} IS NULL AS is_deleted,
    t.change_id = :undone AND NOT w._changed AND NOT w._existed AS is_untouched,
    COUNT(CASE WHEN {is_reverted} THEN 1 END) OVER (PARTITION BY w._key) AS reverted,
    ROW_NUMBER() OVER (PARTITION BY w._key ORDER BY t.updated_at DESC) AS place
  FROM ({written}) AS w LEFT JOIN {table} AS t ON t.{key} = w._key
) AS l WHERE place = 1
) AS k
) AS n WHERE number = 1 OR (is_left AND number <= :listed) ORDER BY number
"""


@dataclass(frozen=True)
class LeftAlone:
    """A record that the operation wrote and the revert skipped.

    :param record: the record as it is now; without values if it has been deleted since.
    :param has_children: whether it is an account that nobody changed, but that has new children.
    """

    record: Change
    is_deleted: bool
    has_children: bool


@dataclass(frozen=True)
class Reverted:
    """The result of a revert. ``count`` records were reverted now, by the statements' answers.
    ``total`` were skipped, of which ``left`` has at most ``LISTED`` of each table.

    ``done`` counts all reverted keys, also those of an earlier try and of lost answers. ``name``
    is that of the operation, finished or not, if its note has one. ``account`` is the BSNID of the
    account that a merge deleted.
    """

    count: int
    left: tuple[LeftAlone, ...] = ()
    total: int = 0
    done: int = 0
    name: str = ""
    account: str = ""


def current_versions(wh: Warehouse) -> dict[str, int]:
    """Return the tables' versions now, by table name. One statement per table."""
    return {table.name: version for table, version in restore_tables.latest_versions(wh).items()}


def revert(wh: Warehouse, undone: str, before: Versions, after: Versions) -> Reverted:
    """Revert the operation with the id ``undone``, which wrote between these versions.

    Three statements, and at most three per changed table (four for a merge), one more for
    duplicate keys. The last one finds the skipped rows. Safe to repeat, also after a failure.
    Raises HalfDone, and WarehouseError, also if the warehouse no longer keeps the versions.
    """
    # The id is the same each time, so that a second try deletes rows that the first one only
    # stamped.
    operation = Operation(_made_ids.of_revert(undone), operations.REVERT, wh.actor)
    changed = [table for table in TABLES if after[table.name] > before[table.name]]
    deleted = joins.deleted_accounts(wh, undone, changed, before)
    if not deleted:
        # Delete inserted rows in this order: children before their accounts.
        changed.reverse()
    doubled = duplicates.with_duplicates(wh, undone, changed)
    note = notes.read_note(wh, undone)
    run = _Revert(wh, operation, undone, before, changed, deleted, doubled, note.kind)
    name = summaries.name_of(note.kind, note.summary)
    found: list[Reverted] = []

    def list_left() -> int:
        found.append(run.left_alone())
        return 0

    def summary() -> str:
        return summaries.undid(name, found[0].total) if found else summaries.began_to_undo(name)

    last = Step("List what was left alone", list_left)
    with noted(wh, operation, summary):
        counts = run_steps(wh, operation, [*run.steps(), *run.after_merge(), last])
    count = sum(counts[: len(changed)])
    account = deleted[0] if run.is_merge else ""
    return replace(found[0], count=count, name=name if note.summary else "", account=account)


@dataclass(frozen=True)
class _Revert:
    """The revert of the operation ``undone``: see ``revert``.

    :param tables: the changed tables, in the order of the revert.
    :param deleted: the accounts that the operation deleted.
    :param doubled: the tables in which several of its rows have one key.
    :param kind: the kind in its note; empty without a note.
    """

    wh: Warehouse
    operation: Operation
    undone: str
    before: Versions
    tables: list[Table]
    deleted: list[str]
    doubled: set[Table]
    kind: str

    @property
    def is_merge(self) -> bool:
        # Without the table of operations, this may be the deletion of one account.
        return len(self.deleted) == 1 and self.kind in ("", operations.MERGE)

    def steps(self) -> list[Step]:
        return [
            Step(f"Undo the changes of {table.plural}", partial(self._revert, table))
            for table in self.tables
        ]

    def after_merge(self) -> list[Step]:
        """Return the steps that only the undo of a merge needs."""
        if not self.is_merge:
            return []
        give_back = partial(stamps.give_back, self.wh, self.operation, self.undone, self.before)
        follow_again = partial(mine.take_back_copies, self.wh, self.deleted[0])
        return [
            *(
                Step(f"Give {table.plural} their earlier times again", partial(give_back, table))
                for table in self.tables
            ),
            Step("Let people follow what they followed before", follow_again),
        ]

    def _revert(self, table: Table) -> int:
        wh, operation, undone, before = self.wh, self.operation, self.undone, self.before
        # A row keeps its ``created_by`` and ``created_at``.
        kept = [name for name in table.names if name not in ("updated_at", "updated_by")]
        parts = {"table": wh.namespace.table(table), "key": quoted(table.key)}
        stamp = _sql.render(
            wh.namespace, _STAMP, source=self._source(table, joins.columns(table)), **parts
        )
        revert = _sql.render(
            wh.namespace,
            _REVERT,
            source=self._source(table, [*kept, "updated_at"]),
            assignments=", ".join(f"{quoted(name)} = s.{quoted(name)}" for name in kept),
            names=_sql.names(kept),
            sources=_sql.names(kept, "s"),
            **parts,
        )
        params = {"undone": undone, "before": before[table.name]}
        count = 0
        if table in self.doubled:
            count = duplicates.replace(wh, operation, undone, table, before[table.name])
        operations.run(wh, operation, stamp, params, repeatable=True)
        return count + operations.run(wh, operation, revert, params, repeatable=True)

    def _source(self, table: Table, names: list[str]) -> str:
        wh, before, is_doubled = self.wh, self.before, table in self.doubled
        return _sql.render(
            wh.namespace,
            _SOURCE,
            rival=joins.rival(table),
            written=written(wh, table, before, names, ":undone"),
            joined=joins.of(wh, table, before, is_doubled, bool(self.deleted)),
        )

    def left_alone(self) -> Reverted:
        """Return the skipped rows, with a ``count`` of 0. One statement per table."""
        left: list[LeftAlone] = []
        total = done = 0
        params = {"undone": self.undone, "change_id": self.operation.id, "listed": LISTED}
        for table in reversed(self.tables):
            rows = self._read_left(table, params)
            total += rows[0]["total"] if rows else 0
            done += rows[0]["done"] if rows else 0
            for row in (row for row in rows if row["is_left"]):
                values = values_of(table, None if row["is_deleted"] else json.loads(row["row"]))
                bsnid = row["key"] if table is ACCOUNTS else row["account"] or ""
                record = Change(table, row["key"], bsnid, None, values)
                left.append(LeftAlone(record, row["is_deleted"], bool(row["is_untouched"])))
        return Reverted(0, tuple(left), total, done)

    def _read_left(self, table: Table, params: dict[str, Any]) -> list[Row]:
        names = (table.key, "updated_at")
        sql = _sql.render(
            self.wh.namespace,
            _LEFT,
            key=quoted(table.key),
            owner=f"t.{quoted(table.owner)}",
            row=_sql.own_row(table, "t"),
            is_reverted=stamps.is_reverted(table, self.is_merge),
            written=written(self.wh, table, self.before, names, ":change_id"),
            table=self.wh.namespace.table(table),
        )
        return self.wh.query(sql, {**params, "before": self.before[table.name]})
