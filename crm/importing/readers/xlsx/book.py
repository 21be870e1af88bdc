"""XLSX workbooks, read row by row."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

import openpyxl
from openpyxl.reader.excel import ExcelReader
from openpyxl.xml.constants import SHARED_STRINGS

from crm.exporting.template import WORDS
from crm.exporting.workbook import NOTES
from crm.importing.errors import SourceError
from crm.importing.findings import CHANGED, SKIPPED
from crm.importing.headings import ROWS_SEARCHED, cell_text, heading_row
from crm.importing.linked import Linked
from crm.importing.raw_rows import (
    FIRST_COLUMN_NAMELESS,
    RawRow,
    Remark,
    Unreadable,
    above_headings,
    no_known_heading,
    under_headings,
)
from crm.importing.readers.zip_file import require_few_entries
from crm.model.schema import TABLES, Table

from . import after_rows
from .after_rows import AfterRows
from .cells import Parser, Row
from .limits import Archive, Pieces
from .merged import MergedCells
from .strings import SharedStrings, texts_in

# openpyxl would warn of faults that our report lists row by row.
warnings.filterwarnings("ignore", module=r"openpyxl\.")

# Sheets that explain a workbook of ours, and hold no rows.
OWN_SHEETS = (NOTES, WORDS)


class Book:
    """An open workbook. Every method raises SourceError if the file is damaged."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_after: dict[str, AfterRows] = {}

    @property
    def sheets(self) -> list[str]:
        return [title for title in self._opened.paths if title not in OWN_SHEETS]

    @property
    def left_out(self) -> list[tuple[str, str]]:
        """(sheet, reason) of the sheets that are not read."""
        own = [title for title in self._opened.paths if title in OWN_SHEETS]
        return [*self._opened.left_out, *((title, "explains the workbook") for title in own)]

    @property
    def epoch(self) -> dt.datetime:
        epoch: dt.datetime = self._book.epoch
        return epoch

    def rows(self, sheet: str, table: Table, given: Mapping[str, str]) -> Iterator[RawRow]:
        """Yield the rows of a sheet, named by row number. Titles may stand above the headings."""
        rows = self._filled_rows(sheet)
        first = list(islice(rows, ROWS_SEARCHED))
        place, known = heading_row(table, [cells for _, cells in first], given)
        if place < 0:
            return
        headings = [cell_text(cell) for cell in first[place][1]]
        if not known:
            yield no_known_heading(headings)
        if not headings[0]:
            yield RawRow("", None, [Remark(SKIPPED, FIRST_COLUMN_NAMELESS)])
        for number, _ in first[:place]:
            yield above_headings(str(number))
        merged = MergedCells(self._after_rows(sheet).merged)
        for number, cells in chain(first[place + 1 :], rows):
            yield under_headings(headings, str(number), merged.fill(number, cells), [])
        if merged.is_any:
            reason = "cells are merged over several rows; each of these rows has their value"
            yield RawRow("", None, [Remark(CHANGED, reason)])

    def headings(self, sheet: str, given: Mapping[str, str]) -> list[str]:
        """Return the headings of a sheet whose table is not known; empty if there are none."""
        first = [cells for _, cells in islice(self._filled_rows(sheet), ROWS_SEARCHED)]
        index, _ = max(
            (heading_row(table, first, given) for table in TABLES), key=lambda fit: fit[1]
        )
        return [cell_text(cell) for cell in first[index]] if index >= 0 else []

    def close(self) -> None:
        if "_opened" in self.__dict__:
            self._opened.archive.close()
            self._file.close()
            self._opened.shared_strings.close()

    @cached_property
    def _opened(self) -> _ExcelReader:
        with _as_source_error(f"{self._path.name} is not a workbook that can be read"):
            # An open file: openpyxl refuses paths whose ending is not Excel's.
            self._file = self._path.open("rb")
            try:
                reader = _ExcelReader(self._file, self._path.name)
                reader.read()
            except BaseException:
                self._file.close()
                raise
        return reader

    @property
    def _book(self) -> openpyxl.Workbook:
        return self._opened.wb

    def _after_rows(self, sheet: str) -> AfterRows:
        with _as_source_error(f"{self._path.name}, sheet {sheet} cannot be read"):
            if sheet not in self._read_after:
                path = self._opened.paths[sheet]
                self._read_after[sheet] = after_rows.read(self._opened.archive, path)
            return self._read_after[sheet]

    def _filled_rows(self, sheet: str) -> Iterator[Row]:
        """Yield the number and the cells of each row that is not empty."""
        number, links = 0, self._after_rows(sheet).links
        what = f"{self._path.name}, sheet {sheet}"
        with _as_source_error(f"{what} cannot be read"):
            source = self._opened.archive.open(self._opened.paths[sheet])
        with source:
            pieces = Pieces(source, f"A row of {what}")
            rows = Parser(pieces, self._opened.shared_strings, self._book).rows()
            while True:
                with _as_source_error(f"{what} cannot be read beyond row {number}"):
                    row = next(rows, None)
                if row is None:
                    return
                number = row[0]
                if any(isinstance(cell, Unreadable) or cell_text(cell) for cell in row[1]):
                    yield _with_links(row, links) if links else row


@contextmanager
def _as_source_error(what: str) -> Iterator[None]:
    """Turn any exception into a SourceError: a damaged file may raise anything in openpyxl."""
    try:
        yield
    except SourceError:
        raise
    except Exception as error:
        raise SourceError(
            f"{what}; it may be damaged. Open it in Excel and save it again."
        ) from error


class _ExcelReader(ExcelReader):  # type: ignore[misc]  # openpyxl has no types
    """Keeps the shared strings on disk, which may be most of a workbook, and only the paths of
    the sheets: openpyxl would read a sheet that does not say its size as a whole."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        require_few_entries(name, file)  # before openpyxl opens the archive
        super().__init__(file, read_only=True, data_only=True)
        self.archive: Archive = Archive(file, name)
        self.left_out: list[tuple[str, str]] = []
        self.paths: dict[str, str] = {}

    def read_strings(self) -> None:
        part = self.package.find(SHARED_STRINGS)
        if part is None:
            self.shared_strings = SharedStrings(iter(()))
            return
        with self.archive.open(part.PartName[1:]) as source:
            pieces = Pieces(source, "A text of the workbook")
            self.shared_strings = SharedStrings(texts_in(pieces))

    def read_worksheets(self) -> None:
        for sheet, rel in self.parser.find_sheets():
            if rel.target not in self.valid_files:
                self.left_out.append((sheet.name, "is not in the file, which may be damaged"))
            elif "chartsheet" in rel.Type:
                self.left_out.append((sheet.name, "is a chart"))
            else:
                self.paths.setdefault(sheet.name, rel.target)
        # The names of ranges need sheets that openpyxl has read.
        self.parser.assign_names = lambda: None


def _with_links(row: Row, links: dict[tuple[int, int], str]) -> Row:
    """Return the row; its texts that have a link know its address."""
    number, cells = row
    for column, value in enumerate(cells):
        target = links.get((number, column))
        if target and isinstance(value, str):
            cells[column] = Linked(value, target)
    return row
