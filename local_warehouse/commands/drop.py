"""DROP TABLE, DROP SCHEMA and DROP CATALOG."""

from __future__ import annotations

import shutil

from local_warehouse.catalog.objects import Table
from local_warehouse.catalog.securables import MANAGE, schema_securable
from local_warehouse.context import Context
from local_warehouse.errors import SqlError
from local_warehouse.result import NOTHING, Result
from local_warehouse.sql.parsing import Words


def table(words: Words, context: Context) -> Result:
    if_exists = words.accept("IF", "EXISTS")
    node = words.table()
    words.end()
    try:
        found = context.resolver.table(node, MANAGE)
    except SqlError as error:
        not_found = ("TABLE_OR_VIEW_NOT_FOUND", "SCHEMA_NOT_FOUND", "NO_SUCH_CATALOG_EXCEPTION")
        if if_exists and error.error_class in not_found:
            return NOTHING
        raise
    _drop(found, context)
    return NOTHING


def schema(words: Words, context: Context) -> Result:
    if_exists = words.accept("IF", "EXISTS")
    catalog_name, name = context.resolver.schema(words.name()).path
    cascade = words.accept("CASCADE")
    words.accept("RESTRICT")
    words.end()
    entry = context.catalog.catalogs.get(catalog_name)
    if if_exists and (entry is None or name not in entry.schemas):
        return NOTHING
    context.catalog.schema(catalog_name, name)
    context.access.require(MANAGE, schema_securable(catalog_name, name))
    _drop_schema(catalog_name, name, cascade, context)
    return NOTHING


def catalog(words: Words, context: Context) -> Result:
    if_exists = words.accept("IF", "EXISTS")
    (name,) = words.name()
    cascade = words.accept("CASCADE")
    words.accept("RESTRICT")
    words.end()
    if if_exists and name.lower() not in context.catalog.catalogs:
        return NOTHING
    entry = context.catalog.catalog(name)
    context.access.require(MANAGE, context.resolver.catalog_named(name))
    if not cascade and any(schema.tables or schema.functions for schema in entry.schemas.values()):
        raise SqlError("CATALOG_NOT_EMPTY", f"Catalog '{name}' is not empty.", "2BP01")
    for schema_name in list(entry.schemas):
        _drop_schema(name, schema_name, True, context)
    context.catalog.drop_catalog(name)
    return NOTHING


def _drop_schema(catalog_name: str, name: str, cascade: bool, context: Context) -> None:
    found = context.catalog.schema(catalog_name, name)
    if (found.tables or found.functions) and not cascade:
        raise SqlError(
            "SCHEMA_NOT_EMPTY",
            f"Cannot drop a schema `{catalog_name}`.`{name}` because it contains objects.",
            "2BP01",
        )
    tables = list(found.tables.values())
    context.catalog.drop_schema(catalog_name, name)
    for table in tables:
        with context.commits.exclusively(table, context.cancellation):
            _forget(table, context)


def _drop(table: Table, context: Context) -> None:
    with context.commits.exclusively(table, context.cancellation):
        context.catalog.drop_table(table)
        _forget(table, context)


def _forget(table: Table, context: Context) -> None:
    context.engine.forget(table.id)
    context.commits.forget(table)
    context.parts.change_feed.forget(table)
    shutil.rmtree(context.catalog.location(table), ignore_errors=True)
