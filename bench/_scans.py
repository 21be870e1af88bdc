"""Count how often the statements of a page read a table, in the plans that the engine makes."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import TYPE_CHECKING, Any
from unittest import mock

from local_warehouse.engine import Engine

if TYPE_CHECKING:
    from crm.model.schema import Table

Statement = tuple[str, dict[str, Any]]


def count(paths: list[str]) -> dict[str, int]:
    """Return the number of scans by path, without pages that read the past of a table."""
    asked = {path: _statements(path) for path in paths}
    engine = Engine()
    try:
        counts = {path: [_scans(engine, *each) for each in asked[path]] for path in paths}
    finally:
        engine.stop()
    found: dict[str, int] = {}
    for path, numbers in counts.items():
        known = [number for number in numbers if number is not None]
        if len(known) == len(numbers):
            found[path] = sum(known)
    return found


def _statements(path: str) -> list[Statement]:
    """Request the page, and return what it asked of the warehouse."""
    from django.test import Client

    from crm.warehouse import Warehouse

    asked: list[Statement] = []
    query = Warehouse.query

    def record(self: Warehouse, sql: str, params: Any = None) -> Any:
        asked.append((sql, dict(params or {})))
        return query(self, sql, params)

    client = Client()
    client.get(path)
    with mock.patch.object(Warehouse, "query", record):
        client.get(path)
    return asked


def _scans(engine: Engine, sql: str, params: dict[str, Any]) -> int | None:
    """Return how often the statement reads a table; None if it reads versions of one."""
    from django.conf import settings

    from crm.model.own_tables import ALL_TABLES

    if re.search("table_changes|VERSION AS OF|DESCRIBE", sql, re.IGNORECASE):
        return None
    for table in ALL_TABLES:
        sql = sql.replace(settings.NAMESPACE.table(table), _range(table))
    for name, value in params.items():
        sql = re.sub(rf":{name}\b", _literal(value).replace("\\", r"\\"), sql)
    rows = engine.run(f"EXPLAIN {sql}").to_pylist()
    plan = "\n".join(str(value) for row in rows for value in row.values())
    return sum(line.strip().startswith("RangeExec") for line in plan.splitlines())


def _range(table: Table) -> str:
    """Return a subquery in place of the table, so that the engine needs no data."""
    columns = ", ".join(
        f"{_value(column.type)} AS `{column.name}`" for column in table.stored_columns
    )
    return f"(SELECT {columns} FROM (SELECT id + 0 AS id FROM RANGE(1000)))"


def _value(type_: str) -> str:
    if type_ == "DATE":
        return "DATE_ADD(DATE '2026-01-01', id)"
    return "TIMESTAMP_SECONDS(id)" if type_ == "TIMESTAMP" else f"CAST(id AS {type_})"


def _literal(value: object) -> str:
    return f"DATE '{value}'" if isinstance(value, dt.date) else json.dumps(value)
