"""Read the results of statements from a cursor."""

from __future__ import annotations

import datetime as dt
import logging
import tempfile
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any

import pyarrow as pa
from databricks.sql.backend.types import CommandState
from databricks.sql.client import Cursor

from .errors import StatementTimeout

logger = logging.getLogger(__name__)

Row = dict[str, Any]

# The most rows of a large result in memory; the connector itself fetches 10,000 rows.
ROWS_PER_FETCH = 5_000
_BYTES_IN_MEMORY = 4 * 2**20
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class LargeResult:
    """All rows of a result, in a temporary file. They can be read once."""

    def __init__(self, file: IO[bytes], count: int) -> None:
        self._file = file
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Row]:
        with self._file:
            for batch in pa.ipc.open_stream(self._file):
                yield from _rows_of(batch)


def rows(cursor: Cursor) -> list[Row]:
    # Read Arrow directly: the connector's own fetch converts arrays to NumPy and timestamps to
    # pandas.
    return _rows_of(cursor.fetchall_arrow())


def _rows_of(table: pa.Table | pa.RecordBatch) -> list[Row]:
    names = table.column_names
    columns = [_values(column) for column in table.columns]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _values(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """Return the same as Arrow's ``to_pylist``, with timestamps in UTC, in half of its time.

    Columns within lists and structs are converted as a whole, too.
    """
    kind = column.type
    if isinstance(column, pa.ChunkedArray):
        return [value for chunk in column.chunks for value in _values(chunk)]
    if pa.types.is_list(kind):
        items = iter(_values(column.flatten()))
        lengths = column.value_lengths().to_pylist()
        return [None if n is None else list(islice(items, n)) for n in lengths]
    if pa.types.is_struct(kind):
        names = [field.name for field in kind]
        fields = [_values(field) for field in column.flatten()]
        of_rows = zip(*fields, strict=True) if fields else [()] * len(column)
        rows = [dict(zip(names, row, strict=True)) for row in of_rows]
        if not column.null_count:
            return rows
        valid = column.is_valid().to_pylist()
        return [row if is_valid else None for row, is_valid in zip(rows, valid, strict=True)]
    if not (pa.types.is_timestamp(kind) and kind.unit == "us" and kind.tz):
        values: list[Any] = column.to_pylist()
        return values
    # Many rows have the same moment, such as that of their commit.
    numbers = column.view(pa.int64()).to_pylist()
    moments = {n: _EPOCH + dt.timedelta(microseconds=n) for n in {*numbers} - {None}}
    return [moments.get(n) for n in numbers]


def large(cursor: Cursor) -> LargeResult:
    """Copy the whole result to a temporary file."""
    file = tempfile.SpooledTemporaryFile(_BYTES_IN_MEMORY)  # noqa: SIM115 - LargeResult closes it
    batch = cursor.fetchmany_arrow(ROWS_PER_FETCH)
    count = 0
    with pa.ipc.new_stream(file, batch.schema) as writer:
        while batch.num_rows:
            count += batch.num_rows
            writer.write_table(batch)
            batch = cursor.fetchmany_arrow(ROWS_PER_FETCH)
    file.seek(0)
    return LargeResult(file, count)


def changed(cursor: Cursor) -> int:
    """Return the number of rows that the statement changed."""
    if cursor.rowcount >= 0:
        return cursor.rowcount
    # Some warehouses report the number in the result instead; num_affected_rows is the first
    # column.
    found = rows(cursor)
    return int(found[0].get("num_affected_rows") or 0) if found else 0


def require_success(cursor: Cursor) -> None:
    """Raise StatementTimeout for a cancelled statement.

    To the connector a cancelled or timed-out statement is an empty result:
    ``_wait_until_command_done`` checks for ERROR and CLOSED only
    (https://github.com/databricks/databricks-sql-python/issues/470).
    """
    state = getattr(cursor.active_result_set, "status", None)
    if state in (CommandState.CANCELLED, CommandState.FAILED):
        raise StatementTimeout(query_id=cursor.query_id)


def close(cursor: Cursor) -> None:
    """Close the cursor; an error is only logged."""
    try:
        cursor.close()
    except Exception as error:  # noqa: BLE001 - we have the result
        logger.debug("Closing a cursor failed: %s", type(error).__name__)
