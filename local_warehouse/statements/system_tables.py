"""``information_schema`` and ``system``: the catalog and the statement log as tables.

A query that names a system table reads a snapshot of it: a Parquet file that exists for as long
as the statement runs.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from local_warehouse.catalog.objects import SYSTEM_CATALOG
from local_warehouse.context import Context
from local_warehouse.errors import table_not_found
from local_warehouse.query_history import parse_tags
from local_warehouse.result import MOMENT, NUMBER, TEXT

from . import information_schema, information_schema_access
from .information_schema import Rows

# As the documentation of system.query.history has them; others have the same name.
_STATUSES = {"ERROR": "FAILED", "TIMEDOUT": "CANCELED"}


def query_history(context: Context, catalog: str) -> Rows:
    return [
        {
            "statement_id": entry.statement_id,
            "executed_by": entry.user,
            "session_id": entry.session_id,
            "execution_status": _STATUSES.get(entry.status, entry.status),
            "statement_text": entry.text,
            "statement_type": entry.text.split(None, 1)[0].upper() if entry.text.strip() else "",
            "error_message": entry.error,
            "start_time": entry.started_at,
            "end_time": entry.ended_at,
            "total_duration_ms": entry.duration_ms,
            "produced_rows": entry.rows,
            "from_result_cache": entry.from_result_cache,
            "query_tags": parse_tags(entry.query_tags),
            "workspace_id": "local",
            "compute": {"type": "WAREHOUSE", "warehouse_id": "local"},
            "executed_as": entry.user,
            "execution_duration_ms": entry.duration_ms,
            "update_time": entry.ended_at or entry.started_at,
        }
        for entry in context.parts.history.entries()
        if context.access.is_admin or entry.user == context.session.user
    ]


# What Databricks measures and this warehouse does not: the columns exist, and are empty.
_UNKNOWN = (
    "waiting_for_compute_duration_ms waiting_at_capacity_duration_ms compilation_duration_ms "
    "total_task_duration_ms result_fetch_duration_ms read_partitions pruned_files read_files "
    "read_rows read_bytes read_io_cache_percent spilled_local_bytes written_bytes "
    "shuffle_read_bytes"
)
# The types of the columns that are not text.
_TYPES = {
    **dict.fromkeys(_UNKNOWN.split(), NUMBER),
    "execution_duration_ms": NUMBER,
    "update_time": MOMENT,
    "query_tags": pa.map_(TEXT, TEXT),
    "compute": pa.struct([(name, TEXT) for name in ("type", "cluster_id", "warehouse_id")]),
    "created": MOMENT,
    "start_time": MOMENT,
    "end_time": MOMENT,
    "ordinal_position": NUMBER,
    "position_in_unique_constraint": NUMBER,
    "total_duration_ms": NUMBER,
    "produced_rows": NUMBER,
    "from_result_cache": pa.bool_(),
}


@dataclass(frozen=True)
class SystemTable:
    """The names of a system table's columns, separated by spaces, and where its rows are from."""

    rows: Callable[[Context, str], Rows]
    columns: str

    def read(self, context: Context, catalog: str) -> pa.Table:
        schema = pa.schema([(name, _TYPES.get(name, TEXT)) for name in self.columns.split()])
        return pa.Table.from_pylist(self.rows(context, catalog), schema)


SYSTEM_TABLES = {
    "information_schema.catalogs": SystemTable(
        information_schema.catalogs,
        "catalog_name catalog_owner comment created created_by",
    ),
    "information_schema.schemata": SystemTable(
        information_schema.schemata,
        "catalog_name schema_name schema_owner comment created created_by",
    ),
    "information_schema.tables": SystemTable(
        information_schema.tables,
        "table_catalog table_schema table_name table_type is_insertable_into "
        "commit_action table_owner comment created created_by data_source_format "
        "storage_path",
    ),
    "information_schema.columns": SystemTable(
        information_schema.columns,
        "table_catalog table_schema table_name column_name ordinal_position is_nullable "
        "full_data_type data_type comment column_default",
    ),
    "information_schema.table_constraints": SystemTable(
        information_schema.table_constraints,
        "constraint_catalog constraint_schema constraint_name table_catalog table_schema "
        "table_name constraint_type is_deferrable initially_deferred enforced",
    ),
    "information_schema.key_column_usage": SystemTable(
        information_schema.key_column_usage,
        "constraint_catalog constraint_schema constraint_name table_catalog table_schema "
        "table_name column_name ordinal_position position_in_unique_constraint",
    ),
    "information_schema.catalog_privileges": SystemTable(
        information_schema_access.catalog_privileges,
        "grantor grantee catalog_name privilege_type is_grantable inherited_from",
    ),
    "information_schema.schema_privileges": SystemTable(
        information_schema_access.schema_privileges,
        "grantor grantee catalog_name schema_name privilege_type is_grantable inherited_from",
    ),
    "information_schema.table_privileges": SystemTable(
        information_schema_access.table_privileges,
        "grantor grantee table_catalog table_schema table_name privilege_type "
        "is_grantable inherited_from",
    ),
    "information_schema.row_filters": SystemTable(
        information_schema_access.row_filters,
        "catalog_name schema_name table_name filter_catalog filter_schema filter_name "
        "filter_col_usage",
    ),
    "information_schema.column_masks": SystemTable(
        information_schema_access.column_masks,
        "catalog_name schema_name table_name column_name mask_catalog mask_schema "
        "mask_name mask_col_usage",
    ),
    "query.history": SystemTable(
        query_history,
        "account_id workspace_id statement_id executed_by session_id execution_status compute "
        "executed_by_user_id statement_text statement_type error_message client_application "
        "client_driver total_duration_ms execution_duration_ms start_time end_time update_time "
        f"produced_rows from_result_cache executed_as executed_as_user_id query_tags {_UNKNOWN}",
    ),
}


@contextmanager
def snapshots(context: Context) -> Iterator[Callable[[str], Path]]:
    """Give the block a function that writes a system table and returns the file's path.

    The function takes the table's qualified name; it raises SqlError for an unknown one. The
    files are deleted when the block ends.
    """
    written: list[Path] = []

    def write(key: str) -> Path:
        catalog, name = key.split(".", 1)
        table = SYSTEM_TABLES.get(name)
        if table is None or (name.startswith("query.") and catalog != SYSTEM_CATALOG):
            raise table_not_found(f"`{key}`")
        path = context.parts.folder / f"snapshot-{uuid.uuid4().hex}.parquet"
        written.append(path)
        pq.write_table(table.read(context, catalog), path)
        return path

    try:
        yield write
    finally:
        for path in written:
            path.unlink(missing_ok=True)
