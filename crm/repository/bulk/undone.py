"""Whether an operation was undone, as the note of its undo says or, without notes, the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from crm.model.schema import TABLES
from crm.repository import _made_ids, operations
from crm.repository.operations import Operation
from crm.repository.tables import notes
from crm.warehouse import Warehouse

from .written import read_feed

# What the undo writes has its id, also the rows that it stamps before it deletes them.
_UNDONE = """
SELECT {key} AS key, 1 AS n FROM {feed}
WHERE _commit_version > :before AND change_id = :change_id LIMIT 1
"""


def was_undone(
    wh: Warehouse, operation: Operation, before: Mapping[str, int] | None = None
) -> bool:
    """Return whether the operation was undone, or its undo began.

    ``before``: the versions of the tables before the operation, if they are known.

    One statement. Without the table of operations, or the right to read it, one more, and up to
    eight for the change feeds. If these cannot be read either, it is unknown whether an undo wrote
    rows that it deleted, or that somebody has changed since. Raises as ``notes.read_note`` does.
    """
    undo = replace(operation, id=_made_ids.of_revert(operation.id))
    note = notes.read_note(wh, undo.id)
    if not note.is_hidden:
        return bool(note.summary)
    if operations.count_rows(wh, undo, TABLES):
        return True
    return any(read_feed(wh, undo, _UNDONE, table, table.key, {}, before) for table in TABLES)
