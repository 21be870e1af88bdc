"""Deletes many accounts with all that belongs to them.

The steps are those of one account (crm/repository/records/accounts.py), each for all accounts at
once, in transactions where the warehouse has them. The children are stamped, too: so the undo of
the operation finds them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from crm.model.schema import CHILDREN, TABLES, Table
from crm.repository import _sql, atomic, operations
from crm.repository._sql import Row
from crm.repository.atomic import NotAtomic, Statement
from crm.repository.errors import HalfDone, Missing
from crm.repository.operations import Operation
from crm.repository.records import _children
from crm.repository.steps import NOTHING, Earlier, Step, run_steps
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

from .outcome import LeftAlone, Outcome
from .selection import Planned

log = logging.getLogger(__name__)

_CHILD_COUNT = """
LEFT JOIN (
  SELECT account_bsnid AS owner, COUNT(*) AS n FROM {child} GROUP BY account_bsnid
) AS c{place} ON c{place}.owner = a.bsnid
"""
_COUNTS = """
SELECT account_bsnid AS key, {place} AS place, COUNT(*) AS n FROM {child}
WHERE ARRAY_CONTAINS({keys}, account_bsnid) GROUP BY account_bsnid
"""
# Accounts that changed since the preview keep their stamp. Of several rows with one key, the
# latest tells.
_STAMP = """
MERGE INTO {accounts} AS t
USING (
  SELECT r.k FROM (
    SELECT EXPLODE(FROM_JSON(:rows, 'array<struct<k: string, s: bigint>>')) AS r
  ) AS g
  JOIN (
    SELECT bsnid, MAX(UNIX_MICROS(updated_at)) AS latest FROM {accounts} GROUP BY bsnid
  ) AS v ON v.bsnid = r.k AND v.latest <=> r.s
) AS s
ON t.bsnid = s.k
WHEN MATCHED AND NOT (t.change_id <=> :change_id) THEN UPDATE SET
  updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
"""
_STAMPED = "SELECT DISTINCT bsnid FROM {accounts} WHERE change_id = :change_id"
_STAMP_CHILDREN = """
MERGE INTO {child} AS t USING ({stamped}) AS s ON t.account_bsnid = s.bsnid
WHEN MATCHED AND NOT (t.change_id <=> :change_id) THEN UPDATE SET
  updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
