"""The steps of a deletion."""

from __future__ import annotations

from functools import partial

from crm.model.namespace import quoted
from crm.model.schema import Table
from crm.repository import _sql, operations
from crm.repository.operations import Operation
from crm.repository.steps import Step
from crm.warehouse import Warehouse

_STAMP = """
UPDATE {table}
SET updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
WHERE {column} = :key AND NOT (change_id <=> :change_id)
"""
_DELETE = """
DELETE FROM {table} WHERE {column} = :key
"""


def stamp(wh: Warehouse, operation: Operation, table: Table, key: str) -> Step:
    """Return the step that stamps the row, which tells its history who deleted it.

    It is stamped once, also if the statement is sent again: only a new id makes a stamp.
    """
    name = f"Note who deletes the {table.singular}"
    return _step(wh, operation, name, _STAMP, table, table.key, key)


def delete(
    wh: Warehouse, operation: Operation, name: str, table: Table, column: str, value: str
) -> Step:
    """Return the step that deletes the rows with this value of the column."""
    return _step(wh, operation, name, _DELETE, table, column, value)


def _step(
    wh: Warehouse,
    operation: Operation,
    name: str,
    template: str,
    table: Table,
    column: str,
    value: str,
) -> Step:
    home = wh.namespace
    sql = _sql.render(home, template, table=home.table(table), column=quoted(column))
    run = partial(operations.run, wh, operation, sql, {"key": value}, repeatable=True)
    return Step(name, run)
