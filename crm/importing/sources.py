"""Opens a file, folder or archive of any kind as sheets of raw rows.

Each iteration reads a sheet again, row by row, so no file has to fit into memory.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

from openpyxl.utils.datetime import WINDOWS_EPOCH

from crm.importing.readers.xlsx import Book
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, Table

from .cleaning import USUAL, Conventions
from .errors import NotJson, SourceError
from .findings import NOTED
from .headings import table_of, table_of_file, table_with_headings
from .raw_rows import RawRow, Remark
from .readers import csv_file, file_kind, json_state, platform_columns, zip_file

NO_HEADINGS: Mapping[str, str] = MappingProxyType({})

Rows = Callable[[Mapping[str, str]], Iterator[RawRow]]


@dataclass(frozen=True)
class Sheet:
    """Rows of one table from one file, or one sheet of a workbook.

    ``rows`` takes a map of normal headings to columns, which comes before all other rules.
    """

    table: Table
    file: str
    name: str
    rows: Rows
    conventions: Conventions = Conventions()


@dataclass
class Source:
    """Everything at a path that can be imported.

    ``it_partners`` maps business area to IT partner; ``ignored`` lists (file, reason) of what is
    not imported; ``remarks`` are (file, remark) about files as a whole.
    """

    sheets: list[Sheet] = field(default_factory=list)
    it_partners: dict[str, str] = field(default_factory=dict)
    ignored: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[tuple[str, Remark]] = field(default_factory=list)

    def of(self, table: Table) -> list[Sheet]:
        return [sheet for sheet in self.sheets if sheet.table is table]


@contextmanager
def opened(
    path: Path, given: Mapping[str, str] = NO_HEADINGS, conventions: Conventions = USUAL
) -> Iterator[Source]:
    """Open a JSON file, a CSV file, a workbook, or a folder or zip archive of these.

    ``given`` maps normal headings to columns. Raises SourceError if nothing there can be read.
    """
    if not path.exists():
        raise SourceError(f"There is no {path}.")
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edip-import-")))
        reading = _Reading(stack, scratch, given, conventions)
        if path.suffix.lower() == ".zip":
            folder = scratch / "archive"
            reading.source.ignored += zip_file.unpack(path, folder, file_kind.ENDINGS)
            reading.folder(folder)
        elif path.is_dir():
            reading.folder(path)
        else:
            reading.file(path, path.name, alone=True)
        reading.add_unnamed()
        _require_something(reading.source, path.name)
        yield reading.source


@dataclass(frozen=True)
class _Unnamed:
    """A table in a file or sheet that is not exactly named after it."""

    table: Table | None
    sheet: Callable[[Table], Sheet]
    by_headings: bool


@dataclass
class _Reading:
    """A source while it is put together. ``scratch`` is a folder that lasts as long as it."""

    stack: ExitStack
    scratch: Path
    given: Mapping[str, str]
    conventions: Conventions
    source: Source = field(default_factory=Source)
    unnamed: list[tuple[str, str, _Unnamed]] = field(default_factory=list)

    def folder(self, folder: Path) -> None:
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder)
            if path.is_file() and not zip_file.is_hidden(inside):
                self.file(path, str(inside), alone=False)

    def file(self, path: Path, name: str, *, alone: bool) -> None:
        match file_kind.kind_of(path):
            case file_kind.JSON:
                self._json(path, name, alone=alone)
            case file_kind.CSV:
                self._csv(path, name)
            case file_kind.WORKBOOK:
                self._workbook(path, name)
            case _:
                self.source.ignored.append((name, f"is not {zip_file.KINDS}"))

    def add_unnamed(self) -> None:
        """Add each sheet that is not exactly named after its table, if no other file or sheet
        is."""
        named = {sheet.table for sheet in self.source.sheets}
        for file, sheet, found in self.unnamed:
            what = f"sheet {sheet} " if sheet else ""
            if found.table is None:
                self.source.ignored.append((file, f"{what}is not named after a table"))
            elif found.table in named:
                reason = f"{what}may hold {found.table.plural} too, but is not named after them"
                self.source.ignored.append((file, reason))
            else:
                self._add(found.sheet(found.table))
                if found.by_headings:
                    reason = f"{what}was read as {found.table.plural}, by its headings"
                    self.source.remarks.append((file, Remark(NOTED, reason)))

    def _add(self, sheet: Sheet) -> None:
        if sheet.table is not ACCOUNTS:
            self.source.sheets.append(sheet)
            return
        accounts, statuses = platform_columns.statuses_of(sheet.rows)
        at = (sheet.file, sheet.name)
        self.source.sheets.append(Sheet(ACCOUNTS, *at, accounts, sheet.conventions))
        self.source.sheets.append(Sheet(PLATFORMS_STATUS, *at, statuses, sheet.conventions))

    def _conventions(
        self,
        *,
        guards_formulas: bool = False,
        is_exact: bool = False,
        epoch: dt.datetime = WINDOWS_EPOCH,
    ) -> Conventions:
        return replace(
            self.conventions, guards_formulas=guards_formulas, is_exact=is_exact, epoch=epoch
        )

    def _found(
        self,
        file: str,
        sheet: str,
        headings: Callable[[], list[str]],
        make: Callable[[Table], Sheet],
        stem: str,
    ) -> None:
        """Add a sheet now if it is named after its table, else keep it for ``add_unnamed``."""
        if table := table_of(sheet or stem):
            self._add(make(table))
            return
        table = table_of_file(sheet or stem) or (table_of_file(stem) if stem else None)
        by_headings = table is None
        table = table or table_with_headings(headings(), self.given)
        self.unnamed.append((file, sheet, _Unnamed(table, make, by_headings)))

    def _json(self, path: Path, name: str, *, alone: bool) -> None:
        try:
            state = json_state.read(path, name, self.scratch, self.given)
        except NotJson:
            literal = self.scratch / f"{len(list(self.scratch.iterdir()))}.literal.json"
            if file_kind.literal_as_json(path, literal) is None:
                if alone or path.suffix.lower() not in file_kind.TEXT_ENDINGS:
                    raise
                self._csv(path, name)
                return
            state = json_state.read(literal, name, self.scratch, self.given)
            state.remarks.append(Remark(NOTED, "is written as Python prints it, not as JSON"))
        self.source.it_partners |= state.it_partners
        self.source.ignored += [(name, reason) for reason in state.ignored]
        self.source.remarks += [(name, remark) for remark in state.remarks]
        conventions = self._conventions(is_exact=state.is_own)
        for table, rows in state.rows.items():
            read = partial(_without_headings, rows)
            self.source.sheets.append(Sheet(table, name, "", read, conventions))

    def _csv(self, path: Path, name: str) -> None:
        conventions = self._conventions(guards_formulas=True)

        def make(table: Table) -> Sheet:
            return Sheet(table, name, "", partial(csv_file.rows, path, table), conventions)

        self._found(name, "", partial(csv_file.headings, path, self.given), make, path.stem)

    def _workbook(self, path: Path, name: str) -> None:
        book = Book(path)
        self.stack.callback(book.close)
        for sheet, reason in book.left_out:
            self.source.ignored.append((name, f"sheet {sheet} {reason}"))
        conventions = self._conventions(guards_formulas=True, epoch=book.epoch)
        for sheet in book.sheets:

            def make(table: Table, sheet: str = sheet) -> Sheet:
                return Sheet(table, name, sheet, partial(book.rows, sheet, table), conventions)

            stem = path.stem if len(book.sheets) == 1 else ""
            self._found(name, sheet, partial(book.headings, sheet, self.given), make, stem)


def _without_headings(
    rows: Callable[[], Iterator[RawRow]], _headings: Mapping[str, str]
) -> Iterator[RawRow]:
    return rows()


def _require_something(source: Source, name: str) -> None:
    if not source.sheets:
        found = "; ".join(f"{file} {why}" for file, why in source.ignored) or "it is empty"
        raise SourceError(
            f"Nothing to import in {name} ({found}). Name files and sheets accounts, "
            "platforms_status, use_cases or updates, or give them the headings of these tables."
        )
