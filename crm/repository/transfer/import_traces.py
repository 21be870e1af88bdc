"""The traces of an import in the tables, for an instance that does not have the import itself."""

from __future__ import annotations

from dataclasses import dataclass

from crm.repository import _sql, operations
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, PermissionDenied

_COUNT = """
SELECT SUM(n) AS n FROM (
  SELECT COUNT(*) AS n FROM {accounts} WHERE STARTSWITH(change_id, :half)
  UNION ALL SELECT COUNT(*) FROM {platforms_status} WHERE STARTSWITH(change_id, :half)
  UNION ALL SELECT COUNT(*) FROM {use_cases} WHERE STARTSWITH(change_id, :half)
  UNION ALL SELECT COUNT(*) FROM {updates} WHERE STARTSWITH(change_id, :half)
) AS c
"""
_NOTES = """
SELECT COUNT(*) AS begun, COUNT(ended_at) AS ended FROM {operations} WHERE STARTSWITH(id, :half)
"""


@dataclass(frozen=True)
class Trace:
    """The traces: ``rows`` are still as the import wrote them; the notes have ``begun`` beginnings
    and ``ended`` ends of its attempts."""

    rows: int = 0
    begun: int = 0
    ended: int = 0


def read(wh: Warehouse, form: str) -> Trace:
    """Return the traces of an import of the warehouse's actor; for ``form`` see
    operations.of_many.

    Two statements. Raises WarehouseError.
    """
    params = {"half": operations.half_of_form(wh, form)}
    rows = wh.query(_sql.render(wh.namespace, _COUNT), params)
    try:
        notes = wh.query(_sql.render(wh.namespace, _NOTES), params)
    except (ObjectNotFound, PermissionDenied):
        notes = [{"begun": 0, "ended": 0}]
    return Trace(int(rows[0]["n"] or 0), int(notes[0]["begun"]), int(notes[0]["ended"]))
