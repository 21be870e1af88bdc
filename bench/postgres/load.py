"""Copy a data set from the local warehouse to PostgreSQL."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

from pyarrow import csv

from bench.local_warehouse import connect

ROWS_AT_ONCE = 100_000
# This table is created last: a database without it is not whole.
_READY = "whole"


def ensure(data: Path) -> None:
    """Fill the database of the settings with the warehouse's data, unless it has them."""
    # Not above: the package may be missing.
    import psycopg
    from django.db import connection

    name = connection.settings_dict["NAME"]
    server = {"host": os.environ["BENCH_POSTGRES_SOCKETS"], "user": "bench"}
    with psycopg.connect(dbname="postgres", autocommit=True, **server) as admin:
        exists = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if exists and _READY in connection.introspection.table_names():
            return
        connection.close()
        admin.execute(f"DROP DATABASE IF EXISTS {name}")
        admin.execute(f"CREATE DATABASE {name}")
    url = json.loads((data / "server.json").read_text())["url"]
    warehouse = connect(url)
    with connection.schema_editor() as editor:
        _copy_all(editor, warehouse)
    warehouse.close()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute(f"CREATE TABLE {_READY} ()")


def _copy_all(editor: Any, warehouse: Any) -> None:
    """Create and fill the tables; their indexes and foreign keys follow when the editor ends."""
    from django.conf import settings

    from .models import MODELS

    for table, model in MODELS.items():
        editor.create_model(model)
        names = [field.column for field in model._meta.concrete_fields]
        into = f"COPY {table.name} ({', '.join(names)}) FROM STDIN CSV"
        with warehouse.cursor() as source, editor.connection.cursor() as target:
            columns = ", ".join(f"`{name}`" for name in names)
            source.execute(f"SELECT {columns} FROM {settings.NAMESPACE.table(table)}")
            with target.copy(into) as copy:
                while (rows := source.fetchmany_arrow(ROWS_AT_ONCE)).num_rows:
                    text = io.BytesIO()
                    csv.write_csv(rows, text, csv.WriteOptions(include_header=False))
                    copy.write(text.getvalue())
