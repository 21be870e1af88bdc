"""XLSX workbooks, read row by row."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.reader.excel import ExcelReader
from openpyxl.worksheet._reader import DATA_TAG, FORMULA_TAG, ROW_TAG, VALUE_TAG, WorkSheetParser
from openpyxl.xml.constants import SHARED_STRINGS
from openpyxl.xml.functions import iterparse

from crm.exporting.workbook import CUT, NOTES
from crm.importing.errors import SourceError
from crm.importing.findings import SKIPPED
from crm.importing.headings import ROWS_SEARCHED, cell_text, heading_row
from crm.importing.raw_rows import (
    FIRST_COLUMN_NAMELESS,
    RawRow,
    Remark,
    Unreadable,
    above_headings,
    under_headings,
)
from crm.model.schema import TABLES, Table

from .xlsx_strings import SharedStrings, texts_in, unescape

# openpyxl would warn of faults that our report lists row by row.
warnings.filterwarnings("ignore", module=r"openpyxl\.")

# Sheets that explain a workbook of ours, and hold no rows.
OWN_SHEETS = (NOTES,)
_Row = tuple[int, list[Any]]
# The number of columns in Excel.
_WIDEST = 16_384


class Book:
    """An open workbook. Every method raises SourceError if the file is damaged."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def sheets(self) -> list[str]:
        return [sheet.title for sheet in self._book.worksheets if sheet.title not in OWN_SHEETS]

    @property
    def left_out(self) -> list[tuple[str, str]]:
        """(sheet, reason) of the sheets that cannot be read."""
        return self._opened.left_out

    @property
    def epoch(self) -> dt.datetime:
        epoch: dt.datetime = self._book.epoch
        return epoch

    def rows(self, sheet: str, table: Table, given: Mapping[str, str]) -> Iterator[RawRow]:
        """Yield the rows of a sheet, named by row number. Titles may stand above the headings."""
        rows = self._filled_rows(sheet)
        first = list(islice(rows, ROWS_SEARCHED))
        place, _ = heading_row(table, [cells for _, cells in first], given)
        if place < 0:
            return
        headings = [cell_text(cell) for cell in first[place][1]]
        if not headings[0]:
            yield RawRow("", None, [Remark(SKIPPED, FIRST_COLUMN_NAMELESS)])
        for number, _ in first[:place]:
            yield above_headings(str(number))
        for number, cells in chain(first[place + 1 :], rows):
            yield under_headings(headings, str(number), cells, [])

    def headings(self, sheet: str, given: Mapping[str, str]) -> list[str]:
        """Return the headings of a sheet whose table is not known; empty if there are none."""
        first = [cells for _, cells in islice(self._filled_rows(sheet), ROWS_SEARCHED)]
        index, _ = max(
            (heading_row(table, first, given) for table in TABLES), key=lambda fit: fit[1]
        )
        return [cell_text(cell) for cell in first[index]] if index >= 0 else []

    def close(self) -> None:
        if "_opened" in self.__dict__:
            self._book.close()
            self._file.close()
            self._opened.shared_strings.close()

    @cached_property
    def _opened(self) -> _ExcelReader:
        with _as_source_error(f"{self._path.name} is not a workbook that can be read"):
            # An open file: openpyxl refuses paths whose ending is not Excel's.
            self._file = self._path.open("rb")
            try:
                reader = _ExcelReader(self._file, read_only=True, data_only=True)
                reader.read()
            except BaseException:
                self._file.close()
                raise
        return reader

    @property
    def _book(self) -> openpyxl.Workbook:
        return self._opened.wb

    def _filled_rows(self, sheet: str) -> Iterator[_Row]:
        """Yield the number and the cells of each row that is not empty."""
        book, number = self._book, 0
        what = f"{self._path.name}, sheet {sheet}"
        with _as_source_error(f"{what} cannot be read"):
            source = book._archive.open(book[sheet]._worksheet_path)
        with source:
            parser = _Parser(
                source,
                self._opened.shared_strings,
                data_only=True,
                epoch=book.epoch,
                date_formats=book._date_formats,
                timedelta_formats=book._timedelta_formats,
            )
            rows = parser.rows()
            while True:
                with _as_source_error(f"{what} cannot be read beyond row {number}"):
                    row = next(rows, None)
                if row is None:
                    return
                number = row[0]
                if any(isinstance(cell, Unreadable) or cell_text(cell) for cell in row[1]):
                    yield row


