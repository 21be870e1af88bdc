"""Write all data as INSERT statements for an SQL editor.

This is the only place where values become SQL text, because a file has no parameters. They are
literals of their types, and no character of a text can end its literal.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, BinaryIO

from crm.model.namespace import Namespace
from crm.model.schema import Table
from crm.repository import _sql

ROWS_PER_STATEMENT = 500
_CONTROLS = {chr(n): f"\\u{n:04x}" for n in range(32)}
_ESCAPES = str.maketrans(
    _CONTROLS | {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
)
# SQL editors would replace these as parameters before they run a statement.
_PARAMETERS = {"${": "\\u0024{", "{{": "\\u007B\\u007B"}


def write_inserts(
    file: BinaryIO,
    sources: list[tuple[Table, Callable[[], Iterator[dict[str, Any]]]]],
    namespace: Namespace,
) -> None:
    """Write the rows of each table, ``ROWS_PER_STATEMENT`` per statement."""
    for table, rows in sources:
        parts = {"table": namespace.table(table), "columns": _sql.names(table.names)}
        insert = _sql.render(namespace, "INSERT INTO {table} ({columns}) VALUES\n", **parts)
        for batch in _batches(rows()):
            file.write(insert.encode())
            lines = ("(" + ", ".join(literal(row[n]) for n in table.names) + ")" for row in batch)
            file.write(",\n".join(lines).encode() + b";\n")


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(rows, ROWS_PER_STATEMENT)):
        yield batch


def literal(value: Any) -> str:
    """Return the SQL literal of a text, a date, a time or NULL."""
    if value is None:
        return "NULL"
    if isinstance(value, dt.datetime):
        utc = value.astimezone(dt.UTC)
        # strftime writes the year 1 without leading zeros, which no warehouse reads.
        return f"TIMESTAMP'{utc.isoformat(' ', 'microseconds')}'"
    if isinstance(value, dt.date):
        return f"DATE'{value.isoformat()}'"
    text = str(value).translate(_ESCAPES)
    for start, harmless in _PARAMETERS.items():
        text = text.replace(start, harmless)
    return f"'{text}'"
