"""SHOW CATALOGS, SCHEMAS, TABLES, COLUMNS and TBLPROPERTIES."""

from __future__ import annotations

import fnmatch

import pyarrow as pa

from local_warehouse.catalog.securables import catalog_securable, schema_securable, securable_of
from local_warehouse.context import Context
from local_warehouse.result import TEXT, Result, rows
from local_warehouse.sql.parsing import Words


def catalogs(words: Words, context: Context) -> Result:
    wanted = pattern(words)
    context.resolver.require_unity()
    seen = [n for n in context.catalog.catalogs if context.access.can_see(catalog_securable(n))]
    names = [name for name in sorted([*seen, "system"]) if matches(name, wanted)]
    return rows({"catalog": TEXT}, [(name,) for name in names])


def schemas(words: Words, context: Context) -> Result:
    catalog = within(words) or [context.session.namespace.catalog]
    wanted = pattern(words)
    catalog_name = catalog[0]
    schemas = context.catalog.catalog(catalog_name).schemas
    context.access.require("USE CATALOG", catalog_securable(catalog_name))
    seen = [
        name for name in schemas if context.access.can_see(schema_securable(catalog_name, name))
    ]
    names = sorted([*seen, "information_schema"])
    return rows({"databaseName": TEXT}, [(n,) for n in names if matches(n, wanted)])


def tables(words: Words, context: Context) -> Result:
    securable = context.resolver.schema(within(words) or [context.session.namespace.schema])
    wanted = pattern(words)
    found = context.catalog.schema(*securable.path).tables
    context.access.require("USE SCHEMA", securable)
    values = [
        (securable.path[1], name, False)
        for name, table in sorted(found.items())
        if matches(name, wanted) and context.access.can_see(securable_of(table))
    ]
    return rows({"database": TEXT, "tableName": TEXT, "isTemporary": pa.bool_()}, values)


def columns(words: Words, context: Context) -> Result:
    if not words.accept("IN"):
        words.expect("FROM")
    table = context.resolver.table(words.table())
    words.end()
    return rows({"col_name": TEXT}, [(column.name,) for column in table.columns])


def properties(words: Words, context: Context) -> Result:
    table = context.resolver.table(words.table())
    words.end()
    return rows({"key": TEXT, "value": TEXT}, sorted(table.properties.items()))


def within(words: Words) -> list[str] | None:
    """Read an optional ``IN name`` or ``FROM name``."""
    return words.name() if words.accept("IN") or words.accept("FROM") else None


def pattern(words: Words) -> str | None:
    """Read the rest of the command: an optional LIKE pattern (``*`` any text, ``|`` or)."""
    pattern = words.string() if words.accept("LIKE") or words.more else None
    words.end()
    return pattern


def matches(name: str, pattern: str | None) -> bool:
    if pattern is None:
        return True
    options = pattern.lower().split("|")
    return any(fnmatch.fnmatchcase(name, option.strip()) for option in options)
