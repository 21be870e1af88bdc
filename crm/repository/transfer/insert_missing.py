"""Insert many rows in one statement, as one JSON parameter."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from crm.model.namespace import quoted
from crm.model.schema import Table
from crm.repository import _match, _sql, chunks, operations
from crm.repository.operations import Operation
from crm.warehouse import Warehouse

_SQL = """
MERGE INTO {target} AS t
USING (
  SELECT {values}
  FROM (SELECT EXPLODE(FROM_JSON(:rows, 'array<struct<{fields}>>')) AS r) AS j
) AS s
ON t.{key} = s.{key}
WHEN NOT MATCHED THEN INSERT ({names}, change_id) VALUES ({sources}, :change_id)
"""


def insert_missing(
    wh: Warehouse,
    table: Table,
    rows: Iterable[Mapping[str, Any]],
    operation: Operation | None = None,
) -> int:
    """Insert the rows whose keys the table does not have, and return the number of inserted rows.

    :param rows: values by column, with dates and timestamps as such or as ISO text. Keys must be
        unique. Audit columns without a value get now and the actor.
    :param operation: the operation that this belongs to; None for a new one.

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
    operation = operation or operations.new(wh, operations.LOAD)
    return sum(
        operations.run(wh, operation, sql, {"rows": chunk}, repeatable=True)
        for chunk in chunks.arrays(_text_of(table, row) for row in rows)
    )


def _value(name: str, type_: str) -> str:
    return f"CAST(j.r.{quoted(name)} AS {type_})"


def _text_of(table: Table, row: Mapping[str, Any]) -> str:
    return json.dumps({name: _text(row.get(name)) for name in table.names}, ensure_ascii=False)


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)
