"""Changes with the notes about their operations."""

from __future__ import annotations

from dataclasses import dataclass

from crm.model.changes import Undo
from crm.repository import _made_ids

from ._attribution import Attributed
from ._history_sql import Note


@dataclass(frozen=True)
class Entry:
    """A change, with the notes about its operation and about the revert of that."""

    change: Attributed
    note: Note | None
    undo: Note | None

    @property
    def person(self) -> str | None:
        """Of an operation of many rows, the note tells who made it: an import of an export keeps
        the persons of its file."""
        noted = self.note.person if self.note else None
        return self.change.writer if noted is None else noted

    @property
    def gathered_by(self) -> str | None:
        """The operation of many rows that the change is a part of."""
        return self.change.operation if self.note and self.note.summary is not None else None


def entry_of(change: Attributed, notes: dict[str, Note]) -> Entry:
    operation = change.operation
    if operation is None or not notes:
        return Entry(change, None, None)
    # The id of its revert is made from its own.
    return Entry(change, notes.get(operation), notes.get(_made_ids.of_revert(operation)))


def undo_of(note: Note | None) -> Undo | None:
    if note is None or note.started_at is None:
        return None
    return Undo(note.person or "", note.summary or "", note.started_at, note.ended_at)
