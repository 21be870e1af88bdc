"""Read whole tables sorted by key, some thousand rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

from crm.model.namespace import quoted
from crm.model.schema import TABLES, Table
from crm.repository import _sql, versions
from crm.repository._sql import Row
from crm.repository.errors import NoSuchMoment
from crm.warehouse import Warehouse
from crm.warehouse.errors import PermissionDenied, StatementFailed

CHUNK = 5_000


def snapshot(wh: Warehouse) -> Warehouse:
    """Return a warehouse that reads the tables as they are now, without later writes.

    If no version can be read, because of row filters or masks, return ``wh`` itself.
    """
    sql = "SELECT 1 AS one FROM {table} LIMIT 1"
    try:
        now, moment = versions.consistent_versions(wh)
        fixed = wh.at(versions.past_namespace(wh.namespace, now, moment))
        for table in TABLES:
            wh.query(_sql.render(wh.namespace, sql, table=fixed.namespace.table(table)))
    except (StatementFailed, PermissionDenied, NoSuchMoment):
        return wh
    return fixed


def rows(wh: Warehouse, table: Table, chunk: int = CHUNK) -> Iterator[Row]:
    """Yield every row, by key. One statement per chunk.

    Rows that others insert meanwhile are included if their keys come after the last key read.
    Duplicates of a key beyond the end of a chunk are left out.
    """
    sql = """
    SELECT {columns} FROM {target} AS t
    WHERE {after} ORDER BY t.{key}, t.created_at LIMIT :chunk
    """
    key = quoted(table.key)
    last: str | None = None
    while True:
        parts = {
            "columns": _sql.names(table.names, "t"),
            "target": wh.namespace.table(table),
            "after": "TRUE" if last is None else f"t.{key} > :last",
            "key": key,
        }
        params = {"chunk": chunk} | ({} if last is None else {"last": last})
        found = wh.query(_sql.render(wh.namespace, sql, **parts), params)
        yield from found
        if len(found) < chunk:
            return
        last = found[-1][table.key]
