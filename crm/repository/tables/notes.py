"""Read the notes about operations: one of them, or those of the rows that a page shows.

The table of operations may be missing, or hidden from the person: pages then lack the notes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from cachetools import TTLCache

from crm.model.namespace import Namespace
from crm.repository import _made_ids, _sql
from crm.warehouse import Warehouse
from crm.warehouse.errors import ColumnNotFound, ObjectNotFound, PermissionDenied

Result = TypeVar("Result")

_NOTES = "SELECT kind, summary, ended_at, id FROM {operations} WHERE {is_wanted}"
_OF_ONE = "id = :id"
_OF_MANY = "id IN (SELECT EXPLODE({ids}))"
# If several notes have one id, any counts. An empty reason removes an earlier one.
_JOIN = """
LEFT JOIN (
  SELECT id AS operation, MAX(note) AS reason FROM {operations} WHERE note <> '' GROUP BY id
) AS o ON o.operation = {alias}.change_id
"""
# For rows with the alias ``f``.
JOIN_TO_LIST = _sql.fill(_JOIN, operations="{operations}", alias="f")

_lock = threading.Lock()
# People for whom the table of operations is missing or hidden; it is tried again after a while.
_without_notes: TTLCache[Hashable, bool] = TTLCache(maxsize=200, ttl=60.0)


@dataclass(frozen=True)
class Noted:
    """The note of an operation; its texts are empty if there is none.

    ``is_hidden``: the table of operations is missing, or the person may not read it.
    """

    kind: str = ""
    summary: str = ""
    is_ended: bool = False
    is_hidden: bool = False


def read_note(wh: Warehouse, id: str) -> Noted:
    """Return the operation's note; an empty one without the table, or the right to read it.

    One statement. Raises WarehouseError for other causes: a note that was not read may say that
    the operation ended, or was undone.
    """
    return _read(wh, [id], _OF_ONE, {"id": id})[0]


def read_undos(wh: Warehouse, ids: Iterable[str]) -> list[Noted]:
    """Return the note of each operation's undo. One statement. Raises as ``read_note`` does."""
    undos = list(map(_made_ids.of_revert, ids))
    array, params = _sql.text_array("ids", undos)
    return _read(wh, undos, _sql.fill(_OF_MANY, ids=array), params)


def _read(wh: Warehouse, ids: list[str], is_wanted: str, params: dict[str, str]) -> list[Noted]:
    try:
        rows = wh.query(_sql.render(wh.namespace, _NOTES, is_wanted=is_wanted), params)
    except (ObjectNotFound, PermissionDenied):
        return [Noted(is_hidden=True)] * len(ids)
    found = {
        row["id"]: Noted(row["kind"] or "", row["summary"] or "", row["ended_at"] is not None)
        for row in rows
    }
    return [found.get(id, Noted()) for id in ids]


def reasons(namespace: Namespace, alias: str, *, has_notes: bool) -> tuple[str, str]:
    """Return the reason of the status of a row, as SQL, and the join that it needs."""
    if not has_notes:
        return "CAST(NULL AS STRING)", ""
    return "o.reason", _sql.render(namespace, _JOIN, alias=alias)


def read(wh: Warehouse, load: Callable[[bool], Result]) -> Result:
    """Return ``load(True)``; if the table of operations cannot be read, ``load(False)``.

    In that case the process remembers it for a minute. Raises what ``load`` raises.
    """
    key = wh.cache_key
    with _lock:
        has_notes = key not in _without_notes
    try:
        return load(has_notes)
    except (ObjectNotFound, PermissionDenied, ColumnNotFound):
        if not has_notes:
            raise
        found = load(False)
        with _lock:
            _without_notes[key] = True
        return found
