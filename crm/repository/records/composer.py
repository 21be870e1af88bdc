"""Add an update and set a platform's status with it, as one operation of two steps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from crm.model.records import Update
from crm.model.schema import UPDATES
from crm.repository import operations
from crm.repository._sql import Values
from crm.repository.errors import AlreadyExists, HalfDone, ReasonNotKept
from crm.repository.operations import Operation
from crm.repository.steps import Step, run_steps
from crm.warehouse import Warehouse

from . import _children, platforms


@dataclass(frozen=True)
class NewStatus:
    """A platform's new status and its reason; for ``seen`` see ``platforms.set_status``."""

    platform: str
    status: str
    seen: dt.datetime | None
    reason: str = ""


# A key in the notes of HalfDone: the status is set, but its reason could not be saved.
REASON_LOST = "reason_lost"


class UpdateChanged(AlreadyExists):
    """Somebody has changed the update since it was added. The status is set nevertheless.

    ``reason_lost``: whether the reason of the status could not be saved.
    """

    def __init__(self, key: str, *, reason_lost: bool) -> None:
        super().__init__(key)
        self.reason_lost = reason_lost


def add_update(
    wh: Warehouse,
    bsnid: str,
    id: str,
    values: Values,
    new: NewStatus | None = None,
    earlier: str = "",
) -> bool:
    """Set the status, if one is given, and add the update; return whether the person sees it.

    :param id: the id of the update, which also identifies the form.
    :param earlier: the operation of an earlier attempt, which set the status; a new status is an
        operation of its own, whose note has the reason.

    The status comes first, so that nothing is done yet if somebody else has changed it. Raises
    what ``platforms.set_status`` raises, then HalfDone, UpdateChanged, and what
    ``_children.create`` raises. Two to five statements.
    """
    operation = operations.of_form(wh, operations.EDIT, id).resume("" if new else earlier)
    is_seen = False
    not_kept: list[ReasonNotKept] = []

    def add() -> int:
        nonlocal is_seen
        is_seen = _children.create(wh, UPDATES, Update, bsnid, id, values, operation=operation)
        return 1

    steps = [Step("Add the update", add)]
    if new:
        set_status = partial(_set_status, wh, bsnid, new, operation, not_kept)
        steps.insert(0, Step(f"Set {new.platform} to {new.status}", set_status))
    with _naming_what_is_done(id, is_set=new is not None, not_kept=not_kept):
        run_steps(wh, operation, steps)
    if not_kept:
        raise ReasonNotKept(is_seen=is_seen)
    return is_seen


def _set_status(
    wh: Warehouse,
    bsnid: str,
    new: NewStatus,
    operation: Operation,
    not_kept: list[ReasonNotKept],
) -> int:
    """Set the status and return the number of written rows, 1; add the error to ``not_kept`` if
    its reason could not be saved."""
    try:
        platforms.set_status(wh, bsnid, new.platform, new.status, new.seen, new.reason, operation)
    except ReasonNotKept as error:
        not_kept.append(error)
    return 1


@contextmanager
def _naming_what_is_done(
    id: str, *, is_set: bool, not_kept: list[ReasonNotKept]
) -> Iterator[None]:
    """Add to the errors of the steps whether the status and its reason were saved."""
    try:
        yield
    except HalfDone as half:
        half.notes[REASON_LOST] = bool(not_kept)
        raise
    except AlreadyExists as error:
        if is_set and error.key == id:  # a status raises it with another key
            raise UpdateChanged(id, reason_lost=bool(not_kept)) from error
        raise
