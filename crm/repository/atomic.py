"""Run several statements as one transaction, ``BEGIN ATOMIC … END``, if the warehouse can.

It can if the tables have the table feature ``catalogManaged`` and no row filter or column mask
(https://docs.databricks.com/transactions). The properties of the accounts table show the feature.
Other obstacles, such as a warehouse that takes no parameters in a block, show when the first block
is refused: nothing was changed then, and from then on the statements run step by step.

A transaction makes one version of each table, so the change feed may lack what its statements did
in between. So no block both stamps and deletes a row.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from cachetools import TTLCache

from crm.model.schema import CHANGE_ID, TABLES, Table
from crm.warehouse import Warehouse
from crm.warehouse.errors import (
    ColumnNotFound,
    Refused,
    StatementFailed,
    TooLarge,
    WarehouseError,
    WriteConflict,
)

from . import _sql, _writing, operations
from .operations import Operation

log = logging.getLogger(__name__)

# The error class of RAISE_ERROR, with which a statement stops its transaction.
_STOPPED = "USER_RAISED_EXCEPTION"

_lock = threading.Lock()
_refused: TTLCache[Hashable, bool] = TTLCache(maxsize=200, ttl=_writing.CHECKED_EVERY)

_BLOCK = "BEGIN ATOMIC\n{statements};\nEND"


class NotAtomic(Exception):
    """The block did not run, and changed nothing: run the statements step by step.

    ``finished`` is the number of blocks of the operation that ran before it.
    """

    finished = 0


@dataclass(frozen=True)
class Statement:
    """A write that is safe to repeat, and its parameters.

    The statements of a block share their parameters: one name has one value. ``table`` is set if
    the operation counts the rows that the statement writes.
    """

    sql: str
    params: dict[str, Any]
    table: Table | None = None


def is_possible(wh: Warehouse) -> bool:
    """Return whether to try blocks. Runs no statement that a write would not run."""
    with _lock:
        if wh.cache_key[:2] in _refused:
            return False
    return _writing.has_transactions(wh)


def forget_all() -> None:
    """Forget which warehouses have transactions, so that the next operation asks again."""
    _writing.forget_all()
    with _lock:
        _refused.clear()


def run(wh: Warehouse, operation: Operation, statements: Sequence[Statement]) -> dict[Table, int]:
    """Run the statements as one transaction; return how many rows of each table they wrote.

    Raises NotAtomic, and what ``operations.run`` raises; the answer may be lost, too.
    """
    params: dict[str, Any] = {}
    for statement in statements:
        bound = operations.bound(operation, statement.sql, statement.params)
        if any(params.get(name, value) != value for name, value in bound.items()):
            raise ValueError("two statements of a block give one parameter different values")
        params |= bound
    tables = list(dict.fromkeys(each.table for each in statements if each.table is not None))
    count = operations.counts(wh.namespace, tables)
    block = _sql.fill(_BLOCK, statements=";\n".join([*(s.sql for s in statements), count]))
    try:
        rows = _writing.write_block(wh, block, params | {CHANGE_ID.name: operation.id})
    except (WriteConflict, StatementFailed) as error:
        # A transaction conflicts with every other write to its tables; a single statement does
        # not.
        if _is_lasting(error):
            _note_refusal(wh, error)
        raise NotAtomic from error
    if not rows or "n0" not in rows[0]:
        # A block should return the answer of its last statement; if it does not, read it.
        rows = wh.query(count, {CHANGE_ID.name: operation.id})
    return {table: int(rows[0][f"n{place}"]) for place, table in enumerate(tables)}


@dataclass(frozen=True)
class Hindrance:
    """Why blocks do not run: the warehouse refuses one, or tables lack the table feature."""

    text: str
    is_refusal: bool


def probe(wh: Warehouse) -> Hindrance | None:
    """Return why blocks do not run, or None if they do.

    One statement per table up to the first without the table feature, and a block that changes
    nothing. Raises WarehouseError.
    """
    for table in TABLES:
        if not _writing.is_catalog_managed(wh, table):
            text = f"the table feature catalogManaged is not on {table.name}"
            return Hindrance(text, is_refusal=False)
    nothing = (_sql.change_nothing(wh.namespace, table) for table in TABLES)
    block = _sql.fill(_BLOCK, statements=";\n".join([*nothing, "SELECT :probe AS probe"]))
    try:
        wh.execute_and_read(block, {"probe": "probe"}, repeatable=True)
    except StatementFailed as error:
        return Hindrance(str(error), is_refusal=True)
    return None


def _is_lasting(error: WarehouseError) -> bool:
    """Return whether the next block would also fail."""
    if isinstance(error, (WriteConflict, Refused, TooLarge, ColumnNotFound)):
        return False
    return error.error_class != _STOPPED


def _note_refusal(wh: Warehouse, error: WarehouseError) -> None:
    log.warning("no transactions, so operations run step by step: %s", error)
    with _lock:
        _refused[wh.cache_key[:2]] = True
