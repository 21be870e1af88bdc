"""Insert a deleted record again; an account with its children."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository import _sql, atomic, chunks
from crm.repository._sql import Row
from crm.repository.atomic import NotAtomic, Statement
from crm.repository.operations import Operation
from crm.repository.transfer import upsert
from crm.warehouse import Warehouse

# Stops the transaction if somebody has created another account with the key: the children do not
# belong to it.
_OURS = """
UPDATE {accounts} SET change_id = RAISE_ERROR(CONCAT('another account has the key ', bsnid))
WHERE bsnid = :key AND NOT (change_id <=> :change_id)
"""


def insert_together(
    wh: Warehouse,
    bsnid: str,
    rows: Mapping[Table, list[Row]],
    operation: Operation,
    must_be_new: bool,
) -> dict[Table, int] | None:
    """Insert an account and its children as one transaction, and return the number of rows by
    table.

    Returns None, and inserts nothing, if the warehouse has no transactions, or if the account
    exists and ``must_be_new``. Raises WarehouseError.
    """
    if sum(map(len, rows.values())) < 2 or not atomic.is_possible(wh):
        return None
    statements: list[Statement] = []
    for of in TABLES:
        for _, chunk in named_chunks(of, ACCOUNTS, rows.get(of, [])):
            name = f"rows{len(statements)}"
            sql, params = upsert.statement(
                wh, of, chunk, operation, overwrite=False, parameter=name
            )
            statements.append(Statement(sql, params, of))
    if must_be_new:
        statements.insert(1, Statement(_sql.render(wh.namespace, _OURS), {"key": bsnid}))
    try:
        written = atomic.run(wh, operation, statements)
    except NotAtomic:
        return None
    return written if any(written.values()) else None


def named_chunks(table: Table, reverted: Table, rows: list[Row]) -> Iterator[tuple[str, str]]:
    """Yield the rows as chunks, each with the name of the step that inserts it."""
    texts = (json.dumps(cells(table, row), ensure_ascii=False) for row in rows)
    parts = list(chunks.arrays(texts))
    name = f"the {table.singular}" if table is reverted else f"its {table.plural}"
    for number, chunk in enumerate(parts, 1):
        part = f" (part {number} of {len(parts)})" if len(parts) > 1 else ""
        yield f"Bring back {name}{part}", chunk


def cells(table: Table, row: Row) -> list[str | None]:
    """Return the row's values without ``updated_at`` and ``updated_by``, which upsert sets."""
    kept = {**row, "updated_at": None, "updated_by": None}
    return [None if kept.get(name) is None else str(kept[name]) for name in table.names]
