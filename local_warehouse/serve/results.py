"""Results on the wire: Arrow schemas, batches and pages, as the connector reads them."""

from __future__ import annotations

import datetime as dt
import json

import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import ttypes

from local_warehouse.errors import unsupported

# Small batches, so that a page is not much larger than the client asked for.
ROWS_PER_BATCH = 4096

_SIMPLE = {
    pa.bool_(): ttypes.TTypeId.BOOLEAN_TYPE,
    pa.int8(): ttypes.TTypeId.TINYINT_TYPE,
    pa.int16(): ttypes.TTypeId.SMALLINT_TYPE,
    pa.int32(): ttypes.TTypeId.INT_TYPE,
    pa.int64(): ttypes.TTypeId.BIGINT_TYPE,
    pa.float32(): ttypes.TTypeId.FLOAT_TYPE,
    pa.float64(): ttypes.TTypeId.DOUBLE_TYPE,
    pa.string(): ttypes.TTypeId.STRING_TYPE,
    pa.binary(): ttypes.TTypeId.BINARY_TYPE,
    pa.date32(): ttypes.TTypeId.DATE_TYPE,
    pa.null(): ttypes.TTypeId.NULL_TYPE,
}


def to_wire(table: pa.Table, complex_as_arrow: bool) -> pa.Table:
    """Return the table in the Arrow types that Databricks sends. Raises SqlError.

    Unless ``complex_as_arrow``, nested values become JSON text.
    """
    columns, fields = [], []
    for field, column in zip(table.schema, table.columns, strict=True):
        wanted = _wire_type(field.type)
        if pa.types.is_duration(field.type):
            texts = [None if v is None else _day_time(v) for v in column.to_pylist()]
            column = pa.chunked_array([pa.array(texts, pa.string())])
        if pa.types.is_nested(wanted) and not complex_as_arrow:
            texts = [None if v is None else json.dumps(v, default=str) for v in column.to_pylist()]
            column, wanted = pa.chunked_array([pa.array(texts, pa.string())]), pa.string()
        columns.append(column if column.type == wanted else column.cast(wanted))
        fields.append(pa.field(field.name, wanted))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _day_time(value: dt.timedelta) -> str:
    """Return an interval as Databricks writes it for clients: ``1 02:03:04.000000000``."""
    sign, value = ("-", -value) if value < dt.timedelta(0) else ("", value)
    hours, rest = divmod(value.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{sign}{value.days} {hours:02}:{minutes:02}:{seconds:02}.{value.microseconds:06}000"


def _wire_type(kind: pa.DataType) -> pa.DataType:
    if kind.id == pa.lib.Type_INTERVAL_MONTHS:
        raise unsupported("year-month intervals in results")
    if pa.types.is_duration(kind):
        return pa.string()
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", tz=kind.tz and "Etc/UTC")
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, _wire_type(f.type)) for f in kind])
    if pa.types.is_map(kind):
        return pa.map_(_wire_type(kind.key_type), _wire_type(kind.item_type))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(_wire_type(kind.value_type))
    return kind


def thrift_schema(schema: pa.Schema) -> ttypes.TTableSchema:
    return ttypes.TTableSchema(
        columns=[
            ttypes.TColumnDesc(
                columnName=field.name,
                typeDesc=ttypes.TTypeDesc([ttypes.TTypeEntry(primitiveEntry=_entry(field.type))]),
                position=position,
            )
            for position, field in enumerate(schema, start=1)
        ]
    )


def _entry(kind: pa.DataType) -> ttypes.TPrimitiveTypeEntry:
    if pa.types.is_decimal(kind):
        qualifiers = {
            "precision": ttypes.TTypeQualifierValue(i32Value=kind.precision),
            "scale": ttypes.TTypeQualifierValue(i32Value=kind.scale),
        }
        return ttypes.TPrimitiveTypeEntry(
            ttypes.TTypeId.DECIMAL_TYPE, ttypes.TTypeQualifiers(qualifiers)
        )
    return ttypes.TPrimitiveTypeEntry(type_id(kind))


def type_id(kind: pa.DataType) -> int:
    if pa.types.is_timestamp(kind):
        return ttypes.TTypeId.TIMESTAMP_TYPE
    if pa.types.is_struct(kind):
        return ttypes.TTypeId.STRUCT_TYPE
    if pa.types.is_map(kind):
        return ttypes.TTypeId.MAP_TYPE
    if pa.types.is_list(kind):
        return ttypes.TTypeId.ARRAY_TYPE
    return _SIMPLE.get(kind, ttypes.TTypeId.STRING_TYPE)


class Pages:
    """A result read forward, page by page."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self.offset = 0

    @property
    def more(self) -> bool:
        return bool(self.offset < self.table.num_rows)

    def next(self, max_rows: int, max_bytes: int) -> ttypes.TRowSet:
        """Return the next rows: as many as both limits allow, and at least one batch."""
        start = self.offset
        left = self.table.num_rows - start
        wanted = self.table.slice(start, min(left, max_rows) if max_rows > 0 else left)
        batches: list[ttypes.TSparkArrowBatch] = []
        size = 0
        for batch in wanted.combine_chunks().to_batches(max_chunksize=ROWS_PER_BATCH):
            data = batch.serialize().to_pybytes()
            if batches and size + len(data) > max_bytes > 0:
                break
            batches.append(ttypes.TSparkArrowBatch(batch=data, rowCount=batch.num_rows))
            size += len(data)
            self.offset += batch.num_rows
        return ttypes.TRowSet(startRowOffset=start, rows=[], arrowBatches=batches)
