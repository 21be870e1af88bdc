"""The tables of ``information_schema`` that list objects: one row function per table.

Each function takes the statement's context and the catalog whose information_schema is read, and
returns the rows that the user may see.
https://docs.databricks.com/sql/language-manual/sql-ref-information-schema
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from local_warehouse.catalog import types
from local_warehouse.catalog.objects import SYSTEM_CATALOG, Constraint, Table
from local_warehouse.catalog.securables import catalog_securable, schema_securable, securable_of
from local_warehouse.context import Context

Row = dict[str, object]
Rows = list[Row]


def _moment(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def catalog_names(context: Context, catalog: str) -> list[str]:
    """Return the catalogs that an information_schema covers: its own, or all for ``system``."""
    if catalog == SYSTEM_CATALOG:
        return [
            n for n in context.catalog.catalogs if context.access.can_see(catalog_securable(n))
        ]
    context.catalog.catalog(catalog)
    context.access.require("USE CATALOG", catalog_securable(catalog))
    return [catalog]


def visible_tables(context: Context, catalog: str) -> list[Table]:
    """Return the tables of these catalogs that the user may see."""
    names = catalog_names(context, catalog)
    return [
        table
        for table in context.catalog.all_tables()
        if table.catalog in names and context.access.can_see(securable_of(table))
    ]


def catalogs(context: Context, catalog: str) -> Rows:
    return [
        {
            "catalog_name": name,
            "catalog_owner": entry.owner,
            "comment": entry.comment,
            "created": _moment(entry.created_at),
            "created_by": entry.owner,
        }
        for name in catalog_names(context, catalog)
        for entry in [context.catalog.catalog(name)]
    ]


def schemata(context: Context, catalog: str) -> Rows:
    return [
        {
            "catalog_name": name,
            "schema_name": schema_name,
            "schema_owner": schema.owner,
            "comment": schema.comment,
            "created": _moment(schema.created_at),
            "created_by": schema.owner,
        }
        for name in catalog_names(context, catalog)
        for schema_name, schema in context.catalog.catalog(name).schemas.items()
        if context.access.can_see(schema_securable(name, schema_name))
    ]


def tables(context: Context, catalog: str) -> Rows:
    return [
        {
            "table_catalog": table.catalog,
            "table_schema": table.schema,
            "table_name": table.name,
            "table_type": "MANAGED",
            "is_insertable_into": "YES",
            "commit_action": "PRESERVE",
            "table_owner": table.owner,
            "comment": table.comment,
            "created": _moment(table.created_at),
            "created_by": table.owner,
            "data_source_format": "DELTA",
            "storage_path": str(context.catalog.location(table)),
        }
        for table in visible_tables(context, catalog)
    ]


def columns(context: Context, catalog: str) -> Rows:
    return [
        {
            "table_catalog": table.catalog,
            "table_schema": table.schema,
            "table_name": table.name,
            "column_name": column.name,
            "ordinal_position": position,
            "is_nullable": "YES" if column.nullable else "NO",
            "full_data_type": types.shown(column.type),
            "data_type": column.type.split("<")[0].split("(")[0].upper(),
            "comment": column.comment,
            "column_default": column.default,
        }
        for table in visible_tables(context, catalog)
        for position, column in enumerate(table.columns)
    ]


def _constraints(context: Context, catalog: str) -> Iterator[tuple[Table, Constraint]]:
    for table in visible_tables(context, catalog):
        for constraint in table.constraints:
            yield table, constraint


def _constraint_key(table: Table, constraint: Constraint) -> Row:
    return {
        "constraint_catalog": table.catalog,
        "constraint_schema": table.schema,
        "constraint_name": constraint.name,
        "table_catalog": table.catalog,
        "table_schema": table.schema,
        "table_name": table.name,
    }


def table_constraints(context: Context, catalog: str) -> Rows:
    return [
        {
            **_constraint_key(table, constraint),
            "constraint_type": constraint.kind,
            "is_deferrable": "YES",
            "initially_deferred": "YES",
            "enforced": "NO",
        }
        for table, constraint in _constraints(context, catalog)
    ]


def key_column_usage(context: Context, catalog: str) -> Rows:
    return [
        {
            **_constraint_key(table, constraint),
            "column_name": column,
            "ordinal_position": position,
            "position_in_unique_constraint": position if constraint.references else None,
        }
        for table, constraint in _constraints(context, catalog)
        for position, column in enumerate(constraint.columns, start=1)
    ]