"""
_DELETE_CHILDREN = """
MERGE INTO {child} AS t USING ({stamped}) AS s ON t.account_bsnid = s.bsnid
WHEN MATCHED THEN DELETE
"""
_DELETE = "DELETE FROM {accounts} WHERE change_id = :change_id"
_ORPHANS = """
SELECT {place} AS place, c.id FROM {child} AS c
LEFT ANTI JOIN {accounts} AS a ON a.bsnid = c.account_bsnid
WHERE ARRAY_CONTAINS({keys}, c.account_bsnid)
"""
_EXISTING = """
SELECT bsnid AS key, MAX(team) AS name FROM {accounts}
WHERE ARRAY_CONTAINS({keys}, bsnid) GROUP BY bsnid
"""


@dataclass(frozen=True)
class DeleteAccounts:
    """Deletes accounts with all that belongs to them."""

    def reads(self, wh: Warehouse) -> tuple[str, str, Mapping[str, Any]]:
        """Read how many children of each table an account has, as ``n1``, ``n2``, …"""
        places = [TABLES.index(child) for child in CHILDREN]
        counts = (f"COALESCE(c{place}.n, 0) AS n{place}" for place in places)
        joins = "".join(_of_child(wh, _CHILD_COUNT, child) for child in CHILDREN)
        return f"CAST(NULL AS STRING) AS old, {', '.join(counts)}", joins, {}

    def is_done(self, row: Row) -> bool:
        return False

    def hidden(self, wh: Warehouse, rows: Sequence[Planned]) -> Collection[str]:
        """Return the keys of accounts of which a row filter hides children from the person.

        They would be left without an account. Two statements where the app has rights beside the
        person's, else none: then nobody can tell.
        """
        try:
            app = wh.with_app_rights() if rows else None
            every = _counts(app, rows) if app else {}
        except WarehouseError as error:
            log.warning("no children were counted with the app's rights: %s", error)
            return ()
        seen = _counts(wh, rows) if every else {}
        return {key for (key, place), n in every.items() if n > seen.get((key, place), 0)}


def children_of(rows: Sequence[Row]) -> dict[Table, int]:
    """Return how many children of each table the accounts have that a preview read."""
    places = {child: f"n{TABLES.index(child)}" for child in CHILDREN}
    return {child: sum(row.get(name, 0) for row in rows) for child, name in places.items()}


def delete(
    wh: Warehouse,
    operation: Operation,
    rows: Sequence[Planned],
    earlier: Earlier = NOTHING,
    note_begin: Callable[[int], None] = lambda count: None,
) -> Outcome:
    """Delete the planned accounts, except for those that changed since the preview.

    Calls ``note_begin`` with how many these are, before it deletes anything. With transactions
    five statements, else two per table and three more. Raises HalfDone, and does what ``earlier``
    attempts left. Raises WarehouseError where nothing was done.
    """
    run = _Deletion(wh, operation, rows, note_begin, list(earlier.notes.get("stamped", ())))
    try:
        run.all_steps(earlier.done)
    except HalfDone as half:
        half.notes["stamped"] = run.stamped
        raise
    return run.outcome()


@dataclass
class _Deletion:
    """``stamped`` are the keys of the accounts that the first step stamped."""

    wh: Warehouse
    operation: Operation
    rows: Sequence[Planned]
    note_begin: Callable[[int], None]
    stamped: list[str]
    existing: dict[str, str] = field(default_factory=dict)

    def all_steps(self, done: int) -> None:
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
            Step(f"Delete their {child.plural}", partial(self.delete_children, child))
            for child in CHILDREN
        ]
        steps = [
            Step("Note who deletes the accounts", self.stamp),
            *children,
            Step("Delete the accounts themselves", self.delete_accounts),
            orphans,
        ]
        run_steps(self.wh, self.operation, steps, done=done)

    def stamp(self) -> int:
        self._run(_STAMP, self._planned())
        return self._find_stamped()

    def stamp_together(self) -> int:
        """Stamp the accounts and their children as one transaction. Raises NotAtomic."""
        children = [self._statement(child, _STAMP_CHILDREN) for child in CHILDREN]
        stamp = Statement(_sql.render(self.wh.namespace, _STAMP), self._planned())
        atomic.run(self.wh, self.operation, [stamp, *children])
        return self._find_stamped()

    def delete_together(self) -> int:
        """Delete all rows as one transaction. Raises NotAtomic."""
        children = [self._statement(child, _DELETE_CHILDREN) for child in CHILDREN]
        accounts = Statement(_sql.render(self.wh.namespace, _DELETE), {})
        try:
            atomic.run(self.wh, self.operation, [*children, accounts])
        except NotAtomic as error:
            error.finished = 1
            raise
        return len(self.stamped)

    def delete_children(self, child: Table) -> int:
        for template in (_STAMP_CHILDREN, _DELETE_CHILDREN):
            statement = self._statement(child, template)
            count = operations.run(self.wh, self.operation, statement.sql, repeatable=True)
        return count

    def delete_accounts(self) -> int:
        return self._run(_DELETE)

    def _planned(self) -> dict[str, str]:
        hidden = DeleteAccounts().hidden(self.wh, self.rows)
        given = [{"k": r.key, "s": r.seen} for r in self.rows if r.key not in hidden]
        return {"rows": json.dumps(given, ensure_ascii=False)}

    def _find_stamped(self) -> int:
        """Return how many accounts are stamped, and keep their keys."""
        sql = _sql.render(self.wh.namespace, _STAMPED)
        found = self.wh.query(sql, {"change_id": self.operation.id})
        self.stamped = [row["bsnid"] for row in found]
        if self.stamped:
            self.note_begin(len(self.stamped))
        return len(self.stamped)

    def _statement(self, child: Table, template: str) -> Statement:
        """Return the statement for the children of the stamped accounts."""
        stamped = _sql.render(self.wh.namespace, _STAMPED)
        table = self.wh.namespace.table(child)
        return Statement(
            _sql.render(self.wh.namespace, template, child=table, stamped=stamped), {}
        )

    def delete_orphans(self) -> int:
        """Delete them, and read which of the accounts exist."""
        keys, bound = _sql.text_array("keys", self.stamped)
        branches = (_of_child(self.wh, _ORPHANS, child, keys=keys) for child in CHILDREN)
        found = self.wh.query(" UNION ALL ".join(branches), bound) if self.stamped else []
        for row in found:
            with suppress(Missing):  # whoever added it has taken it back
                _children.delete(self.wh, TABLES[row["place"]], row["id"], self.operation)
        keys, bound = _sql.text_array("keys", [row.key for row in self.rows])
        sql = _sql.render(self.wh.namespace, _EXISTING, keys=keys)
        existing = self.wh.query(sql, bound)
        self.existing = {row["key"]: row["name"] or row["key"] for row in existing}
        return len(found)

    def outcome(self) -> Outcome:
        stamped = set(self.stamped)
        changed = [LeftAlone(k, name, False, k in stamped) for k, name in self.existing.items()]
        known = {*self.stamped, *self.existing}
        gone = [LeftAlone(row.key, row.name, True) for row in self.rows if row.key not in known]
        left = sorted((*changed, *gone), key=lambda each: each.key)
        return Outcome(len(self.rows) - len(left), tuple(left))

    def _run(self, template: str, params: dict[str, Any] | None = None, **parts: str) -> int:
        sql = _sql.render(self.wh.namespace, template, **parts)
        return operations.run(self.wh, self.operation, sql, params, repeatable=True)


def _counts(wh: Warehouse, rows: Sequence[Planned]) -> dict[tuple[str, int], int]:
    """Return how many children of each table, by its place, each account has that has some."""
    keys, bound = _sql.text_array("keys", [row.key for row in rows])
    branches = (_of_child(wh, _COUNTS, child, keys=keys) for child in CHILDREN)
    found = wh.query(" UNION ALL ".join(branches), bound)
    return {(row["key"], row["place"]): row["n"] for row in found}


def _of_child(wh: Warehouse, template: str, child: Table, **parts: str) -> str:
    place = str(TABLES.index(child))
    table = wh.namespace.table(child)
    return _sql.render(wh.namespace, template, child=table, place=place, **parts)
