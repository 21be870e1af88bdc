"""A list as a file: all its pages at one moment, with the same search, filters, order and columns.

The file is complete before its first byte is sent, so that a failure shows an error page.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

from django.http import FileResponse, HttpResponseBase
from django.utils import timezone

from crm.exporting import tabular
from crm.exporting.lists import list_columns
from crm.exporting.text import plain
from crm.model import vocabulary
from crm.model.records import AccountRow, Listing
from crm.model.schema import Table
from crm.request import Request
from crm.warehouse import Warehouse

Row = dict[str, Any]
FindAll = Callable[[Warehouse, Listing], Iterator[Any]]


def download(
    request: Request, form: str, table: Table, find_all: FindAll, listing: Listing
) -> HttpResponseBase:
    """Return the file of a list. One statement."""
    rows = map(_flat, find_all(request.warehouse, listing))
    name = file_name(request, table.name.replace("_", "-"), form)
    return FORMATS[form](rows, _columns(table, listing), name)


def _columns(table: Table, listing: Listing) -> list[str]:
    """Return the key columns and then the chosen columns; all columns if none are chosen."""
    if not listing.columns:
        return list_columns(table)
    keys = (table.key, *filter(None, [table.parent_key]))
    return list(dict.fromkeys((*keys, *listing.columns)))


def file_name(request: Request, stem: str, form: str) -> str:
    """Return a name with the day of the data, or the moment in the past."""
    if request.as_of is None:
        return f"{stem}-{timezone.localdate():%Y-%m-%d}.{form}"
    return f"{stem}-as-of-{request.as_of.moment:%Y%m%dT%H%M%SZ}.{form}"


def _flat(record: Any) -> Row:
    if not isinstance(record, AccountRow):
        return dataclasses.asdict(record)
    statuses = {
        platform: record.statuses.get(platform, vocabulary.NOT_STARTED)
        for platform in vocabulary.platforms()
    }
    return {
        **dataclasses.asdict(record.account),
        **statuses,
        "use_cases": record.use_case_count,
        "updates": record.update_count,
        "last_update": record.last_update,
    }


def _csv(rows: Iterable[Row], columns: list[str], name: str) -> HttpResponseBase:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    # The byte order mark of utf-8-sig tells Excel that the file is UTF-8.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([tabular.harmless(_text(row[name])) for name in columns])
    text.flush()
    text.detach()
    return _response(file, name, "text/csv; charset=utf-8")


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, int) else plain(value)


def _xlsx(rows: Iterable[Row], columns: list[str], name: str) -> HttpResponseBase:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    tabular.write_sheet(file, re.split("-as-of-|-20", name)[0], columns, rows)
    return _response(file, name)


def _response(file: BinaryIO, name: str, content_type: str = "") -> HttpResponseBase:
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=name, content_type=content_type or None)


FORMATS: dict[str, Callable[[Iterable[Row], list[str], str], HttpResponseBase]] = {
    "csv": _csv,
    "xlsx": _xlsx,
}
