"""CSV files in a zip, and workbooks: for people, and safe to open in a spreadsheet.

A spreadsheet runs a text that begins with ``=`` or the like as a formula. In CSV such a text gets
an apostrophe in front; in a workbook its cell is marked as text. `import_legacy` removes one such
apostrophe, so a text that has apostrophes of its own gets one more in both.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from crm.model.namespace import Namespace
from crm.model.schema import Table

from .text import plain

Sources = list[tuple[Table, Callable[[], Iterator[dict[str, Any]]]]]

# https://owasp.org/www-community/attacks/CSV_Injection
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# Characters that XML cannot hold either (https://www.w3.org/TR/xml/#charsets): they would make
# the file unreadable.
_NOT_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")
# What Excel would read as an escape, such as _x0041_ for A (ECMA-376, part 1, 22.9.2.19).
_LIKE_ESCAPES = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
# A fixed date, so that equal data make equal files.
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def write_csv_zip(file: BinaryIO, sources: Sources, namespace: Namespace) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for table, rows in sources:
            info = zipfile.ZipInfo(f"{table.name}.csv", _ZIP_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            # The mark tells Excel that the file is UTF-8.
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
    workbook = Workbook(write_only=True)
    for table, rows in sources:
        _add_sheet(workbook, table.plural.title(), table.names, rows())
    workbook.save(file)


def write_sheet(
    file: BinaryIO, title: str, columns: Sequence[str], rows: Iterable[dict[str, Any]]
) -> None:
    """Write a workbook of one sheet."""
    workbook = Workbook(write_only=True)
    _add_sheet(workbook, title, columns, rows)
    workbook.save(file)


def _add_sheet(
    workbook: Workbook, title: str, columns: Sequence[str], rows: Iterable[dict[str, Any]]
) -> None:
    sheet = workbook.create_sheet(title)
    sheet.freeze_panes = "A2"
    sheet.append(list(columns))
    for row in rows:
        sheet.append([_cell(sheet, row[name]) for name in columns])


def _cell(sheet: Any, value: Any) -> Any:
    is_day = isinstance(value, dt.date) and not isinstance(value, dt.datetime)
    if value is None or is_day or isinstance(value, int):
        return value
    text = _NOT_XML.sub("", ILLEGAL_CHARACTERS_RE.sub("", plain(value) or ""))
    text = _LIKE_ESCAPES.sub("_x005F_", text)
    cell = WriteOnlyCell(sheet, harmless(text) if text.startswith("'") else text)
    cell.data_type = "s"
    return cell
