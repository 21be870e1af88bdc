"""The catalog of catalogs, schemas, tables and functions, which stands in for Unity Catalog.

It is in memory. Every change writes all of it to ``catalog.json``, atomically, so that it survives
a restart and a kill. Names are case-insensitive and kept in lower case, as Unity Catalog keeps
them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from local_warehouse.errors import SqlError, table_not_found

from .objects import (
    DEFAULT_CATALOG,
    DEFAULT_SCHEMA,
    EVERYBODY,
    SYSTEM_CATALOG,
    CatalogEntry,
    Column,
    Constraint,
    Function,
    Metastore,
    Policy,
    Schema,
    Table,
)

FORMAT = 2
# A JSON object of catalog.json, whose values may have any type.
Json = dict[str, Any]


class Catalog:
    """All names of the warehouse."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "catalog.json"
        self._lock = threading.RLock()
        self.tables_folder = folder / "tables"
        self.tables_folder.mkdir(parents=True, exist_ok=True)
        self.unity = True  # off: a workspace without Unity Catalog
        self.metastore = Metastore()
        self.catalogs: dict[str, CatalogEntry] = {}
        if self._file.exists():
            self._load(orjson.loads(self._file.read_bytes()))
        else:
            self.catalogs[DEFAULT_CATALOG] = CatalogEntry(
                comment="Created with the warehouse", schemas={DEFAULT_SCHEMA: Schema()}
            )
            self._open_to_everybody()

    # --- reading ---
    def location(self, table: Table) -> Path:
        """Return the folder of a table's files."""
        return self.tables_folder / table.id

    def catalog(self, name: str) -> CatalogEntry:
        """Return a catalog. Raises SqlError if it does not exist."""
        try:
            return self.catalogs[name.lower()]
        except KeyError:
            raise SqlError(
                "NO_SUCH_CATALOG_EXCEPTION", f"Catalog '{name}' was not found.", "42704"
            ) from None

    def schema(self, catalog: str, name: str) -> Schema:
        """Return a schema. Raises SqlError if it does not exist."""
        try:
            return self.catalog(catalog).schemas[name.lower()]
        except KeyError:
            raise SqlError(
                "SCHEMA_NOT_FOUND", f"The schema `{catalog}`.`{name}` cannot be found.", "42704"
            ) from None

    def find(self, catalog: str, schema: str, name: str) -> Table | None:
        entry = self.catalogs.get(catalog.lower())
        found = entry.schemas.get(schema.lower()) if entry else None
        return found.tables.get(name.lower()) if found else None

    def table(self, catalog: str, schema: str, name: str) -> Table:
        """Return a table. Raises SqlError if it does not exist."""
        table = self.find(catalog, schema, name)
        if table is None:
            raise table_not_found(f"`{catalog}`.`{schema}`.`{name}`")
        return table

    def by_id(self, table_id: str) -> Table:
        """Return the table with an id. Raises SqlError if it has been dropped."""
        for table in self.all_tables():
            if table.id == table_id:
                return table
        raise table_not_found(table_id)

    def all_tables(self) -> list[Table]:
        with self._lock:
            return [
                table
                for entry in self.catalogs.values()
                for schema in entry.schemas.values()
                for table in schema.tables.values()
            ]

    def find_function(self, catalog: str, schema: str, name: str) -> Function | None:
        entry = self.catalogs.get(catalog.lower())
        found = entry.schemas.get(schema.lower()) if entry else None
        return found.functions.get(name.lower()) if found else None

    # --- changing ---
    def create_catalog(self, name: str, comment: str | None, owner: str) -> None:
        with self._lock:
            if name.lower() in (*self.catalogs, SYSTEM_CATALOG):
                raise SqlError(
                    "CATALOG_ALREADY_EXISTS", f"Catalog '{name}' already exists.", "42710"
                )
            schemas = {DEFAULT_SCHEMA: Schema(owner=owner)}
            self.catalogs[name.lower()] = CatalogEntry(comment, owner, schemas=schemas)
            self.save()

    def create_schema(self, catalog: str, name: str, comment: str | None, owner: str) -> None:
        with self._lock:
            entry = self.catalog(catalog)
            if name.lower() in entry.schemas:
                raise SqlError(
                    "SCHEMA_ALREADY_EXISTS",
                    f"Cannot create schema `{catalog}`.`{name}` because it already exists.",
                    "42P06",
                )
            entry.schemas[name.lower()] = Schema(comment, owner)
            self.save()

    def add_table(self, table: Table) -> None:
        with self._lock:
            schema = self.schema(table.catalog, table.schema)
            if table.name in schema.tables:
                raise table_exists(table.full_name)
            schema.tables[table.name] = table
            self.save()

    def rename_table(self, table: Table, schema: str, name: str) -> None:
        with self._lock:
            target = self.schema(table.catalog, schema)
            if name in target.tables:
                raise table_exists(f"{table.catalog}.{schema}.{name}")
            del self.schema(table.catalog, table.schema).tables[table.name]
            table.schema, table.name = schema, name
            target.tables[name] = table
            table.epoch += 1
            self.save()

    def drop_table(self, table: Table) -> None:
        with self._lock:
            self.schema(table.catalog, table.schema).tables.pop(table.name, None)
            self.save()

    def drop_schema(self, catalog: str, name: str) -> None:
        with self._lock:
            self.schema(catalog, name)
            del self.catalog(catalog).schemas[name.lower()]
            self.save()

    def drop_catalog(self, name: str) -> None:
        with self._lock:
            self.catalog(name)
            del self.catalogs[name.lower()]
            self.save()

    def changed(self, table: Table) -> None:
        """Save a table whose description was changed in place, and raise its epoch."""
        with self._lock:
            table.epoch += 1
            self.save()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Let the block change objects in place, and save them afterwards."""
        with self._lock:
            yield
            self.save()

    def switch_unity(self, on: bool) -> None:
        """Turn Unity Catalog on or off; only tests do."""
        self.unity = on

    def save(self) -> None:
        with self._lock:
            content = {
                "format": FORMAT,
                "metastore": self.metastore,
                "catalogs": self.catalogs,
            }
            temporary = self._file.with_suffix(".tmp")
            with temporary.open("wb") as file:
                # Unlike json, orjson knows dataclasses, and is fast with the thousands of a test.
                file.write(orjson.dumps(content))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._file)

    def _load(self, content: Json) -> None:
        is_older = content.get("format") != FORMAT
        catalogs = content if is_older else content["catalogs"]
        for name, entry in catalogs.items():
            schemas = {key: _schema(schema) for key, schema in entry["schemas"].items()}
            self.catalogs[name] = CatalogEntry(**{**entry, "schemas": schemas})
        if is_older:
            self._open_to_everybody()
        else:
            self.metastore = Metastore(**content["metastore"])

    def _open_to_everybody(self) -> None:
        """Let every user create tables in the default schema."""
        if (entry := self.catalogs.get(DEFAULT_CATALOG)) is None:
            return
        entry.grants[EVERYBODY] = {"USE CATALOG": ""}
        if (schema := entry.schemas.get(DEFAULT_SCHEMA)) is not None:
            schema.grants[EVERYBODY] = {"USE SCHEMA": "", "CREATE TABLE": ""}


def _schema(content: Json) -> Schema:
    functions = {
        name: Function(**{**function, "parameters": [Column(**c) for c in function["parameters"]]})
        for name, function in content.get("functions", {}).items()
    }
    return Schema(**{**content, "tables": _tables(content["tables"]), "functions": functions})


def _tables(content: Json) -> dict[str, Table]:
    return {
        name: Table(
            **{
                **table,
                "row_filter": _policy(table.get("row_filter")),
                "columns": [
                    Column(**{**column, "mask": _policy(column.get("mask"))})
                    for column in table["columns"]
                ],
                "constraints": [Constraint(**c) for c in table["constraints"]],
            }
        )
        for name, table in content.items()
    }


def _policy(content: Json | None) -> Policy | None:
    return None if content is None else Policy(**content)


def table_exists(name: str) -> SqlError:
    return SqlError(
        "TABLE_OR_VIEW_ALREADY_EXISTS",
        f"Cannot create table or view {name} because it already exists.",
        "42P07",
    )
