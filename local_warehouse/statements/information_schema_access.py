"""The tables of ``information_schema`` about access: privileges, row filters, column masks."""

from __future__ import annotations

from collections.abc import Iterator

from local_warehouse.catalog.objects import Policy
from local_warehouse.catalog.privileges import grants_on
from local_warehouse.catalog.securables import (
    Securable,
    catalog_securable,
    schema_securable,
    securable_of,
)
from local_warehouse.context import Context

from .information_schema import Row, Rows, catalog_names, schemata, visible_tables


def row_filters(context: Context, catalog: str) -> Rows:
    return [
        {
            "catalog_name": table.catalog,
            "schema_name": table.schema,
            "table_name": table.name,
            **_function("filter", table.row_filter),
            "filter_col_usage": ", ".join(table.row_filter.columns),
        }
        for table in visible_tables(context, catalog)
        if table.row_filter is not None
    ]


def column_masks(context: Context, catalog: str) -> Rows:
    return [
        {
            "catalog_name": table.catalog,
            "schema_name": table.schema,
            "table_name": table.name,
            "column_name": column.name,
            **_function("mask", column.mask),
            "mask_col_usage": ", ".join(column.mask.columns) or None,
        }
        for table in visible_tables(context, catalog)
        for column in table.columns
        if column.mask is not None
    ]


def _function(prefix: str, policy: Policy) -> Row:
    parts = zip(("catalog", "schema", "name"), policy.function, strict=True)
    return {f"{prefix}_{part}": value for part, value in parts}


def _privileges(context: Context, securable: Securable, names: dict[str, str]) -> Iterator[Row]:
    """Yield the grants on an object, inherited ones too; only its owner sees those of others."""
    sees_all = context.access.owns(securable)
    for grant in grants_on(context.catalog, securable):
        if sees_all or grant.principal in context.access.names:
            yield {
                "grantor": grant.grantor,
                "grantee": grant.principal,
                **names,
                "privilege_type": grant.privilege,
                "is_grantable": "NO",
                "inherited_from": "NONE" if grant.securable == securable else grant.securable.kind,
            }


def catalog_privileges(context: Context, catalog: str) -> Rows:
    return [
        row
        for name in catalog_names(context, catalog)
        for row in _privileges(context, catalog_securable(name), {"catalog_name": name})
    ]


def schema_privileges(context: Context, catalog: str) -> Rows:
    rows: Rows = []
    for schema in schemata(context, catalog):
        names = {key: str(schema[key]) for key in ("catalog_name", "schema_name")}
        rows += _privileges(context, schema_securable(*names.values()), names)
    return rows


def table_privileges(context: Context, catalog: str) -> Rows:
    rows: Rows = []
    for table in visible_tables(context, catalog):
        names = {
            "table_catalog": table.catalog,
            "table_schema": table.schema,
            "table_name": table.name,
        }
        rows += _privileges(context, securable_of(table), names)
    return rows
