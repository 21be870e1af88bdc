"""All tables into one file, which is complete or not there at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from crm.model.namespace import Namespace
from crm.model.schema import TABLES, Table
from crm.repository.transfer import insert_script, read_all
from crm.warehouse import Warehouse

from . import tabular, text

Rows = Iterator[dict[str, Any]]
# Writes all tables, asked for in order, to a binary file.
Writer = Callable[[BinaryIO, list[tuple[Table, Callable[[], Rows]]], Namespace], None]

FORMATS: dict[str, Writer] = {
    "json": text.write_json,
    "csv": tabular.write_csv_zip,
    "xlsx": tabular.write_workbook,
    "sql": insert_script.write_inserts,
}


def export(wh: Warehouse, form: str, path: Path) -> dict[str, int]:
    """Write the file; how many rows of each table it holds. Raises WarehouseError, OSError."""
    counts = dict.fromkeys((table.plural for table in TABLES), 0)
    still = read_all.snapshot(wh)

    def counted(table: Table) -> Rows:
        for row in read_all.rows(still, table):
            counts[table.plural] += 1
            yield row

    sources = [(table, lambda table=table: counted(table)) for table in TABLES]
    # Beside its place, so that moving it there cannot fail half-way.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            FORMATS[form](file, sources, wh.namespace)
        os.chmod(name, 0o600)  # it holds what only some may read
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return counts
