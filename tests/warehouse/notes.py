"""Writing and reading the table of notes (the fixture ``table``)."""

from __future__ import annotations

from crm.warehouse import Warehouse


def insert(wh: Warehouse, table: str, id: str, *, repeatable: bool = False) -> int:
    sql = f"INSERT INTO {table} (id, n) VALUES (:id, 1)"
    return wh.execute(sql, {"id": id}, repeatable=repeatable)


def ids(wh: Warehouse, table: str) -> list[str]:
    return [row["id"] for row in wh.query(f"SELECT id FROM {table} ORDER BY id")]
