"""Write all tables into one file, which is complete or does not exist."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from crm.model.namespace import Namespace
from crm.model.schema import TABLES, Table
from crm.repository.transfer import insert_script, read_all
from crm.warehouse import Warehouse

from . import tabular, text

Rows = Iterator[dict[str, Any]]
Sources = list[tuple[Table, Callable[[], Rows]]]
# Writes all tables, reading them in order, to a binary file.
Writer = Callable[[BinaryIO, Sources, Namespace], None]

FORMATS: dict[str, Writer] = {
    "json": text.write_json,
    "csv": tabular.write_csv_zip,
    "xlsx": tabular.write_workbook,
    "sql": insert_script.write_inserts,
}


def export(wh: Warehouse, form: str, path: Path) -> dict[str, int]:
    """Write the file; return the number of rows by table (plural name). Raises WarehouseError,
    OSError.
    """
    counts = dict.fromkeys((table.plural for table in TABLES), 0)
    still = read_all.snapshot(wh)

    def counted(table: Table) -> Rows:
        for row in read_all.rows(still, table):
            counts[table.plural] += 1
            yield row

    sources: Sources = [(table, partial(counted, table)) for table in TABLES]
    # In the same folder, so that the rename is atomic.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            FORMATS[form](file, sources, wh.namespace)
        os.chmod(name, 0o600)  # only this user may read the data
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return counts
