"""CSV files in a zip, and workbooks that are safe to open in a spreadsheet.

A spreadsheet runs a text that begins with ``=`` or a similar character as a formula. In CSV such a
text gets an apostrophe in front; in a workbook its cell is marked as text. `import_legacy` removes
one such apostrophe, so a text that begins with apostrophes gets one more in both.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO

from crm.model.namespace import Namespace
from crm.model.schema import Table

from . import workbook
from .text import plain

Sources = list[tuple[Table, Callable[[], Iterator[dict[str, Any]]]]]

# https://owasp.org/www-community/attacks/CSV_Injection
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# The comment of the archive and the author of the workbook tell an import that nobody has changed
# the values since the export, so that it reads them exactly as they are.
MARK = "EDIP CRM"
# A fixed date, so that equal data make equal files.
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def write_csv_zip(file: BinaryIO, sources: Sources, namespace: Namespace) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = MARK.encode()
        for table, rows in sources:
            info = zipfile.ZipInfo(f"{table.name}.csv", _ZIP_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            # The byte order mark tells Excel that the file is UTF-8.
            with (
                archive.open(info, "w", force_zip64=True) as packed,
                io.TextIOWrapper(packed, encoding="utf-8-sig", newline="") as text,
            ):
                write_csv(text, table, rows())


def write_csv(file: io.TextIOBase, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    writer = csv.writer(file)
    writer.writerow(table.names)
    for row in rows:
        writer.writerow([harmless(plain(row[name])) for name in table.names])


def harmless(value: str | None) -> str:
    """Return the text, guarded if a spreadsheet would run it as a formula."""
    return f"'{value}" if value and value.lstrip("'").startswith(FORMULA_STARTS) else value or ""


def write_workbook(file: BinaryIO, sources: Sources, namespace: Namespace) -> None:
    workbook.write(
        file,
        (
            (table.plural.title(), table.names, _values(rows(), table.names))
            for table, rows in sources
        ),
        author=MARK,
    )


def write_sheet(
    file: BinaryIO, title: str, columns: Sequence[str], rows: Iterable[dict[str, Any]]
) -> None:
    """Write a workbook of one sheet."""
    workbook.write(file, [(title, columns, _values(rows, columns))])


def _values(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> Iterator[list[Any]]:
    for row in rows:
        yield [_value(row[name]) for name in columns]


def _value(value: Any) -> Any:
    is_day = isinstance(value, dt.date) and not isinstance(value, dt.datetime)
    if value is None or is_day or isinstance(value, int):
        return value
    text = plain(value) or ""
    return harmless(text) if text.startswith("'") else text
