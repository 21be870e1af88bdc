"""Revert an operation of many records, such as an import: all that it wrote, and only that.

A row is reverted only if its ``change_id`` is still the operation's, and if no change outside the
CRM, which keeps the id, is in the feed since. The feed has the row as it was before. As every
write does, the revert stamps the rows with the person and shows in the history.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from crm.model.changes import Change, values_of
from crm.model.namespace import quoted
from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository import _made_ids, _sql, operations, summaries
from crm.repository.operations import Noted, Operation
from crm.repository.records import mine
from crm.repository.steps import Step, run_steps
from crm.warehouse import Warehouse

from . import restore_tables
from ._revert import duplicates, joins
from ._revert.duplicates import IS_AFTER, IS_BEFORE

Versions = Mapping[str, int]

LISTED = 200

# For each row that the operation wrote: its values before, and whether it existed then. A row that
# the operation stamped and deleted is ``_deleted``, unless somebody inserted it again. One that
# kept the operation's id and stamp while its values changed was ``_changed`` outside the CRM.
# ``_rows`` had the key and were written by the commit; in all commits, several are duplicates.
_WRITTEN = """
  SELECT * FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY _key, _is_written ORDER BY _version) AS _place,
      FIRST_VALUE(_is_deletion) OVER (PARTITION BY _key ORDER BY _version DESC) AS _deleted,
      COUNT(_is_outside) OVER (PARTITION BY _key) > 0 AS _changed,
      SUM(_rows) OVER (PARTITION BY _key) > 1 AS _is_duplicate
    FROM (
      SELECT {key} AS _key, _commit_version AS _version,
        COUNT(CASE WHEN {is_before} THEN 1 END) > 0 AS _existed,
        CASE WHEN COUNT(CASE WHEN {is_after} AND change_id = :undone THEN 1 END)
          > COUNT(CASE WHEN {is_before} AND change_id = :undone THEN 1 END)
          THEN COUNT(CASE WHEN {is_before} AND NOT (change_id <=> :undone) THEN 1 END)
          END AS _rows,
        CASE WHEN MAX(CASE WHEN {is_after} THEN change_id END) = :undone
          AND NOT (MAX(CASE WHEN {is_before} THEN change_id END) <=> :undone)
          THEN TRUE END AS _is_written,
        CASE WHEN COUNT(CASE WHEN {is_after} THEN 1 END) = 0
          AND MAX(change_id) = {deleter} THEN TRUE END AS _is_deletion,
        CASE WHEN MAX(CASE WHEN {is_before} THEN change_id END) = :undone
          AND MAX(CASE WHEN {is_after} THEN change_id END) = :undone
          AND MAX(CASE WHEN {is_before} THEN updated_at END)
            <=> MAX(CASE WHEN {is_after} THEN updated_at END)
          THEN TRUE END AS _is_outside,
        {values}
      FROM {feed} WHERE _commit_version > :before GROUP BY {key}, _commit_version
    ) AS v
  ) AS n WHERE _is_written AND _place = 1
"""
_VALUE = "MAX(CASE WHEN {is_before} THEN {name} END) AS {name}"
# Of a row that did not exist before, the account that it was inserted for.
_OWNER = "COALESCE(MAX(CASE WHEN {is_before} THEN {name} END), MAX({name})) AS {name}"
# Several rows that had one key are reverted by _revert.duplicates.
_SOURCE = """
  SELECT w.*, {rival} FROM ({written}) AS w {joined} WHERE NOT w._is_duplicate
"""
# The last stamp of a deleted row tells who deleted it.
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
# After the revert: keys of which it neither wrote nor deleted a row, and their latest row. Where
# it left none, one other key. ``total`` counts the former, ``done`` all others.
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
    COUNT(CASE WHEN t.change_id = :change_id THEN 1 END) OVER (PARTITION BY w._key) AS reverted,
    ROW_NUMBER() OVER (PARTITION BY w._key ORDER BY t.updated_at DESC) AS place
  FROM ({written}) AS w LEFT JOIN {table} AS t ON t.{key} = w._key
) AS l WHERE place = 1
) AS k
) AS n WHERE number = 1 OR (is_left AND number <= :listed) ORDER BY number
"""


@dataclass(frozen=True)
class LeftAlone:
    """A record that the operation wrote and the revert left as it is.

    :param record: the record as it is now or, if it was deleted since, without values.
    :param has_children: nobody changed the account since, but it has new children.
    """

    record: Change
    is_deleted: bool
    has_children: bool


@dataclass(frozen=True)
class Reverted:
    """``count`` records were reverted now, as the answers say. ``total`` were left alone, of which
    ``left`` has at most ``LISTED`` of each table.

    ``done`` keys are reverted, also by an earlier try or by a statement whose answer was lost.
    """

    count: int
    left: tuple[LeftAlone, ...] = ()
    total: int = 0
    done: int = 0


def current_versions(wh: Warehouse) -> dict[str, int]:
    """Return the tables' versions now, by table name. One statement per table."""
    return {table.name: version for table, version in restore_tables.latest_versions(wh).items()}


