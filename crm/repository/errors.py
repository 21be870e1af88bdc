"""Errors of the repository. Errors of the warehouse are in crm.warehouse.errors.

::

    RepositoryError
      AlreadyExists   another row has the key
      Missing         the row, or the account that it belongs to, does not exist
      Stale           somebody else changed the row since it was read
      ChangedMeanwhile  somebody changed the row since a part of the operation was done
      DeletedMeanwhile  somebody deleted the row since then
      ReasonNotKept   a status was saved, but not its reason
      StatusGone      a status that a person saw is gone, or hidden from them
      HiddenChildren  a row filter hides children of an account from the person
      TooMany         more records are selected than one operation takes
      Doubtful        it is unknown which rows break a rule, so nothing is repaired

    WarehouseError
      NotSaved        the answer to a write was lost, and a read found that it saved nothing
      NotTakenBack    an invalid row was saved, and could not be deleted again
      NewerSchema     a later version of the CRM has changed the tables
      HalfDone        some steps of an operation are done, others are not
      NoSuchMoment    the tables cannot be read as of a moment
        BeforeTheTables, BeyondRetention, NotYet, Protected
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from crm.model.records import Record
from crm.model.schema import Table
from crm.warehouse.errors import Dropped, SignInFailed, TimeIsUp, WarehouseError


class RepositoryError(Exception):
    pass


class AlreadyExists(RepositoryError):
    """Another row has the key. ``similar`` is that row's key if it is not exactly ``key``."""

    def __init__(self, key: str, similar: str = "") -> None:
        super().__init__(f"{similar or key!r} exists already")
        self.key = key
        self.similar = similar


class Missing(RepositoryError):
    def __init__(self, key: str) -> None:
        super().__init__(f"{key!r} does not exist")
        self.key = key


class Stale(RepositoryError):
    """Somebody else changed the record. ``current`` is the record as it is now."""

    def __init__(self, current: Record) -> None:
        super().__init__("somebody else changed the record in the meantime")
        self.current = current


class ChangedMeanwhile(RepositoryError):
    def __init__(self, key: str) -> None:
        super().__init__(f"somebody changed {key!r} since a part of the operation was done")


class DeletedMeanwhile(RepositoryError):
    def __init__(self, key: str) -> None:
        super().__init__(f"somebody deleted {key!r} since a part of the operation was done")


class ReasonNotKept(RepositoryError):
    """A record was saved, but not the reason of its status: the table of operations, or the right
    to write to it, is missing.

    ``current`` is the record, None if it was not read; ``is_seen``: whether the person sees it.
    """

    def __init__(self, current: Record | None = None, *, is_seen: bool = True) -> None:
        super().__init__("the reason was not kept")
        self.current = current
        self.is_seen = is_seen


class StatusGone(RepositoryError):
    """A status that the person saw was deleted, or is now hidden by a row filter."""


class HiddenChildren(RepositoryError):
    """Children are hidden from the person. ``hidden``: their number by table."""

    def __init__(self, bsnid: str, hidden: Mapping[Table, int]) -> None:
        super().__init__(f"a row filter hides children of {bsnid!r}")
        self.hidden = dict(hidden)


class TooMany(RepositoryError):
    """Too many records are selected; one operation takes ``most``."""

    def __init__(self, most: int) -> None:
        super().__init__(f"one operation takes at most {most} records")
        self.most = most


class Doubtful(RepositoryError):
    def __init__(self, check: str) -> None:
        super().__init__(f"it is unknown which rows break the rule: {check}")


class NotSaved(WarehouseError):
    summary = "The answer to the write was lost, and nothing was saved"


class NotTakenBack(WarehouseError):
    summary = "A row that must not stay could not be removed"


class NewerSchema(WarehouseError):
    """A later version of the CRM made or changed the tables."""

    summary = "The tables are of a later version than this CRM knows, so it does not write to them"

    def __init__(self, version: int, known: int) -> None:
        super().__init__(
            f"version {version}, where this CRM knows versions up to {known}. "
            "Deploy the CRM that changed the tables, or a later one."
        )


def is_lost(error: WarehouseError) -> bool:
    """Return whether the write that failed may have run, with only its answer lost."""
    return isinstance(error, (Dropped, TimeIsUp, SignInFailed))


class HalfDone(WarehouseError):
    """An operation of several steps failed after the first one.

    :param operation: its id. Running it again with this id continues it.
    :param done: the names of the finished steps.
    :param left: the names of the other steps, of which the first failed; others may have, too, if
        they ran at the same time.
    :param cause: the error of the first failed step.
    :param finished: the number of steps before the first failed one; a step that itself has steps
        counts once.
    :param changed: the number of rows that all finished steps changed.
    :param unsure: the names of steps that failed but may have run, with only their answer lost.

    ``notes`` may have further facts, as JSON values, that the next attempt needs.
    """

    summary = "Only a part was done"

    def __init__(
        self,
        operation: str,
        done: Sequence[str],
        left: Sequence[str],
        cause: WarehouseError,
        *,
        finished: int,
        changed: int,
        unsure: Sequence[str] = (),
    ) -> None:
        lists = f"done: {'; '.join(done)}. Not done: {'; '.join(left)}. {cause}"
        super().__init__(lists, query_id=cause.query_id)
        self.operation = operation
        self.done = tuple(done)
        self.left = tuple(left)
        self.cause = cause
        self.finished = finished
        self.changed = changed
        self.unsure = tuple(unsure)
        self.notes: dict[str, Any] = {}


class NoSuchMoment(WarehouseError):
    """``earliest`` is the first moment as of which all tables can be read, None if unknown."""

    def __init__(self, earliest: dt.datetime | None = None) -> None:
        super().__init__(f"readable from {earliest:%Y-%m-%d %H:%M:%S} UTC" if earliest else "")
        self.earliest = earliest


class BeforeTheTables(NoSuchMoment):
    summary = "The tables did not exist yet"


class BeyondRetention(NoSuchMoment):
    summary = "The warehouse does not keep versions that old"


class NotYet(NoSuchMoment):
    summary = "This moment is in the future"


class Protected(NoSuchMoment):
    summary = "Tables with row filters or column masks cannot be read as of the past"
