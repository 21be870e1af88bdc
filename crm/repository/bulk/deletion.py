"""Delete many rows of a table; accounts with their children.

The steps are those of one record (crm/repository/records), each for all rows at once; for accounts
in transactions if the warehouse has them. The children of accounts are stamped, too, so that the
undo of the operation finds them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from crm.model.namespace import quoted
from crm.model.schema import ACCOUNTS, CHILDREN, TABLES, Table
from crm.repository import _sql, atomic, operations
from crm.repository.atomic import NotAtomic, Statement
from crm.repository.errors import HalfDone
from crm.repository.operations import Operation
from crm.repository.records import _children
from crm.repository.steps import NOTHING, Earlier, Step, run_steps
from crm.warehouse import Warehouse

from .delete_action import Delete, of_child
from .outcome import LeftAlone, Outcome
from .selection import Planned, name_of
from .written import deleted_keys

log = logging.getLogger(__name__)

# Rows that changed since the preview keep their stamp. If several rows have one key, the
# latest decides.
_STAMP = """
MERGE INTO {table} AS t
USING (
  SELECT r.k FROM (
    SELECT EXPLODE(FROM_JSON(:rows, 'array<struct<k: string, s: bigint>>')) AS r
  ) AS g
  JOIN (
    SELECT {key} AS id, MAX(UNIX_MICROS(updated_at)) AS latest FROM {table} GROUP BY {key}
  ) AS v ON v.id = r.k AND v.latest <=> r.s
) AS s
ON t.{key} = s.k
WHEN MATCHED AND NOT (t.change_id <=> :change_id) THEN UPDATE SET
  updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
"""
_STAMPED = "SELECT DISTINCT {key} AS id FROM {table} WHERE change_id = :change_id"
_STAMP_CHILDREN = """
MERGE INTO {child} AS t USING ({stamped}) AS s ON t.account_bsnid = s.id
WHEN MATCHED AND NOT (t.change_id <=> :change_id) THEN UPDATE SET
  updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
