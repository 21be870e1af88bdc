"""A list as a file: all its pages, with the same search, filters and order."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone

from crm.exporting import tabular
from crm.exporting.text import plain
from crm.model import vocabulary
from crm.model.records import AccountRow, Listing, Page
from crm.model.schema import AUDIT_COLUMNS, Table
from crm.request import Request
from crm.warehouse import Warehouse

# Each costs one statement.
ROWS_PER_STATEMENT = 1_000

Row = dict[str, Any]
Search = Callable[[Warehouse, Listing], Page[Any]]


def download(
    request: Request, form: str, table: Table, search: Search, listing: Listing
) -> HttpResponseBase:
    """Return the file. It reads the first rows before the response begins, so a failure of the
    warehouse can still show an error page."""
    wh = request.warehouse.within(None)
    first = search(wh, replace(listing, page=1, size=ROWS_PER_STATEMENT))
    rows = _rows(wh, table, search, first)
    name = file_name(request, table.name.replace("_", "-"), form)
    return FORMATS[form](rows, _columns(table), name)


def file_name(request: Request, stem: str, form: str) -> str:
    """Return a name with the day of the data, or the moment in the past."""
    if request.as_of is None:
        return f"{stem}-{timezone.localdate():%Y-%m-%d}.{form}"
    return f"{stem}-as-of-{request.as_of.moment:%Y%m%dT%H%M%SZ}.{form}"


def _rows(wh: Warehouse, table: Table, search: Search, page: Page[Any]) -> Iterator[Row]:
    while True:
        for record in page.rows:
            yield _flat(record)
        if page.listing.page >= page.last:
            return
        page = search(wh, replace(page.listing, page=page.listing.page + 1))


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


def _columns(table: Table) -> list[str]:
    own = [column.name for column in table.own_columns]
    audit = [column.name for column in AUDIT_COLUMNS]
    if table.parent_key:
        return [*own[:2], "team", *own[2:], *audit]
    return [*own, *vocabulary.platforms(), "use_cases", "updates", "last_update", *audit]


def _csv(rows: Iterator[Row], columns: list[str], name: str) -> HttpResponseBase:
    response = StreamingHttpResponse(_csv_lines(rows, columns), "text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _csv_lines(rows: Iterator[Row], columns: list[str]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    yield b"\xef\xbb\xbf"  # tells Excel that it is UTF-8
    writer.writerow(columns)
    for row in rows:
        writer.writerow([tabular.harmless(_text(row[name])) for name in columns])
        if buffer.tell() > 32_768:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, int) else plain(value)


def _xlsx(rows: Iterator[Row], columns: list[str], name: str) -> HttpResponseBase:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    tabular.write_sheet(file, re.split("-as-of-|-20", name)[0], columns, rows)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=name)


FORMATS: dict[str, Callable[[Iterator[Row], list[str], str], HttpResponseBase]] = {
    "csv": _csv,
    "xlsx": _xlsx,
}
