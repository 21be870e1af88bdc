"""The steps of an operation: statements or transactions that do not share one transaction.

Each step is safe to repeat. If one fails for a temporary reason, it is tried again; if that does
not help, HalfDone names the finished steps. Running the operation again with the same id continues
it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from typing import Any, TypeVar

from crm.warehouse import Warehouse
from crm.warehouse.errors import Dropped, Unavailable, WarehouseError, WriteConflict
from crm.warehouse.usage import run_at_once

from . import operations
from .errors import HalfDone, RepositoryError, is_lost
from .operations import Operation

Result = TypeVar("Result")
# How many rows a step changed, or its error.
Ran = int | WarehouseError | RepositoryError

# Seconds before each further try of a step.
PAUSES = (1.0, 3.0)
# The longest wait if the work has no deadline, since somebody may be waiting for a page.
LONGEST_PAUSE = 10.0


@dataclass(frozen=True)
class Step:
    """A step. ``name`` says what it does, such as ``Delete its updates``.

    ``run`` returns the number of changed rows; 0 for a step that only reads. ``parallel``: it may
    run at the same time as neighbours that are parallel, too.
    """

    name: str
    run: Callable[[], int]
    parallel: bool = False


@dataclass(frozen=True)
class Earlier:
    """The result of earlier attempts at an operation.

    :param operation: the operation's id; empty if there was no attempt.
    :param done: the number of finished steps; ``changed`` is the number of rows that they changed.
    :param notes: further facts, see HalfDone.
    """

    operation: str = ""
    done: int = 0
    changed: int = 0
    notes: Mapping[str, Any] = field(default_factory=dict)


NOTHING = Earlier()


def run_steps(
    wh: Warehouse, operation: Operation, steps: Sequence[Step], *, done: int = 0
) -> list[int]:
    """Run the steps in order, and return how many rows each of them changed.

    Neighbours that are ``parallel`` run at the same time, each on a connection of its own. The
    first step runs alone.

    :param done: the number of steps that earlier attempts have finished. They do not run again.

    Raises WarehouseError if the first step fails, and HalfDone if a later one does. A step's
    RepositoryError passes through. But if a step that ran beside it failed, HalfDone comes first,
    and the next attempt finds the RepositoryError again.
    """
    changed = [0] * done
    while len(changed) < len(steps):
        number = len(changed)
        results = _run_together(wh, _group(steps[number:])) if number else _run_first(steps[0])
        if any(isinstance(result, WarehouseError) for result in results):
            raise _half_done(operation, steps, sum(changed), number, results)
        if found := next((each for each in results if isinstance(each, RepositoryError)), None):
            raise found
        changed += (result for result in results if isinstance(result, int))
    return changed


def _group(steps: Sequence[Step]) -> Sequence[Step]:
    """Return the steps that run next, at the same time."""
    if not steps[0].parallel:
        return steps[:1]
    return list(takewhile(lambda step: step.parallel, steps))


def _run_first(step: Step) -> list[Ran]:
    """Run the first step once. Raises WarehouseError: nothing is half done then."""
    try:
        return [step.run()]
    except HalfDone as error:
        return [error]


def _run_together(wh: Warehouse, group: Sequence[Step]) -> list[Ran]:
    """Run the steps, each until it ends, and return how many rows each changed, or its error."""

    def run(step: Step) -> Ran:
        try:
            return insist(wh, step.run)
        except (WarehouseError, RepositoryError) as error:
            return error

    return run_at_once([partial(run, step) for step in group])


def _half_done(
    operation: Operation,
    steps: Sequence[Step],
    changed: int,
    number: int,
    results: Sequence[Ran],
) -> HalfDone:
    """Return what to tell after steps failed; ``results`` are those of the steps from ``number``
    on, and ``changed`` is how many rows the steps before it changed.

    The next attempt begins with the first that failed, so it repeats those that ran beside it.
    """
    done, left, causes, finished = _names(steps[:number]), list[str](), list[WarehouseError](), 0
    unsure = list[str]()
    for place, (step, result) in enumerate(zip(steps[number:], results, strict=False), number):
        if isinstance(result, int):
            done.append(step.name)
            changed += result
            continue
        finished = finished or place
        if isinstance(result, HalfDone):
            done += result.done
            left += result.left
            unsure += result.unsure
            changed += result.changed
            causes.append(result.cause)
            continue
        left.append(step.name)
        if isinstance(result, WarehouseError):
            unsure += [step.name] if is_lost(result) else []
            causes.append(result)
    left += _names(steps[number + len(results) :])
    numbers = {"finished": finished, "changed": changed}
    error = HalfDone(operation.id, done, left, causes[0], **numbers, unsure=unsure)
    error.__cause__ = causes[0]
    return error


def insist(wh: Warehouse, run: Callable[[], Result]) -> Result:
    """Run something that is safe to repeat; try again after temporary failures.

    Raises WarehouseError: Dropped if any try may have run with its answer lost.
    """
    pauses, lost = iter(PAUSES), None
    while True:
        try:
            return run()
        except (WriteConflict, Unavailable) as error:
            lost = error if isinstance(error, Dropped) else lost
            # The deadline must also leave time for the step.
            longest = wh.deadline.left / 2 if wh.deadline else LONGEST_PAUSE
            wait = max(next(pauses, math.inf), getattr(error, "retry_after", 0))
            if wait > longest:
                if lost in (None, error):
                    raise
                raise lost from error
            time.sleep(wait)
        except HalfDone:
            raise
        except WarehouseError as error:
            if lost is None:
                raise
            raise lost from error


@contextmanager
def noted(wh: Warehouse, operation: Operation, summary: Callable[[], str]) -> Iterator[None]:
    """Note the beginning, the end and the summary of the operation in the table of operations.

    ``summary`` returns what the operation has done so far (see summaries). If the operation fails,
    no end is noted. Two statements, three after an earlier attempt. Raises as ``operations.begin``
    does, after further tries if the failure is temporary.
    """
    insist(wh, lambda: operations.begin(wh, operation, summary()))
    is_ended = False
    try:
        yield
        is_ended = True
    finally:
        operations.note_end(wh, operation, summary(), is_ended=is_ended)


def _names(steps: Sequence[Step]) -> list[str]:
    return [step.name for step in steps]
