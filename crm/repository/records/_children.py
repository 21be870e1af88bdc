"""What use cases and updates have in common: rows with an id of our own, of one account."""

from __future__ import annotations

import datetime as dt
from typing import Any, TypeVar

from crm.model.schema import Table
from crm.repository import _sql
from crm.repository._sql import Values
from crm.repository._writing import write
from crm.repository.errors import Missing, Stale
from crm.warehouse import Warehouse

Record = TypeVar("Record")


def source(table: Table) -> str:
    """A list's source: the rows, with their account's team and business area."""
    return """
  SELECT c.*, a.team, a.business_area
  FROM {child} AS c LEFT JOIN {accounts} AS a ON a.bsnid = c.account_bsnid
""".replace("{child}", "{" + table.name + "}")


def get(wh: Warehouse, table: Table, kind: type[Record], id: str) -> Record | None:
    sql = """
    SELECT {columns}, a.team
    FROM {child} AS c LEFT JOIN {accounts} AS a ON a.bsnid = c.account_bsnid
    WHERE c.id = :id
    """
    columns = _sql.columns(table, "c")
    rows = wh.query(_render(wh, sql, table, columns=columns), {"id": id})
    return _sql.record(kind, rows[0]) if rows else None


def create(wh: Warehouse, table: Table, bsnid: str, id: str, values: Values) -> None:
    """Insert, if the account exists (else Missing). The same id again changes nothing.

    Two statements: whether the account was deleted meanwhile is only sure after the row is there,
    since no transaction spans two tables. Whoever deletes the account looks after that, too.
    """
    sql = """
    MERGE INTO {child} AS t
    USING (
      SELECT CAST(:id AS STRING) AS id, a.bsnid AS account_bsnid, {bound},
        CURRENT_TIMESTAMP() AS now, CAST(:actor AS STRING) AS actor
      FROM {accounts} AS a
      WHERE a.bsnid = :bsnid
    ) AS s
    ON t.id = s.id
    WHEN NOT MATCHED THEN INSERT
      (id, account_bsnid, {names}, created_at, updated_at, created_by, updated_by)
      VALUES (s.id, s.account_bsnid, {sources}, s.now, s.now, s.actor, s.actor)
    """
    parts, params = _sql.insert_parts(table, values)
    params |= {"id": id, "bsnid": bsnid, "actor": wh.actor}
    written = write(wh, _render(wh, sql, table, **parts), params, repeatable=True)
    if not _stands(wh, table, id):
        if written:
            delete(wh, table, id)
        raise Missing(bsnid)


def update(
    wh: Warehouse,
    table: Table,
    kind: type[Record],
    id: str,
    values: Values,
    seen: dt.datetime | None,
) -> None:
    """Raises Stale or Missing. Saving what the row says already writes nothing."""
    sql = """
    UPDATE {child}
    SET {assignments}updated_at = CURRENT_TIMESTAMP(), updated_by = :actor
    WHERE id = :id AND updated_at <=> CAST(:seen AS TIMESTAMP) AND NOT ({same})
    """
    saved = _sql.given(table, values)
    parts = _sql.update_parts(table, list(saved))
    params: dict[str, Any] = {**saved, "id": id, "seen": seen, "actor": wh.actor}
    if write(wh, _render(wh, sql, table, **parts), params, repeatable=True):
        return
    current = get(wh, table, kind, id)
    if current is None:
        raise Missing(id)
    if not _sql.same(current, saved):
        raise Stale(current)


def delete(wh: Warehouse, table: Table, id: str) -> None:
    """Delete the row; stamped first, since a deleted row tells who changed it last."""
    stamp = """
    UPDATE {child} SET updated_at = CURRENT_TIMESTAMP(), updated_by = :actor WHERE id = :id
    """
    sql = """
    DELETE FROM {child} WHERE id = :id
    """
    if write(wh, _render(wh, stamp, table), {"id": id, "actor": wh.actor}, repeatable=True):
        write(wh, _render(wh, sql, table), {"id": id}, repeatable=True)


def _stands(wh: Warehouse, table: Table, id: str) -> bool:
    """Whether the row is there, and its account as well."""
    sql = """
    SELECT 1 AS one FROM {child} AS c JOIN {accounts} AS a ON a.bsnid = c.account_bsnid
    WHERE c.id = :id
    """
    return bool(wh.query(_render(wh, sql, table), {"id": id}))


def _render(wh: Warehouse, sql: str, table: Table, **parts: str) -> str:
    return _sql.render(wh.namespace, sql, child=wh.namespace.table(table), **parts)
