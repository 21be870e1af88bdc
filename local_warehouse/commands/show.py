"""SHOW CATALOGS, SCHEMAS, TABLES, COLUMNS, TBLPROPERTIES."""

from __future__ import annotations

import fnmatch

import pyarrow as pa

from ..context import Context, Result, rows
from ..names import resolve
from ..parsing import Words
from ..system_tables import TEXT


def catalogs(words: Words, context: Context) -> Result:
    pattern = _pattern(words)
    names = [n for n in sorted([*context.catalog.catalogs, "system"]) if _matches(n, pattern)]
    return rows({"catalog": TEXT}, [(name,) for name in names])


def schemas(words: Words, context: Context) -> Result:
    catalog = _within(words) or [context.session.namespace.catalog]
    pattern = _pattern(words)
    names = sorted([*context.catalog.catalog(catalog[0]).schemas, "information_schema"])
    return rows({"databaseName": TEXT}, [(n,) for n in names if _matches(n, pattern)])


def tables(words: Words, context: Context) -> Result:
    namespace = context.session.namespace
    where = _within(words) or [namespace.schema]
    pattern = _pattern(words)
    catalog = where[0] if len(where) == 2 else namespace.catalog
    found = context.catalog.schema(catalog, where[-1]).tables
    values = [
        (where[-1].lower(), name, False) for name in sorted(found) if _matches(name, pattern)
    ]
    return rows({"database": TEXT, "tableName": TEXT, "isTemporary": pa.bool_()}, values)


def columns(words: Words, context: Context) -> Result:
    if not words.accept("IN"):
        words.expect("FROM")
    table = resolve(words.table(), context.session.namespace, context.catalog)
    words.end()
    return rows({"col_name": TEXT}, [(column.name,) for column in table.columns])


def properties(words: Words, context: Context) -> Result:
    table = resolve(words.table(), context.session.namespace, context.catalog)
    words.end()
    return rows({"key": TEXT, "value": TEXT}, sorted(table.properties.items()))


def _within(words: Words) -> list[str] | None:
    return words.name() if words.accept("IN") or words.accept("FROM") else None


def _pattern(words: Words) -> str | None:
    """The rest of the command: an optional LIKE, where ``*`` is any text and ``|`` is or."""
    pattern = words.string() if words.accept("LIKE") or words.more else None
    words.end()
    return pattern


def _matches(name: str, pattern: str | None) -> bool:
    if pattern is None:
        return True
    options = pattern.lower().split("|")
    return any(fnmatch.fnmatchcase(name, option.strip()) for option in options)
