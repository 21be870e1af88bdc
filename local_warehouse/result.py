"""The rows that a statement returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

TEXT, NUMBER, MOMENT = pa.string(), pa.int64(), pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Result:
    """A statement's rows; ``modified_rows`` is set for INSERT, UPDATE, DELETE and MERGE."""

    table: pa.Table
    modified_rows: int | None = None


NOTHING = Result(pa.table({}))


def rows(columns: Mapping[str, pa.DataType], values: Sequence[Sequence[object]]) -> Result:
    """Return a result that the warehouse makes itself, such as that of SHOW TABLES."""
    schema = pa.schema(list(columns.items()))
    content = [dict(zip(columns, value, strict=True)) for value in values]
    return Result(pa.Table.from_pylist(content, schema=schema))
