"""Merge two accounts: the kept one gets the chosen values and the children of the other.

The steps, each safe to repeat: write the values into the kept account and stamp the other one;
move the children; delete the other account. Use cases and updates keep their ids. A status is
inserted for the kept account and deleted from the other one, because its id is computed from
account and platform. If the warehouse has transactions, two of them do all this: see atomic.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from crm.model.schema import (
    ACCOUNTS,
    CHILDREN,
    PLATFORMS_STATUS,
    TABLES,
    UPDATES,
    USE_CASES,
    Table,
)
from crm.repository import _sql, atomic, operations
from crm.repository._sql import Values
from crm.repository.atomic import NotAtomic, Statement
from crm.repository.bulk import undone, written
from crm.repository.errors import ChangedMeanwhile, DeletedMeanwhile, Missing
from crm.repository.operations import Operation
from crm.repository.records import _children, _deleting, mine
from crm.repository.records.platforms import new_id
from crm.repository.steps import NOTHING, Earlier, Step, run_steps
from crm.repository.tables import notes
from crm.warehouse import Warehouse

from . import _sql_of_merge as sql_of

_MOVED = (USE_CASES, UPDATES)


@dataclass(frozen=True)
class Choice:
    """The values that the kept account gets where the two accounts differ.

    :param kept_seen: the version of the kept account when it was read; ``other_seen`` likewise.
    :param values: new values by column; ``statuses`` by platform.
    :param seen: the versions of its own statuses for these platforms; None if it has none.
    """

    kept_seen: int | None
    other_seen: int | None
    values: Values = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    seen: Mapping[str, int | None] = field(default_factory=dict)


def merge(
    wh: Warehouse,
    operation: Operation,
    kept: str,
    other: str,
    choice: Choice,
    earlier: Earlier = NOTHING,
) -> bool:
    """Merge the account ``other`` into ``kept``, continuing after ``earlier`` attempts.

    Return False if it is unknown whether this merge deleted the other account or somebody else,
    perhaps before all of it had moved.

    Before it writes, it raises HiddenChildren, and ChangedMeanwhile if an account has changed
    since it was read. Later it may raise HalfDone; ChangedMeanwhile or DeletedMeanwhile if
    somebody changed or deleted the other account meanwhile; and Missing if somebody deleted the
    kept one. Children that have moved by then stay moved, and the merge deletes no account. Eleven
    statements, six with transactions.
    """
    if masked := operation.masked(ACCOUNTS) & choice.values.keys():
        raise ValueError(f"{', '.join(sorted(masked))} is masked")
    if not earlier.done:
        for bsnid in (kept, other):
            _deleting.refuse_hidden_children(wh, bsnid)
    run = _Merge(wh, operation, kept, other, choice)
    run.all_steps(earlier.done)
    return run.is_sure


def was_undone(wh: Warehouse, operation: Operation) -> bool:
    """Return whether this merge of two accounts was undone, also one that ended half-way.

    A second merge would share its id, so the history would call it undone, too. One statement, two
    if the merge began and did not end.
    """
    note = notes.read_note(wh, operation.id)
    if note.is_ended or not note.summary:
        return note.is_ended
    return undone.was_undone(wh, operation)


def finish(wh: Warehouse, operation: Operation, kept: str, other: str) -> bool:
    """Run the steps after the deletion of the other account. Returns and raises what ``merge``
    does. Up to five statements more."""
    run = _Merge(wh, operation, kept, other, Choice(None, None))
    run.require_own_deletion()
    run_steps(wh, operation, run.last())
    return run.is_sure


@dataclass
class _Merge:
    wh: Warehouse
    operation: Operation
    kept: str
    other: str
    choice: Choice
    is_sure: bool = True

    def all_steps(self, done: int) -> None:
        # If an earlier attempt ran step by step, this one continues step by step.
        if not done and atomic.is_possible(self.wh):
            both = [
                Step(
                    "Write the chosen values, and move all that belongs to the other", self.block
                ),
                Step("Delete the account that was merged", self.delete_together),
            ]
            try:
                run_steps(self.wh, self.operation, [*both, *self.last()])
                return
            except NotAtomic as error:
                done = error.finished
        steps = [
            Step("Write the chosen values into the account", self.take),
            Step("Move the platform statuses", self.take_statuses, parallel=True),
            *(
                Step(f"Move the {table.plural}", partial(self.move, table), parallel=True)
                for table in _MOVED
            ),
            Step("Delete the account that was merged", self.delete_other),
            *self.last(),
        ]
        run_steps(self.wh, self.operation, steps, done=done)

    def last(self) -> list[Step]:
        follow = partial(mine.copy_follows, self.wh, self.other, self.kept)
        return [
            Step("Copy the followers of the other account", follow, parallel=True),
            Step("Move what others added meanwhile", self.move_orphans, parallel=True),
        ]

    def take(self) -> int:
        count = self._run(self._take())
        if not count:
            self._require_taken()
        return count

    def take_statuses(self) -> int:
        statements = [*self._statuses(), self._statement(sql_of.DELETE_STATUSES)]
        return sum(map(self._run, statements))

    def move(self, table: Table) -> int:
        return self._run(self._move(table))

    def delete_other(self) -> int:
        count = self._run(self._statement(sql_of.DELETE_OTHER))
        self._require_deleted()
        if not count:
            self.require_own_deletion()
        return count

    def require_own_deletion(self) -> None:
        """Raise DeletedMeanwhile if somebody else deleted the other account."""
        deleted = written.deleted_keys(self.wh, self.operation, ACCOUNTS)
        if deleted is not None and self.other not in deleted:
            raise DeletedMeanwhile(self.other)
        self.is_sure = deleted is not None

    def block(self) -> int:
        moves = map(self._move, _MOVED)
        statements = [self._take(), *self._statuses(), *moves]
        if not atomic.run(self.wh, self.operation, statements)[ACCOUNTS]:
            self._require_taken()
        return 1

    def delete_together(self) -> int:
        statements = [self._statement(sql_of.DELETE_STATUSES)]
        statements.append(self._statement(sql_of.DELETE_OTHER))
        try:
            atomic.run(self.wh, self.operation, statements)
        except NotAtomic as error:
            error.finished = 1
            raise
        self._require_deleted()
        return 1

    def move_orphans(self) -> int:
        """Move use cases and updates that others added to the account that was deleted, and delete
        such statuses."""
        branches = (
            self._render(sql_of.ORPHANS, child, place=str(TABLES.index(child)))
            for child in CHILDREN
        )
        found = self.wh.query(" UNION ALL ".join(branches), {"other": self.other})
        places = {row["place"] for row in found}
        for table in (table for table in _MOVED if TABLES.index(table) in places):
            self._run(self._statement(sql_of.MOVE, table, kept=self._render(sql_of.ONLY_KEPT)))
        for row in (row for row in found if TABLES[row["place"]] is PLATFORMS_STATUS):
            # The person who added it has deleted it, or changed it.
            with suppress(Missing, ChangedMeanwhile):
                _children.delete(self.wh, PLATFORMS_STATUS, row["id"], self.operation)
        return len(found)

    def _take(self) -> Statement:
        values = _sql.checked(ACCOUNTS, self.choice.values)
        seen = {"kept_seen": self.choice.kept_seen, "other_seen": self.choice.other_seen}
        text = self._render(sql_of.TAKE, **_sql.update_parts(ACCOUNTS, values))
        return Statement(text, {**self._keys, **seen, **values}, ACCOUNTS)

    def _statuses(self) -> list[Statement]:
        new, seen = self.choice.statuses, self.choice.seen
        given = [
            {"i": new_id(self.kept, platform), "p": platform, "s": status, "v": seen[platform]}
            for platform, status in new.items()
        ]
        statements = [self._statement(sql_of.STAMP_STATUSES)]
        if given:
            rows = {"statuses": json.dumps(given, ensure_ascii=False)}
            statements.insert(0, self._statement(sql_of.SET_STATUSES, **rows))
        return statements

    def _move(self, table: Table) -> Statement:
        return self._statement(sql_of.MOVE, table)

    def _require_taken(self) -> None:
        """Raise ChangedMeanwhile or Missing unless the other account has the stamp."""
        taken = self._states()
        if self.kept not in taken:
            raise Missing(self.kept)
        if not taken.get(self.other):
            raise ChangedMeanwhile(self.other)

    def _require_deleted(self) -> None:
        """Raise Missing if the kept account is gone, and ChangedMeanwhile if the other exists."""
        taken = self._states()
        if self.kept not in taken:
            raise Missing(self.kept)
        if self.other in taken:
            raise ChangedMeanwhile(self.other)

    def _states(self) -> dict[str, int]:
        """Return how many rows of each account have the stamp. One statement."""
        params = {**self._keys, "change_id": self.operation.id}
        rows = self.wh.query(self._render(sql_of.STATES), params)
        return {row["bsnid"]: row["taken"] for row in rows}

    @property
    def _keys(self) -> dict[str, str]:
        return {"kept": self.kept, "other": self.other}

    def _statement(
        self, template: str, child: Table = PLATFORMS_STATUS, /, kept: str = "", **params: Any
    ) -> Statement:
        """Return the statement; ``kept`` is the query of the accounts to move to and from."""
        text = self._render(template, child, kept=kept or self._render(sql_of.KEPT))
        used = {name: value for name, value in self._keys.items() if f":{name}" in text}
        return Statement(text, {**used, **params})

    def _render(self, template: str, child: Table = PLATFORMS_STATUS, /, **parts: str) -> str:
        home = self.wh.namespace
        return _sql.render(home, template, child=home.table(child), **parts)

    def _run(self, statement: Statement) -> int:
        return operations.run(
            self.wh, self.operation, statement.sql, statement.params, repeatable=True
        )