def revert(wh: Warehouse, undone: str, before: Versions, after: Versions) -> Reverted:
    """Revert the operation with the id ``undone``, which wrote between these versions.

    Three statements, and at most three per changed table, four where several rows had one key; the
    last finds what was left alone. Safe to repeat, also after a failure half-way. Raises HalfDone,
    and WarehouseError, also if the warehouse does not keep the versions any more.
    """
    # The same id each time: a second try deletes what the first one only stamped.
    operation = Operation(_made_ids.of_revert(undone), operations.REVERT, wh.actor)
    changed = [table for table in TABLES if after[table.name] > before[table.name]]
    deleted = joins.deleted_accounts(wh, undone, changed, before)
    is_deletion = bool(deleted)
    if not is_deletion:
        # Inserted rows are deleted in this order: children before their accounts.
        changed.reverse()
    doubled = duplicates.with_duplicates(wh, undone, changed)
    note = operations.read_note(wh, undone)
    name = summaries.name_of(note.kind, note.summary)
    found: list[Reverted] = []

    def list_left() -> int:
        found.append(_left_alone(wh, operation, undone, before, changed))
        return 0

    steps = [
        Step(
            f"Undo the changes of {table.plural}",
            partial(_revert, wh, operation, undone, table, before, table in doubled, is_deletion),
        )
        for table in changed
    ]

    last = [*_follow_again(wh, note, deleted), Step("List what was left alone", list_left)]

    def summary() -> str:
        return summaries.undid(name, found[0].total) if found else summaries.began_to_undo(name)

    with operations.noted(wh, operation, summary):
        counts = run_steps(wh, operation, [*steps, *last])
    return replace(found[0], count=sum(counts[: len(steps)]))


def _follow_again(wh: Warehouse, note: Noted, deleted: list[str]) -> list[Step]:
    """Return the step that the undo of a merge needs, which deleted one account."""
    if len(deleted) != 1 or note.kind not in ("", operations.MERGE):
        return []
    take_back = partial(mine.take_back_copies, wh, deleted[0])
    return [Step("Let people follow what they followed before", take_back)]


def _revert(
    wh: Warehouse,
    operation: Operation,
    undone: str,
    table: Table,
    before: Versions,
    has_duplicates: bool,
    is_deletion: bool,
) -> int:
    # A row keeps who created it, and when.
    kept = [name for name in table.names if name not in ("updated_at", "updated_by")]

    def source(names: list[str]) -> str:
        return _sql.render(
            wh.namespace,
            _SOURCE,
            rival=joins.rival(table),
            written=_written(wh, table, before, names, ":undone"),
            joined=joins.of(wh, table, before, has_duplicates, is_deletion),
        )

    parts = {"table": wh.namespace.table(table), "key": quoted(table.key)}
    params = {"undone": undone, "before": before[table.name]}
    stamp = _sql.render(wh.namespace, _STAMP, source=source(joins.columns(table)), **parts)
    revert = _sql.render(
        wh.namespace,
        _REVERT,
        source=source([*kept, "updated_at"]),
        assignments=", ".join(f"{quoted(name)} = s.{quoted(name)}" for name in kept),
        names=_sql.names(kept),
        sources=_sql.names(kept, "s"),
        **parts,
    )
    count = 0
    if has_duplicates:
        count = duplicates.replace(wh, operation, undone, table, before[table.name])
    operations.run(wh, operation, stamp, params, repeatable=True)
    return count + operations.run(wh, operation, revert, params, repeatable=True)


def _written(
    wh: Warehouse, table: Table, before: Versions, names: Iterable[str], deleter: str
) -> str:
    """Return the query of the rows that the operation wrote.

    ``deleter`` is the parameter with the id of the operation whose deletions count as such.
    """
    values = (
        _sql.fill(
            _OWNER if name == table.parent_key else _VALUE,
            is_before=IS_BEFORE,
            name=quoted(name),
        )
        for name in names
    )
    return _sql.render(
        wh.namespace,
        _WRITTEN,
        key=quoted(table.key),
        is_before=IS_BEFORE,
        is_after=IS_AFTER,
        deleter=deleter,
        values=", ".join(values),
        # From the known version on: after the latest version no feed begins.
        feed=wh.namespace.change_feed(table, before[table.name]),
    )


def _left_alone(
    wh: Warehouse, operation: Operation, undone: str, before: Versions, tables: list[Table]
) -> Reverted:
    """Return what was left alone, with a ``count`` of 0. One statement per table."""
    left: list[LeftAlone] = []
    total = done = 0
    params = {"undone": undone, "change_id": operation.id, "listed": LISTED}
    for table in reversed(tables):
        sql = _sql.render(
            wh.namespace,
            _LEFT,
            key=quoted(table.key),
            owner=f"t.{quoted(table.owner)}",
            row=_sql.own_row(table, "t"),
            written=_written(wh, table, before, (table.key,), ":change_id"),
            table=wh.namespace.table(table),
        )
        rows = wh.query(sql, {**params, "before": before[table.name]})
        total += rows[0]["total"] if rows else 0
        done += rows[0]["done"] if rows else 0
        for row in (row for row in rows if row["is_left"]):
            values = values_of(table, None if row["is_deleted"] else json.loads(row["row"]))
            bsnid = row["key"] if table is ACCOUNTS else row["account"] or ""
            record = Change(table, row["key"], bsnid, None, values)
            left.append(LeftAlone(record, row["is_deleted"], bool(row["is_untouched"])))
    return Reverted(0, tuple(left), total, done)
