"""The steps of an operation: statements or transactions that do not share one transaction.

Each step is safe to repeat. If one fails for a temporary reason, it is tried again; if that does
not help, HalfDone names the finished steps. Running the operation again with the same id continues
it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from crm.warehouse import Warehouse
from crm.warehouse.errors import Dropped, Unavailable, WarehouseError, WriteConflict

from .errors import HalfDone
from .operations import Operation

Result = TypeVar("Result")

# Seconds before each further try of a step.
PAUSES = (1.0, 3.0)
# The longest wait if the work has no deadline, since somebody may be waiting for a page.
LONGEST_PAUSE = 10.0


@dataclass(frozen=True)
class Step:
    """A step. ``name`` says what it does, such as ``Delete its updates``.

    ``run`` returns the number of changed rows; 0 for a step that only reads.
    """

    name: str
    run: Callable[[], int]


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

    :param done: the number of steps that earlier attempts have finished. They do not run again.

    Raises WarehouseError if the first step fails, and HalfDone if a later one does. Other errors
    of a step pass through.
    """
    changed = [0] * done
    for number, step in enumerate(steps[done:], done):
        try:
            changed.append(insist(wh, step.run) if number else step.run())
        except HalfDone as inner:
            raise HalfDone(
                operation.id,
                [*_names(steps[:number]), *inner.done],
                [*inner.left, *_names(steps[number + 1 :])],
                inner.cause,
                finished=number,
                changed=sum(changed) + inner.changed,
            ) from inner
        except WarehouseError as error:
            if not number:
                raise
            raise HalfDone(
                operation.id,
                _names(steps[:number]),
                _names(steps[number:]),
                error,
                finished=number,
                changed=sum(changed),
            ) from error
    return changed


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


def _names(steps: Sequence[Step]) -> list[str]:
    return [step.name for step in steps]
