"""Whole tables, read in the order of their keys, some thousand rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crm.schema import Table
from crm.warehouse import Warehouse

from . import _sql

CHUNK = 5_000


def rows(wh: Warehouse, table: Table, chunk: int = CHUNK) -> Iterator[dict[str, Any]]:
    """Every row, by key. Rows that others add meanwhile come along if their key is yet to
    come; a key that stands twice comes once per row of its chunk."""
    sql = """
    SELECT {columns} FROM {target} AS t
    WHERE {after} ORDER BY t.`{key}`, t.created_at LIMIT :chunk
    """
    last: str | None = None
    while True:
        after = "TRUE" if last is None else f"t.`{table.key}` > :last"
        parts = {
            "columns": _sql.columns(table, "t"),
            "target": wh.namespace.table(table),
            "after": after,
            "key": table.key,
        }
        params = {"chunk": chunk} | ({} if last is None else {"last": last})
        found = wh.query(_sql.render(wh.namespace, sql, **parts), params)
        yield from found
        if len(found) < chunk:
            return
        last = found[-1][table.key]
