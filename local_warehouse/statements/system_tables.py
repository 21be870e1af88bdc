"""``information_schema`` and ``system``: the catalog and the statement log as tables.

A query that names one reads a snapshot, written as a Parquet file for the statement's time.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from local_warehouse.catalog import types
from local_warehouse.catalog.objects import SYSTEM_CATALOG, Constraint, Policy, Table
from local_warehouse.catalog.privileges import grants_on
from local_warehouse.catalog.securables import Securable, catalog_, object_, schema_
from local_warehouse.context import Context
from local_warehouse.errors import table_not_found

TEXT, NUMBER, MOMENT = pa.string(), pa.int64(), pa.timestamp("us", tz="UTC")
Rows = list[dict]


def _moment(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _catalog_names(context: Context, catalog: str) -> list[str]:
    """The catalogs that an information_schema covers: its own, or all for ``system``."""
    if catalog == SYSTEM_CATALOG:
        return [n for n in context.catalog.catalogs if context.access.sees(catalog_(n))]
    context.catalog.catalog(catalog)
    context.access.require("USE CATALOG", catalog_(catalog))
    return [catalog]


def _tables(context: Context, catalog: str) -> list[Table]:
    names = _catalog_names(context, catalog)
    return [
        table
        for table in context.catalog.all_tables()
        if table.catalog in names and context.access.sees(object_(table))
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
        for name in _catalog_names(context, catalog)
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
        for name in _catalog_names(context, catalog)
        for schema_name, schema in context.catalog.catalog(name).schemas.items()
        if context.access.sees(schema_(name, schema_name))
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
        for table in _tables(context, catalog)
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
        for table in _tables(context, catalog)
        for position, column in enumerate(table.columns)
    ]


def _constraints(context: Context, catalog: str) -> Iterator[tuple[Table, Constraint]]:
    for table in _tables(context, catalog):
        for constraint in table.constraints:
            yield table, constraint


def _constraint_key(table: Table, constraint: Constraint) -> dict:
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


def row_filters(context: Context, catalog: str) -> Rows:
    return [
        {
            "catalog_name": table.catalog,
            "schema_name": table.schema,
            "table_name": table.name,
            **_function("filter", table.row_filter),
            "filter_col_usage": ", ".join(table.row_filter.columns),
        }
        for table in _tables(context, catalog)
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
        for table in _tables(context, catalog)
        for column in table.columns
        if column.mask is not None
    ]


def _function(prefix: str, policy: Policy) -> dict:
    parts = zip(("catalog", "schema", "name"), policy.function, strict=True)
    return {f"{prefix}_{part}": value for part, value in parts}


def query_history(context: Context, catalog: str) -> Rows:
    return [
        {
            "statement_id": entry.statement_id,
            "executed_by": entry.user,
            "session_id": entry.session_id,
            "execution_status": entry.status,
            "statement_text": entry.text,
            "statement_type": entry.text.split(None, 1)[0].upper() if entry.text.strip() else "",
            "error_message": entry.error,
            "start_time": entry.started_at,
            "end_time": entry.ended_at,
            "total_duration_ms": entry.duration_ms,
            "produced_rows": entry.rows,
            "query_tags": entry.query_tags,
        }
        for entry in context.parts.history.entries()
        if context.access.is_admin or entry.user == context.session.user
    ]


def _privileges(context: Context, place: Securable, names: dict[str, str]) -> Iterator[dict]:
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
        for name in _catalog_names(context, catalog)
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
    for table in _tables(context, catalog):
        names = {
            "table_catalog": table.catalog,
            "table_schema": table.schema,
            "table_name": table.name,
        }
        rows += _privileges(context, object_(table), names)
    return rows


# Rows whose columns are not text.
_TYPES = {
    "created": MOMENT,
    "start_time": MOMENT,
    "end_time": MOMENT,
    "ordinal_position": NUMBER,
    "position_in_unique_constraint": NUMBER,
    "total_duration_ms": NUMBER,
    "produced_rows": NUMBER,
}
_COLUMNS = {
    catalogs: "catalog_name catalog_owner comment created created_by",
    schemata: "catalog_name schema_name schema_owner comment created created_by",
    tables: "table_catalog table_schema table_name table_type is_insertable_into commit_action "
    "table_owner comment created created_by data_source_format storage_path",
    columns: "table_catalog table_schema table_name column_name ordinal_position is_nullable "
    "full_data_type data_type comment column_default",
    table_constraints: "constraint_catalog constraint_schema constraint_name table_catalog "
    "table_schema table_name constraint_type is_deferrable initially_deferred enforced",
    key_column_usage: "constraint_catalog constraint_schema constraint_name table_catalog "
    "table_schema table_name column_name ordinal_position position_in_unique_constraint",
    catalog_privileges: "grantor grantee catalog_name privilege_type is_grantable inherited_from",
    schema_privileges: "grantor grantee catalog_name schema_name privilege_type is_grantable "
    "inherited_from",
    table_privileges: "grantor grantee table_catalog table_schema table_name privilege_type "
    "is_grantable inherited_from",
    row_filters: "catalog_name schema_name table_name filter_catalog filter_schema filter_name "
    "filter_col_usage",
    column_masks: "catalog_name schema_name table_name column_name mask_catalog mask_schema "
    "mask_name mask_col_usage",
    query_history: "statement_id executed_by session_id execution_status statement_text "
    "statement_type error_message start_time end_time total_duration_ms produced_rows query_tags",
}
_INFORMATION_SCHEMA = (
    catalogs,
    schemata,
    tables,
    columns,
    table_constraints,
    key_column_usage,
    catalog_privileges,
    schema_privileges,
    table_privileges,
    row_filters,
    column_masks,
)
SYSTEM_TABLES: dict[str, Callable[[Context, str], Rows]] = {
    **{f"information_schema.{source.__name__}": source for source in _INFORMATION_SCHEMA},
    "query.history": query_history,
}


@contextmanager
def snapshots(context: Context) -> Iterator[Callable[[str], Path]]:
    """Within the block, a function that writes a system table and says where it lies."""
    written: list[Path] = []

    def write(key: str) -> Path:
        catalog, name = key.split(".", 1)
        source = SYSTEM_TABLES.get(name)
        if source is None or (name.startswith("query.") and catalog != SYSTEM_CATALOG):
            raise table_not_found(f"`{key}`")
        names = _COLUMNS[source].split()
        schema = pa.schema([(name, _TYPES.get(name, TEXT)) for name in names])
        path = context.parts.folder / f"snapshot-{uuid.uuid4().hex}.parquet"
        written.append(path)
        pq.write_table(pa.Table.from_pylist(source(context, catalog), schema), path)
        return path

    try:
        yield write
    finally:
        for path in written:
            path.unlink(missing_ok=True)
