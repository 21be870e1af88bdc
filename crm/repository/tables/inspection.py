"""Statements that find out what is there and what we may do with it (check_connection)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from crm.model.namespace import Namespace
from crm.model.schema import Table
from crm.repository import ddl
from crm.warehouse import Warehouse


@dataclass(frozen=True)
class Found:
    """A column that is there; ``type`` in upper case."""

    type: str
    nullable: bool


def ping(wh: Warehouse) -> None:
    """Run one cheap statement. Raises WarehouseError if the warehouse does not answer."""
    wh.query("SELECT 1 AS one")


def existing(wh: Warehouse) -> set[tuple[str, str]]:
    """The catalog, schema and tables that can be seen, as (what, name in lower case)."""
    sql, params = ddl.list_existing(wh.namespace)
    return {(row["what"], row["name"].lower()) for row in wh.query(sql, params)}


def create_catalog(wh: Warehouse) -> None:
    wh.execute(ddl.create_catalog(wh.namespace), repeatable=True)


def create_schema(wh: Warehouse) -> None:
    wh.execute(ddl.create_schema(wh.namespace), repeatable=True)


def columns(wh: Warehouse) -> dict[str, dict[str, Found]]:
    """By table and column, both in lower case."""
    sql = f"""
    SELECT table_name, column_name, full_data_type, is_nullable
    FROM {wh.namespace.quoted_catalog}.information_schema.columns
    WHERE table_schema = :schema
    """  # noqa: S608 - an identifier that Namespace has checked
    found: dict[str, dict[str, Found]] = {}
    for row in wh.query(sql, {"schema": wh.namespace.schema.lower()}):
        column = Found(row["full_data_type"].upper(), row["is_nullable"] != "NO")
        found.setdefault(row["table_name"].lower(), {})[row["column_name"].lower()] = column
    return found


def read_nothing(wh: Warehouse, table: Table) -> None:
    """Raises what would keep a page from reading the table."""
    key = table.key
    wh.query(f"SELECT `{key}` FROM {wh.namespace.table(table)} LIMIT 0")  # noqa: S608


def change_nothing(wh: Warehouse, table: Table) -> None:
    """Raises what would keep a form from changing the table: a change of no row is refused
    like any other."""
    name, key = wh.namespace.table(table), table.key
    wh.execute(f"UPDATE {name} SET `{key}` = `{key}` WHERE FALSE", repeatable=True)  # noqa: S608


class ThrowAwayTable:
    """A table of our own, to be written to and dropped; beside the real ones."""

    def __init__(self, wh: Warehouse) -> None:
        space: Namespace = wh.namespace
        self._wh = wh
        self.name = f"{space.prefix}connection_check_{uuid.uuid4().hex[:8]}"
        self._quoted = f"{space.quoted_schema}.`{self.name}`"

    def create(self) -> None:
        self._wh.execute(f"CREATE TABLE {self._quoted} (id STRING) USING DELTA", repeatable=False)

    def write(self) -> int:
        """Insert a row, and return how many are there."""
        insert = f"INSERT INTO {self._quoted} (id) VALUES ('a')"  # noqa: S608
        self._wh.execute(insert, repeatable=False)
        return len(self._wh.query(f"SELECT id FROM {self._quoted}"))  # noqa: S608

    def drop(self) -> None:
        self._wh.execute(f"DROP TABLE IF EXISTS {self._quoted}", repeatable=True)
