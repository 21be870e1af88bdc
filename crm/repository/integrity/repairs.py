"""Repair the problems that the checks find, as their preview says.

The statements of a repair run as one transaction if the warehouse has transactions, else as steps.
A repair that stamps rows and then deletes them always runs as steps: see atomic.py.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from crm.repository import atomic, operations, summaries
from crm.repository.atomic import NotAtomic
from crm.repository.errors import Doubtful, HalfDone
from crm.repository.operations import Operation
from crm.repository.steps import NOTHING, Earlier, Step, noted, run_steps
from crm.warehouse import Warehouse

from ._statements import Statement
from .checks import Check, Found, Params, run_checks


def repair(
    wh: Warehouse,
    check: Check,
    operation: Operation | None = None,
    earlier: Earlier = NOTHING,
) -> int:
    """Run the check's repair, and return how many rows, or keys, it changed. Safe to repeat.

    Without ``operation`` this is a new one. ``earlier`` are the attempts that ended with HalfDone.
    Raises HalfDone and Doubtful.
    """
    if check.fix is None:
        return 0
    settled = check.settle(wh) if check.settle else {}
    if "doubt" in settled:
        raise Doubtful(check.title)
    operation = operation or operations.of_many(wh, operations.REPAIR)
    fixes = [each for each in check.fix(wh.namespace) if not each.is_masked(operation.masks)]
    run = _Repair(wh, operation, fixes, settled, earlier)
    with noted(wh, operation, lambda: summaries.repaired(check.title)):
        return run.of_keys(check) if check.by_key else run.of_rows()


@dataclass
class _Repair:
    wh: Warehouse
    operation: Operation
    fixes: list[Statement]
    settled: Params
    earlier: Earlier
    deleted: int = 0

    def of_keys(self, check: Check) -> int:
        """Repair only tables with problems; return how many keys no longer have one."""
        notes = dict(self.earlier.notes)
        if "repairable" not in notes:
            found = self._found(check)
            tables = {problem.table.name for problem in found.problems}
            notes = {"repairable": found.repairable, "tables": sorted(tables)}
        before: int = notes["repairable"]
        if not before:
            return 0
        self.fixes = [each for each in self.fixes if each.table.name in notes["tables"]]

        def left() -> int:
            return self._found(check).repairable

        try:
            # Meanwhile others may have added rows with such keys.
            return max(0, before - self._run(Step("Count what is left to repair", left))[-1])
        except HalfDone as half:
            half.notes |= notes
            raise

    def _found(self, check: Check) -> Found:
        return run_checks(self.wh, (check,), self.operation.masks)[check]

    def of_rows(self) -> int:
        """Repair the rows, and return how many have the operation's id.

        The answers of the statements cannot be added up: one may be lost, and a row may be changed
        twice. Of a repair that deletes rows, the answer of the deletion counts; without it, the
        rows that were stamped and have the stamp no longer.
        """
        if not self.fixes:
            return 0
        sign = -1 if self._is_stamped else 1
        last = Step("Count what was repaired", lambda: sign * self._count())
        changed = self.earlier.changed + sum(self._run(last))
        return self.deleted or changed

    def _run(self, last: Step) -> list[int]:
        """Run the statements and then the ``last`` step; return what each step returns."""
        is_alone = len(self.fixes) < 2 or self._is_stamped
        if not is_alone and not self.earlier.done and atomic.is_possible(self.wh):
            with suppress(NotAtomic):
                steps = [Step("Repair all of them", self._run_together), last]
                return run_steps(self.wh, self.operation, steps)
        steps = [*(Step(_name(each), partial(self._run_one, each)) for each in self.fixes), last]
        return run_steps(self.wh, self.operation, steps, done=self.earlier.done)

    def _run_together(self) -> int:
        """Run the statements as one transaction. Raises NotAtomic."""
        statements = [atomic.Statement(each.sql, self._params(each)) for each in self.fixes]
        atomic.run(self.wh, self.operation, statements)
        return 0

    def _run_one(self, statement: Statement) -> int:
        """Run the statement; return how many rows it stamped, or 0 if it is no stamp."""
        params = self._params(statement)
        count = operations.run(self.wh, self.operation, statement.sql, params, repeatable=True)
        if statement.is_stamp:
            return self._count()
        # Others may have changed rows since the stamp. The answer is 0 if an earlier one was lost.
        self.deleted = count if self._is_stamped else 0
        return 0

    def _params(self, statement: Statement) -> dict[str, str]:
        return {**statement.params, **self.settled}

    @property
    def _is_stamped(self) -> bool:
        return any(each.is_stamp for each in self.fixes)

    def _count(self) -> int:
        tables = list(dict.fromkeys(each.table for each in self.fixes))
        return operations.count_rows(self.wh, self.operation, tables)


def _name(statement: Statement) -> str:
    verb = "Note who repairs" if statement.is_stamp else "Repair"
    column = f"the column {statement.writes[0]} of " if len(statement.writes) == 1 else ""
    return f"{verb} {column}{statement.table.plural}"
