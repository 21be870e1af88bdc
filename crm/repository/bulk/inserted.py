"""Check the rows that a bulk change inserted, and delete invalid ones.

Meanwhile somebody may have deleted their account, or inserted a row with the same key, for example
by sending the same form twice: see crm/repository/records/_saving.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from crm.model.schema import Table
from crm.repository import _made_ids, _sql
from crm.repository._sql import Row
from crm.repository.operations import Operation
from crm.repository.records import _saving, _take_back
from crm.warehouse import Warehouse

# The inserted rows without an account, those that an earlier attempt only stamped to take them
# back, and all rows that have one key with an inserted one.
_FOUND = """
SELECT t.id, {match} AS match, t.change_id, t.created_at, a.bsnid IS NULL AS is_orphan
FROM (
  SELECT x.*, COUNT(*) OVER (PARTITION BY {match}) AS copies
  FROM {table} AS x LEFT SEMI JOIN (
    SELECT {match} AS own FROM {table}
    WHERE (change_id = :change_id AND created_at = updated_at) OR change_id = :taken
  ) AS o ON o.own = {match}
) AS t
LEFT JOIN {each_bsnid} AS a ON a.bsnid = t.account_bsnid
WHERE t.copies > 1 OR t.change_id = :taken OR (a.bsnid IS NULL AND t.change_id = :change_id)
"""
_WHICH = "t.created_at = CAST(:created AS TIMESTAMP) AND ARRAY_CONTAINS({ids}, t.id)"


def take_back(wh: Warehouse, operation: Operation, table: Table) -> int:
    """Delete invalid rows, and return their number.

    Of several rows with one key, the one that was committed first stays. One statement if all rows
    are valid.
    """
    match = f"CONCAT_WS('\\n', {_sql.names(table.match)})"
    sql = _sql.render(wh.namespace, _FOUND, table=wh.namespace.table(table), match=match)
    taken = _made_ids.of_take_back(operation.id)
    found = wh.query(sql, {"change_id": operation.id, "taken": taken})
    wrong, valid = list[Row](), list[Row]()
    for row in found:
        (wrong if row["is_orphan"] or row["change_id"] == taken else valid).append(row)
    wrong += _later(wh, operation, table, valid)
    _delete(wh, operation, table, wrong)
    return len(wrong)


def _later(wh: Warehouse, operation: Operation, table: Table, found: Sequence[Row]) -> list[Row]:
    """Return the operation's rows for whose key another row was inserted first."""
    groups = defaultdict(list)
    for row in found:
        groups[row["match"]].append(row)
    later = []
    versions = _saving.insert_versions(wh, table, found) if found else {}
    for rows in groups.values():
        first = min(_saving.insert_order(row, versions) for row in rows)
        own = (row for row in rows if row["change_id"] == operation.id)
        later += [row for row in own if _saving.insert_order(row, versions) != first]
    return later


def _delete(wh: Warehouse, operation: Operation, table: Table, rows: Iterable[Row]) -> None:
    """Delete the rows. Two statements for each moment. Raises NotTakenBack."""
    moments = defaultdict(list)
    for row in rows:
        moments[row["created_at"]].append(row["id"])
    for moment, found in moments.items():
        ids, bound = _sql.text_array("ids", found)
        which = _sql.fill(_WHICH, ids=ids)
        _take_back.take_back(wh, table, which, {**bound, "created": moment}, operation.id)
