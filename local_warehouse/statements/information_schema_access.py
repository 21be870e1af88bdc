"""The tables of ``information_schema`` about access: privileges, row filters, column masks."""

from __future__ import annotations

from collections.abc import Iterator

from local_warehouse.catalog.objects import Policy
from local_warehouse.catalog.privileges import grants_on
from local_warehouse.catalog.securables import Securable, catalog_, object_, schema_
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


def _privileges(context: Context, place: Securable, names: dict[str, str]) -> Iterator[Row]:
    """Grants on one object and what it lies in; all for its owner, for others their own."""
    everything = context.access.owns(place)
    for grant in grants_on(context.catalog, place):
        if everything or grant.principal in context.access.names:
            yield {
                "grantor": grant.grantor,
                "grantee": grant.principal,
                **names,
                "privilege_type": grant.privilege,
                "is_grantable": "NO",
                "inherited_from": "NONE" if grant.securable == place else grant.securable.kind,
            }


def catalog_privileges(context: Context, catalog: str) -> Rows:
    return [
        row
        for name in catalog_names(context, catalog)
        for row in _privileges(context, catalog_(name), {"catalog_name": name})
    ]


def schema_privileges(context: Context, catalog: str) -> Rows:
    rows: Rows = []
    for schema in schemata(context, catalog):
        names = {key: schema[key] for key in ("catalog_name", "schema_name")}
        rows += _privileges(context, schema_(*names.values()), names)
    return rows


def table_privileges(context: Context, catalog: str) -> Rows:
    rows: Rows = []
    for table in visible_tables(context, catalog):
        names = {
            "table_catalog": table.catalog,
            "table_schema": table.schema,
            "table_name": table.name,
        }
        rows += _privileges(context, object_(table), names)
    return rows
