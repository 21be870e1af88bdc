"""Insert many rows in one statement. They travel as one JSON parameter."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from crm.model.namespace import quoted
from crm.model.schema import Table
from crm.repository import _match, _sql, operations
from crm.warehouse import Warehouse

# A statement's parameters may hold 1 MB together
# (https://github.com/databricks/databricks-sql-python, docs/parameters.md).
CHUNK_BYTES = 700_000
CHUNK_ROWS = 5_000

_SQL = """
MERGE INTO {target} AS t
USING (
  SELECT {values}
  FROM (SELECT EXPLODE(FROM_JSON(:rows, 'array<struct<{fields}>>')) AS r) AS j
) AS s
ON t.{key} = s.{key}
WHEN NOT MATCHED THEN INSERT ({names}, change_id) VALUES ({sources}, :change_id)
"""


def insert_missing(wh: Warehouse, table: Table, rows: Iterable[Mapping[str, Any]]) -> int:
    """Insert the rows whose keys the table does not have, and return the number of inserted rows.

    :param rows: values by column, with dates and timestamps as such or as ISO text. A key must
        not come twice. Audit columns without a value get now and the actor.

    Safe to repeat.
    """
    values = (
        f"{_match.with_audit(column.name, _value(column.name, column.type))} "
        f"AS {quoted(column.name)}"
        for column in table.columns
    )
    sql = _sql.render(
        wh.namespace,
        _SQL,
        target=wh.namespace.table(table),
        key=quoted(table.key),
        fields=", ".join(f"{name}: string" for name in table.names),
        values=", ".join(values),
        names=_sql.names(table.names),
        sources=_sql.names(table.names, "s"),
    )
    operation = operations.new(wh, operations.LOAD)
    return sum(
        operations.run(wh, operation, sql, {"rows": chunk}, repeatable=True)
        for chunk in _chunks(table, rows)
    )


def _value(name: str, type_: str) -> str:
    return f"CAST(j.r.{quoted(name)} AS {type_})"


def _chunks(table: Table, rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    chunk: list[str] = []
    size = 0
    for row in rows:
        text = json.dumps({name: _text(row.get(name)) for name in table.names})
        if chunk and (size + len(text) > CHUNK_BYTES or len(chunk) == CHUNK_ROWS):
            yield f"[{','.join(chunk)}]"
            chunk, size = [], 0
        chunk.append(text)
        size += len(text) + 1
    if chunk:
        yield f"[{','.join(chunk)}]"


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)