"""
_DELETE_CHILDREN = """
MERGE INTO {child} AS t USING ({stamped}) AS s ON t.account_bsnid = s.id
WHEN MATCHED THEN DELETE
"""
_DELETE = "DELETE FROM {table} WHERE change_id = :change_id"
_ORPHANS = """
SELECT {place} AS place, c.id FROM {child} AS c
LEFT ANTI JOIN {accounts} AS a ON a.bsnid = c.account_bsnid
WHERE ARRAY_CONTAINS({keys}, c.account_bsnid)
"""
_EXISTING = """
SELECT a.{key} AS key, MAX({name}) AS name FROM {table} AS a
WHERE ARRAY_CONTAINS({keys}, a.{key}) GROUP BY a.{key}
"""


def delete(
    wh: Warehouse,
    operation: Operation,
    rows: Sequence[Planned],
    earlier: Earlier = NOTHING,
    note_begin: Callable[[int], None] = lambda count: None,
    of: Table = ACCOUNTS,
) -> Outcome:
    """Delete the planned rows of the table ``of``, except for rows that changed since the preview.

    Calls ``note_begin`` with the number of rows before it deletes anything. Continues after
    ``earlier`` attempts. Accounts take five statements with transactions, else two per table and
    three more; other rows take two, and up to two more if not all were deleted. Up to five more
    find out who deleted rows that are gone. Raises HalfDone, or WarehouseError if nothing was
    done.
    """
    stamped = list(earlier.notes.get("stamped", ()))
    run = _Deletion(wh, operation, rows, note_begin, stamped, Delete(of))
    try:
        run.all_steps(earlier.done)
    except HalfDone as half:
        half.notes["stamped"] = run.stamped
        raise
    return run.outcome()


@dataclass
class _Deletion:
    """A running deletion.

    :param stamped: the keys of the rows that the first step stamped.
    :param is_sure: whether these rows were deleted now, by this operation. Otherwise an earlier
        attempt may have deleted them, or somebody else.
    """

    wh: Warehouse
    operation: Operation
    rows: Sequence[Planned]
    note_begin: Callable[[int], None]
    stamped: list[str]
    action: Delete
    existing: dict[str, str] = field(default_factory=dict)
    gone: list[Planned] = field(default_factory=list)
    is_sure: bool = False
    is_doubtful: bool = False
    is_whole: bool = False

    def all_steps(self, done: int) -> None:
        if self.action.children:
            self._account_steps(done)
            return
        what = self.action.of.plural
        steps = [
            Step(f"Note who deletes the {what}", self.stamp),
            Step(f"Delete the {what}", self.delete_rows),
            Step("List what was left alone", self.read_existing),
        ]
        run_steps(self.wh, self.operation, steps, done=done)

    def _account_steps(self, done: int) -> None:
        orphans = Step("Delete what others added to them meanwhile", self.delete_orphans)
        if not done and atomic.is_possible(self.wh):
            both = [
                Step("Note who deletes the accounts", self.stamp_together),
                Step("Delete the accounts and all that belongs to them", self.delete_together),
            ]
            try:
                run_steps(self.wh, self.operation, [*both, orphans])
                return
            except NotAtomic as error:
                done = error.finished
        children = [
            Step(
                f"Delete their {child.plural}", partial(self.delete_children, child), parallel=True
            )
            for child in CHILDREN
        ]
        steps = [
            Step("Note who deletes the accounts", self.stamp),
            *children,
            Step("Delete the accounts themselves", self.delete_rows),
            orphans,
        ]
        run_steps(self.wh, self.operation, steps, done=done)

    def stamp(self) -> int:
        count = self._run(_STAMP, self._planned())
        # If several rows have one key, the number of stamped rows is not the number of keys.
        is_plain = not self.action.children and not any(row.has_copies for row in self.rows)
        if not (is_plain and count == len(self.rows)):
            return self._find_stamped()
        return self._keep_stamped([row.key for row in self.rows])

    def stamp_together(self) -> int:
        """Stamp the accounts and their children as one transaction. Raises NotAtomic."""
        children = [self._statement(child, _STAMP_CHILDREN) for child in CHILDREN]
        stamp = Statement(self._render(_STAMP), self._planned())
        atomic.run(self.wh, self.operation, [stamp, *children])
        return self._find_stamped()

    def delete_together(self) -> int:
        """Delete all rows as one transaction. Raises NotAtomic."""
        children = [self._statement(child, _DELETE_CHILDREN) for child in CHILDREN]
        accounts = Statement(self._render(_DELETE), {})
        try:
            atomic.run(self.wh, self.operation, [*children, accounts])
        except NotAtomic as error:
            error.finished = 1
            raise
        self.is_sure = True
        return len(self.stamped)

    def delete_children(self, child: Table) -> int:
        for template in (_STAMP_CHILDREN, _DELETE_CHILDREN):
            statement = self._statement(child, template)
            count = operations.run(self.wh, self.operation, statement.sql, repeatable=True)
        return count

    def delete_rows(self) -> int:
        count = self._run(_DELETE)
        self.is_sure = count >= len(self.stamped)
        self.is_whole = count == len(self.stamped) == len(self.rows)
        return count

    def _planned(self) -> dict[str, str]:
        hidden = self.action.hidden(self.wh, self.rows)
        given = [{"k": r.key, "s": r.seen} for r in self.rows if r.key not in hidden]
        return {"rows": json.dumps(given, ensure_ascii=False)}

    def _find_stamped(self) -> int:
        found = self.wh.query(self._render(_STAMPED), {"change_id": self.operation.id})
        return self._keep_stamped([row["id"] for row in found])

    def _keep_stamped(self, keys: list[str]) -> int:
        """Store the keys of the stamped rows, and return their number."""
        self.stamped = keys
        if self.stamped:
            self.note_begin(len(self.stamped))
        return len(self.stamped)

    def _statement(self, child: Table, template: str) -> Statement:
        """Return the statement for the children of the stamped accounts."""
        table = self.wh.namespace.table(child)
        return Statement(self._render(template, child=table, stamped=self._render(_STAMPED)), {})

    def delete_orphans(self) -> int:
        """Delete children that others have added, and read which of the accounts still exist."""
        keys, bound = _sql.text_array("keys", self.stamped)
        branches = (of_child(self.wh, _ORPHANS, child, keys=keys) for child in CHILDREN)
        sql = " UNION ALL ".join(branches)

        def find() -> list[tuple[Table, str]]:
            found = self.wh.query(sql, bound) if self.stamped else []
            return [(TABLES[row["place"]], row["id"]) for row in found]

        count = _children.delete_orphans(self.wh, self.operation, find)
        self.is_whole = False  # somebody may have created an account with the same key
        self.read_existing()
        return count

    def read_existing(self) -> int:
        """Read which of the rows still exist, and which others deleted; no statement if the
        operation deleted all of them now."""
        if self.is_whole:
            return 0
        keys, bound = _sql.text_array("keys", [row.key for row in self.rows])
        sql = self._render(_EXISTING, keys=keys, name=name_of(self.action.of, "a"))
        existing = self.wh.query(sql, bound)
        self.existing = {row["key"]: row["name"] or row["key"] for row in existing}
        own = self.stamped if self.is_sure else ()
        gone = [row for row in self.rows if row.key not in {*own, *self.existing}]
        deleted = deleted_keys(self.wh, self.operation, self.action.of) if gone else None
        self.is_doubtful = bool(gone) and deleted is None
        deleted = set(self.stamped) if deleted is None else deleted
        self.gone = [row for row in gone if row.key not in deleted]
        return 0

    def outcome(self) -> Outcome:
        stamped = set(self.stamped) if self.action.children else set()
        changed = [LeftAlone(k, name, False, k in stamped) for k, name in self.existing.items()]
        gone = [LeftAlone(row.key, row.name, True) for row in self.gone]
        left = sorted((*changed, *gone), key=lambda each: each.key)
        return Outcome(len(self.rows) - len(left), tuple(left), self.is_doubtful)

    def _render(self, template: str, **parts: str) -> str:
        home, of = self.wh.namespace, self.action.of
        own = {"table": home.table(of), "key": quoted(of.key)}
        return _sql.render(home, template, **own, **parts)

    def _run(self, template: str, params: dict[str, Any] | None = None) -> int:
        sql = self._render(template)
        return operations.run(self.wh, self.operation, sql, params, repeatable=True)
