"""Find out which tables exist and which rights a person has on them, for check_connection."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from crm.model.namespace import quoted
from crm.model.schema import Table
from crm.repository import _sql, ddl
from crm.warehouse import Warehouse

_COLUMNS = """
SELECT table_name, column_name, full_data_type, is_nullable
FROM {catalog}.information_schema.columns
WHERE table_schema = :schema
"""


@dataclass(frozen=True)
class Found:
    """An existing column; ``type`` is in upper case."""

    type: str
    nullable: bool


def ping(wh: Warehouse) -> None:
    """Run one cheap statement. Raises WarehouseError if the warehouse does not answer."""
    wh.query("SELECT 1 AS one")


def existing(wh: Warehouse) -> set[tuple[str, str]]:
    """Return the catalog, schema and tables that can be seen, as (what, name in lower case)."""
    sql, params = ddl.list_existing(wh.namespace)
    return {(row["what"], row["name"].lower()) for row in wh.query(sql, params)}


def create_catalog(wh: Warehouse) -> None:
    wh.execute(ddl.create_catalog(wh.namespace), repeatable=True)


def create_schema(wh: Warehouse) -> None:
    wh.execute(ddl.create_schema(wh.namespace), repeatable=True)


def columns(wh: Warehouse) -> dict[str, dict[str, Found]]:
    """Return the schema's columns by table and name, both in lower case."""
    sql = _sql.render(wh.namespace, _COLUMNS, catalog=wh.namespace.quoted_catalog)
    found: dict[str, dict[str, Found]] = {}
    for row in wh.query(sql, {"schema": wh.namespace.schema.lower()}):
        column = Found(row["full_data_type"].upper(), row["is_nullable"] != "NO")
        found.setdefault(row["table_name"].lower(), {})[row["column_name"].lower()] = column
    return found


def read_nothing(wh: Warehouse, table: Table) -> None:
    """Read no rows. Raises the error that a page which reads the table would get."""
    wh.query(_on(wh, table, "SELECT {key} FROM {table} LIMIT 0"))


def change_nothing(wh: Warehouse, table: Table) -> None:
    """Run an UPDATE of no row. Raises the error that a form which changes the table would get.

    The warehouse refuses it like any other UPDATE.
    """
    wh.execute(_sql.change_nothing(wh.namespace, table), repeatable=True)


def _on(wh: Warehouse, table: Table, template: str) -> str:
    parts = {"table": wh.namespace.table(table), "key": quoted(table.key)}
    return _sql.render(wh.namespace, template, **parts)


class ThrowAwayTable:
    """A temporary table in the schema, which is created, written to and dropped."""

    def __init__(self, wh: Warehouse) -> None:
        self._wh = wh
        name = f"connection_check_{uuid.uuid4().hex[:8]}"
        self.name = f"{wh.namespace.prefix}{name}"
        self._quoted = wh.namespace.place(name)

    def create(self) -> None:
        self._execute("CREATE TABLE {table} (id STRING) USING DELTA")

    def write(self) -> int:
        """Insert a row, and return how many rows the table has."""
        self._execute("INSERT INTO {table} (id) VALUES ('a')")
        return len(self._wh.query(self._render("SELECT id FROM {table}")))

    def drop(self) -> None:
        self._execute("DROP TABLE IF EXISTS {table}", repeatable=True)

    def _execute(self, template: str, *, repeatable: bool = False) -> None:
        self._wh.execute(self._render(template), repeatable=repeatable)

    def _render(self, template: str) -> str:
        return _sql.render(self._wh.namespace, template, table=self._quoted)