@contextmanager
def _as_source_error(what: str) -> Iterator[None]:
    """Turn any exception into a SourceError: a damaged file may raise anything in openpyxl."""
    try:
        yield
    except Exception as error:
        raise SourceError(
            f"{what}; it may be damaged. Open it in Excel and save it again."
        ) from error


class _ExcelReader(ExcelReader):  # type: ignore[misc]  # openpyxl has no types
    """Keeps the shared strings on disk; they may be most of a workbook."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.left_out: list[tuple[str, str]] = []

    def read_strings(self) -> None:
        part = self.package.find(SHARED_STRINGS)
        if part is None:
            self.shared_strings = SharedStrings(iter(()))
            return
        with self.archive.open(part.PartName[1:]) as source:
            self.shared_strings = SharedStrings(texts_in(source))

    def read_chartsheet(self, sheet: Any, rel: Any) -> None:
        self.left_out.append((sheet.name, "is a chart"))

    def read_worksheets(self) -> None:
        for sheet, rel in self.parser.find_sheets():
            if rel.target not in self.valid_files:
                self.left_out.append((sheet.name, "is not in the file, which may be damaged"))
        super().read_worksheets()


class _Parser(WorkSheetParser):  # type: ignore[misc]  # openpyxl has no types
    """Yields rows one by one, whatever dimension the sheet claims, and keeps none in memory. A
    cell that cannot be read becomes Unreadable instead of ending the sheet."""

    def rows(self) -> Iterator[_Row]:
        data = None
        for event, element in iterparse(self.source, events=("start", "end")):
            if event == "start":
                data = element if element.tag == DATA_TAG else data
            elif element.tag == ROW_TAG and data is not None:
                number, cells = self.parse_row(element)
                data.clear()
                yield number, _in_columns(cells)
            elif element.tag == DATA_TAG:
                return

    def parse_cell(self, element: Any) -> dict[str, Any]:
        try:
            cell: dict[str, Any] = super().parse_cell(element)
        except (ValueError, TypeError, IndexError, KeyError, OverflowError):
            text = str(element.findtext(VALUE_TAG))[:40]
            # The column is right, unless the cell’s reference itself could not be read.
            return {"column": self.col_counter, "value": Unreadable(f"“{text}” cannot be read")}
        if element.get("t") in ("inlineStr", "str") and isinstance(cell["value"], str):
            cell["value"] = unescape(cell["value"])
        if isinstance(cell["value"], str) and cell["value"].endswith(CUT):
            cell["value"] = Unreadable("was cut when it was exported, so it is not whole")
        elif cell["data_type"] == "e":
            cell["value"] = Unreadable(f"is Excel’s error {cell['value']}")
        elif cell["value"] is None and _is_unsaved(element):
            cell["value"] = Unreadable("is a formula whose result was not saved with it")
        return cell


def _is_unsaved(element: Any) -> bool:
    """Return whether a formula has no saved result; an empty text is a result."""
    has_text = element.get("t") == "str" and element.find(VALUE_TAG) is not None
    return element.find(FORMULA_TAG) is not None and not has_text


def _in_columns(cells: list[dict[str, Any]]) -> list[Any]:
    width = max((cell["column"] for cell in cells), default=0)
    row: list[Any] = [None] * min(width, _WIDEST)
    for cell in cells:
        if cell["column"] <= _WIDEST:
            row[cell["column"] - 1] = cell["value"]
    return row
