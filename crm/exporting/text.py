"""JSON, the format that loses nothing and that `import_legacy` reads back."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from crm.model.namespace import Namespace
from crm.model.schema import Table


def write_json(
    file: BinaryIO,
    sources: list[tuple[Table, Callable[[], Iterator[dict[str, Any]]]]],
    namespace: Namespace,
) -> None:
    """Write one row per line, in the order of keys, so that equal data make equal files."""
    file.write(b'{\n"format": "edip-crm",\n"version": 1')
    for table, rows in sources:
        file.write(f',\n"{table.name}": ['.encode())
        for number, row in enumerate(rows()):
            file.write(b",\n" if number else b"\n")
            values = {name: plain(row[name]) for name in table.names}
            file.write(json.dumps(values, ensure_ascii=False).encode())
        file.write(b"\n]")
    file.write(b"\n}\n")


def plain(value: Any) -> str | None:
    """Return a value as text: dates and times in ISO, times in UTC to the microsecond."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="microseconds")
    if isinstance(value, dt.date):
        return value.isoformat()
    return None if value is None else str(value)
