"""The metadata calls, as of JDBC, that list catalogs, schemas, tables and columns.

Patterns are SQL LIKE patterns: ``%`` is any text, ``_`` any character.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import ttypes

from local_warehouse.catalog.catalog import Catalog
from local_warehouse.catalog.objects import Column, Table
from local_warehouse.catalog.privileges import Access
from local_warehouse.catalog.securables import catalog_securable, schema_securable, securable_of

_JDBC_TYPES = {
    "BOOLEAN": 16, "TINYINT": -6, "SMALLINT": 5, "INT": 4, "BIGINT": -5, "FLOAT": 6,
    "DOUBLE": 8, "DECIMAL": 3, "STRING": 12, "BINARY": -2, "DATE": 91, "TIMESTAMP": 93,
    "TIMESTAMP_NTZ": 93, "ARRAY": 2003, "MAP": 2000, "STRUCT": 2002,
}  # fmt: skip


def _matcher(pattern: str | None) -> Callable[[str], bool]:
    if not pattern:
        return lambda name: True
    parts = (".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern)
    expression = re.compile("".join(parts), re.IGNORECASE)
    return lambda name: expression.fullmatch(name) is not None


def catalogs(catalog: Catalog, access: Access, req: ttypes.TGetCatalogsReq) -> pa.Table:
    seen = sorted(name for name in catalog.catalogs if access.can_see(catalog_securable(name)))
    return pa.table({"TABLE_CAT": pa.array(seen, pa.string())})


def schemas(catalog: Catalog, access: Access, req: ttypes.TGetSchemasReq) -> pa.Table:
    in_catalog, like = _matcher(req.catalogName), _matcher(req.schemaName)
    found = [
        {"TABLE_SCHEM": schema, "TABLE_CATALOG": name}
        for name, entry in sorted(catalog.catalogs.items())
        for schema in sorted(entry.schemas)
        if in_catalog(name) and like(schema) and access.can_see(schema_securable(name, schema))
    ]
    return _table(found, "TABLE_SCHEM TABLE_CATALOG")


def _matching_tables(
    catalog: Catalog, access: Access, req: ttypes.TGetTablesReq | ttypes.TGetColumnsReq
) -> Iterator[Table]:
    in_catalog, in_schema = _matcher(req.catalogName), _matcher(req.schemaName)
    like = _matcher(req.tableName)
    for table in sorted(catalog.all_tables(), key=lambda table: table.full_name):
        matches = in_catalog(table.catalog) and in_schema(table.schema) and like(table.name)
        if matches and access.can_see(securable_of(table)):
            yield table


def tables(catalog: Catalog, access: Access, req: ttypes.TGetTablesReq) -> pa.Table:
    wanted = {kind.upper() for kind in req.tableTypes or ()}
    found = [
        {
            "TABLE_CAT": table.catalog,
            "TABLE_SCHEM": table.schema,
            "TABLE_NAME": table.name,
            "TABLE_TYPE": "TABLE",
            "REMARKS": table.comment or "",
        }
        for table in _matching_tables(catalog, access, req)
        if not wanted or "TABLE" in wanted
    ]
    return _table(found, "TABLE_CAT TABLE_SCHEM TABLE_NAME TABLE_TYPE REMARKS")


def columns(catalog: Catalog, access: Access, req: ttypes.TGetColumnsReq) -> pa.Table:
    like = _matcher(req.columnName)
    found = [
        {
            "TABLE_CAT": table.catalog,
            "TABLE_SCHEM": table.schema,
            "TABLE_NAME": table.name,
            "COLUMN_NAME": column.name,
            "DATA_TYPE": _JDBC_TYPES.get(_base_type(column), 1111),
            "TYPE_NAME": column.type,
            "NULLABLE": int(column.nullable),
            "REMARKS": column.comment or "",
            "ORDINAL_POSITION": position,
            "IS_NULLABLE": "YES" if column.nullable else "NO",
        }
        for table in _matching_tables(catalog, access, req)
        for position, column in enumerate(table.columns)
        if like(column.name)
    ]
    return _table(
        found,
        "TABLE_CAT TABLE_SCHEM TABLE_NAME COLUMN_NAME DATA_TYPE TYPE_NAME NULLABLE REMARKS "
        "ORDINAL_POSITION IS_NULLABLE",
    )


def _base_type(column: Column) -> str:
    return re.split(r"[<(]", column.type)[0]


def _table(found: Sequence[Mapping[str, object]], names: str) -> pa.Table:
    numbers = ("DATA_TYPE", "NULLABLE", "ORDINAL_POSITION")
    schema = [(name, pa.int32() if name in numbers else pa.string()) for name in names.split()]
    return pa.Table.from_pylist(list(found), pa.schema(schema))
