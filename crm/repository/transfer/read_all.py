"""Whole tables, read in the order of their keys, some thousand rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crm.model.schema import TABLES, Table
from crm.repository import _sql
from crm.repository import versions as timeline
from crm.repository.errors import NoSuchMoment
from crm.warehouse import Warehouse
from crm.warehouse.errors import PermissionDenied, StatementFailed

CHUNK = 5_000


def standing_still(wh: Warehouse) -> Warehouse:
    """The tables as they are now, whatever others do while they are read. As they are at each
    statement, where no earlier version can be read: with row filters or masks there is none."""
    try:
        versions, moment = timeline.settled(wh)
        still = wh.at(timeline.past(wh.namespace, versions, moment))
        for table in TABLES:
            wh.query(f"SELECT 1 AS one FROM {still.namespace.table(table)} LIMIT 1")  # noqa: S608
    except (StatementFailed, PermissionDenied, NoSuchMoment):
        return wh
    return still


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
