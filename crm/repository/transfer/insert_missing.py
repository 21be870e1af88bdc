"""Many rows in one statement: they travel as one JSON parameter."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from crm.model.schema import Table
from crm.repository import _sql
from crm.repository._writing import write
from crm.warehouse import Warehouse

# A statement's parameters may hold 1 MB together
# (https://github.com/databricks/databricks-sql-python, docs/parameters.md).
CHUNK_BYTES = 700_000
CHUNK_ROWS = 5_000


def insert_missing(wh: Warehouse, table: Table, rows: Iterable[Mapping[str, Any]]) -> int:
    """Insert the rows whose keys are not there yet, and return how many. Safe to repeat.

    Rows hold values by column; timestamps and dates as ISO text or as such. Keys must not
    repeat within ``rows``. Rows without timestamps or authors get now, and who acts.
    """
    sql = """
    MERGE INTO {target} AS t
    USING (
      SELECT {values}
      FROM (SELECT EXPLODE(FROM_JSON(:rows, 'array<struct<{fields}>>')) AS r) AS j
    ) AS s
    ON t.`{key}` = s.`{key}`
    WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({sources})
    """
    parts = {
        "target": wh.namespace.table(table),
        "key": table.key,
        "fields": ", ".join(f"{name}: string" for name in table.names),
        "values": ", ".join(_value(table, name) for name in table.names),
        "names": ", ".join(f"`{name}`" for name in table.names),
        "sources": ", ".join(f"s.`{name}`" for name in table.names),
    }
    text = _sql.render(wh.namespace, sql, **parts)
    return sum(
        write(wh, text, {"rows": chunk, "actor": wh.actor}, repeatable=True)
        for chunk in _chunks(table, rows)
    )


def _value(table: Table, name: str) -> str:
    value = f"CAST(j.r.`{name}` AS {table.column(name).type})"
    if name.endswith("_at"):
        value = f"COALESCE({value}, CURRENT_TIMESTAMP())"
    if name.endswith("_by"):
        value = f"COALESCE({value}, :actor)"
    return f"{value} AS `{name}`"


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
