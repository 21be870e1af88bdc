"""INSERT statements that Databricks accepts, to be run by somebody in an SQL editor.

The only place where values become part of SQL text, since a file has no parameters. They are
written as literals of their type, and no character of a text can end its literal.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, BinaryIO

from crm.model.namespace import Namespace
from crm.model.schema import Table

ROWS_PER_STATEMENT = 500
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
# What SQL editors take for parameters, and fill in before the statement is run.
_PARAMETERS = {"${": "\\u0024{", "{{": "\\u007B\\u007B"}


def write_inserts(
    file: BinaryIO,
    sources: list[tuple[Table, Callable[[], Iterator[dict[str, Any]]]]],
    namespace: Namespace,
) -> None:
    for table, rows in sources:
        columns = ", ".join(f"`{name}`" for name in table.names)
        for batch in _batches(rows()):
            file.write(f"INSERT INTO {namespace.table(table)} ({columns}) VALUES\n".encode())
            lines = ("(" + ", ".join(literal(row[n]) for n in table.names) + ")" for row in batch)
            file.write(",\n".join(lines).encode() + b";\n")


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(rows, ROWS_PER_STATEMENT)):
        yield batch


def literal(value: Any) -> str:
    """A SQL literal of a text, a date, a time or nothing."""
    if value is None:
        return "NULL"
    if isinstance(value, dt.datetime):
        utc = value.astimezone(dt.UTC)
        # Not strftime: it writes the year 1 as 1, which no warehouse reads.
        return f"TIMESTAMP'{utc.isoformat(' ', 'microseconds')}'"
    if isinstance(value, dt.date):
        return f"DATE'{value.isoformat()}'"
    text = str(value).translate(_ESCAPES)
    for start, harmless in _PARAMETERS.items():
        text = text.replace(start, harmless)
    return f"'{text}'"
