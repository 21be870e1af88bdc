"""Writing and reading the table of notes (the fixture ``table``), also with other settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from crm.warehouse import Warehouse
from crm.warehouse.pool import Pools


def insert(wh: Warehouse, table: str, id: str, *, repeatable: bool = False) -> int:
    sql = f"INSERT INTO {table} (id, n) VALUES (:id, 1)"
    return wh.execute(sql, {"id": id}, repeatable=repeatable)


def ids(wh: Warehouse, table: str) -> list[str]:
    return [row["id"] for row in wh.query(f"SELECT id FROM {table} ORDER BY id")]


def with_config(wh: Warehouse, **knobs: Any) -> Warehouse:
    return replace(wh, pools=Pools(replace(wh.pools.config, **knobs)))
