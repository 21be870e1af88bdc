"""Compare the tables after a write with the given rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from crm.model.schema import Table
from crm.repository.operations import Operation
from crm.warehouse import Warehouse

from . import _given

_CHECKSUMS = """
WITH given AS ({given}),
stored AS ({stored})
SELECT
  COUNT(*) AS given_rows,
  COUNT(t.{first_match}) AS found_rows,
  BIT_XOR(XXHASH64({given_values})) AS given_sum,
  BIT_XOR(CASE WHEN t.{first_match} IS NULL THEN NULL ELSE XXHASH64({stored_values}) END)
    AS stored_sum
FROM given AS g
LEFT JOIN stored AS t ON {match}
"""
# A row that was seen and is gone was deleted. A row with other values and another change_id was
# not overwritten, or was changed afterwards.
_OF_OTHERS = """
WITH given AS ({given})
SELECT g.n
FROM given AS g
LEFT JOIN {target} AS t ON {match}
GROUP BY g.n
HAVING CASE
  WHEN COUNT(t.{first_match}) = 0 THEN MAX(g.{seen}) IS NOT NULL
  ELSE MAX(CASE WHEN {same} OR t.change_id <=> :change_id THEN 1 ELSE 0 END) = 0 END
ORDER BY g.n
"""


@dataclass(frozen=True)
class Checksums:
    """``rows`` were given, of which ``found`` are stored; with the checksum of each set.

    Both count a given row once for each stored row with its key.
    """

    rows: int
    found: int
    source: int | None
    warehouse: int | None


def checksums(wh: Warehouse, table: Table, rows: str, masked: Collection[str] = ()) -> Checksums:
    """Return count and checksum of these sparse rows, as given and as stored, without their
    ``masked`` columns. Raises WarehouseError."""
    row = _given.query(wh, table, rows, _CHECKSUMS, masked, sparse=True)[0]
    return Checksums(row["given_rows"], row["found_rows"], row["given_sum"], row["stored_sum"])


def changed_by_others(wh: Warehouse, table: Table, rows: str, operation: Operation) -> list[int]:
    """Return the numbers of the rows that were given to ``upsert`` and are stored differently,
    because somebody else changed or deleted them after the comparison. Raises WarehouseError."""
    found = _given.query(
        wh,
        table,
        rows,
        _OF_OTHERS,
        operation.masked(table),
        sparse=True,
        seen=True,
        params={"change_id": operation.id},
    )
    return [row["n"] for row in found]
