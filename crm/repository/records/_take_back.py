"""Delete invalid rows that an operation inserted."""

from __future__ import annotations

from functools import partial

from crm.model.schema import Table
from crm.repository import _made_ids, _sql, operations
from crm.repository._sql import Values
from crm.repository.errors import NotTakenBack
from crm.repository.operations import Operation
from crm.repository.steps import insist
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

_STAMP = """
UPDATE {table} AS t
SET updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
WHERE {which} AND t.change_id = :undone
"""
_DELETE = """
DELETE FROM {table} AS t WHERE {which} AND t.change_id = :change_id
"""


def take_back(wh: Warehouse, table: Table, which: str, params: Values, undone: str) -> None:
    """Stamp rows that the operation ``undone`` inserted, and delete the stamped rows.

    ``which`` is a condition on its rows (alias ``t``), with the parameters ``params``. Two
    statements. Raises NotTakenBack.
    """
    # The id shows that the rows were taken back: others may also delete rows of ``undone``. It is
    # the same each time, so that a second try deletes rows that the first one only stamped.
    operation = Operation(_made_ids.of_take_back(undone), operations.DELETE, wh.actor)
    run = partial(operations.run, wh, operation, repeatable=True)
    stamp, delete = (
        _sql.render(wh.namespace, sql, table=wh.namespace.table(table), which=which)
        for sql in (_STAMP, _DELETE)
    )
    try:
        insist(wh, partial(run, stamp, {**params, "undone": undone}))
        insist(wh, partial(run, delete, dict(params)))
    except WarehouseError as error:
        raise NotTakenBack(query_id=error.query_id) from error
