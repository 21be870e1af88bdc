"""Read the notes about operations together with the rows that they wrote.

The table of operations may be missing, or hidden from the person: pages then lack what is in it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import TypeVar

from cachetools import TTLCache

from crm.model.namespace import Namespace
from crm.repository import _sql
from crm.warehouse import Warehouse
from crm.warehouse.errors import ColumnNotFound, ObjectNotFound, PermissionDenied

Result = TypeVar("Result")

# Of several notes with one id, which no key forbids, any counts. An empty note removed a reason.
_JOIN = """
LEFT JOIN (
  SELECT id AS operation, MAX(note) AS reason FROM {operations} WHERE note <> '' GROUP BY id
) AS o ON o.operation = {alias}.change_id
"""
# For rows with the alias ``f``.
JOIN_TO_LIST = _sql.fill(_JOIN, operations="{operations}", alias="f")

_lock = threading.Lock()
# Whose table of operations is missing or hidden; it is asked for again after a while.
_without_notes: TTLCache[Hashable, bool] = TTLCache(maxsize=200, ttl=60.0)


def reasons(namespace: Namespace, alias: str, *, has_notes: bool) -> tuple[str, str]:
    """Return the reason of the status of a row, as SQL, and the join that it needs."""
    if not has_notes:
        return "CAST(NULL AS STRING)", ""
    return "o.reason", _sql.render(namespace, _JOIN, alias=alias)


def read(wh: Warehouse, load: Callable[[bool], Result]) -> Result:
    """Return what ``load`` reads, which gets whether it may read the table of operations.

    Where it may not, ``load`` runs a second time; for a minute, the process then knows that.
    Raises as ``load`` does.
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
