"""The steps of an operation: statements or transactions that nothing holds together.

Each step is safe to repeat. Where one fails for a reason that passes, it is tried again; where
that does not help, HalfDone says which steps are done. Running the operation again, with the same
id, goes on.
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
# The longest wait where the work has no deadline: somebody may still wait for a page.
LONGEST_PAUSE = 10.0


@dataclass(frozen=True)
class Step:
    """``name`` says what it does, as ``Delete its updates``.

    ``run`` returns how many rows changed: 0 for a step that only reads.
    """

    name: str
    run: Callable[[], int]


@dataclass(frozen=True)
class Earlier:
    """What earlier attempts at an operation did.

    :param operation: its id; empty if there was none.
    :param done: how many steps are done, and ``changed`` how many rows they changed.
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

    :param done: how many steps an earlier attempt has finished. They do not run again.

    Raises WarehouseError if the first step fails, and HalfDone if a later one does. Passes on
    other errors of a step.
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
    """Run something that is safe to repeat; try again where the failure passes.

    Raises WarehouseError: Dropped if any try may have run although its answer was lost.
    """
    pauses, lost = iter(PAUSES), None
    while True:
        try:
            return run()
        except (WriteConflict, Unavailable) as error:
            lost = error if isinstance(error, Dropped) else lost
            # The deadline needs time for the step, too.
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
