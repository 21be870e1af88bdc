"""Opens a file, folder or archive of any kind as sheets of raw rows.

A sheet is read anew each time it is iterated, row by row, so that no file has to fit into
memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from crm.importing.readers.xlsx import Book
from crm.model.schema import Table

from .cleaning import Conventions
from .errors import SourceError
from .headings import table_of
from .raw_rows import RawRow, Remark
from .readers import csv_file, json_state, zip_file

ENDINGS = (".json", ".csv", ".tsv", ".txt", ".xlsx", ".xlsm")


@dataclass(frozen=True)
class Sheet:
    """Rows of one table from one file, or one sheet of a workbook.

    ``rows`` takes a map of normal headings to columns, which comes before all other rules.
    """

    table: Table
    file: str
    name: str
    rows: Callable[[Mapping[str, str]], Iterator[RawRow]]
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
def opened(path: Path) -> Iterator[Source]:
    """Open a JSON file, a CSV file, a workbook, or a folder or zip archive of these.

    Raises SourceError if nothing there can be read.
    """
    if not path.exists():
        raise SourceError(f"There is no {path}.")
    with ExitStack() as stack:
        scratch = tempfile.TemporaryDirectory(prefix="edip-import-")
        reading = _Reading(stack, Path(stack.enter_context(scratch)))
        if path.suffix.lower() == ".zip":
            folder = reading.scratch / "archive"
            reading.source.ignored += zip_file.unpack(path, folder, ENDINGS)
            reading.folder(folder)
        elif path.is_dir():
            reading.folder(path)
        else:
            reading.file(path, path.name, alone=True)
        _require_something(reading.source, path.name)
        yield reading.source


@dataclass
class _Reading:
    """A source while it is put together. ``scratch`` is a folder that lasts as long as it."""

    stack: ExitStack
    scratch: Path
    source: Source = field(default_factory=Source)

    def folder(self, folder: Path) -> None:
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder)
            if path.is_file() and not zip_file.is_hidden(inside):
                self.file(path, str(inside), alone=False)

    def file(self, path: Path, name: str, *, alone: bool) -> None:
        match path.suffix.lower():
            case ".json":
                self._json(path, name)
            case ".csv" | ".tsv" | ".txt":
                self._csv(path, name, alone=alone)
            case ".xlsx" | ".xlsm":
                self._workbook(path, name)
            case _:
                self.source.ignored.append((name, f"is not {zip_file.KINDS}"))

    def _json(self, path: Path, name: str) -> None:
        state = json_state.read(path, self.scratch)
        self.source.it_partners |= state.it_partners
        self.source.ignored += [(name, reason) for reason in state.ignored]
        self.source.remarks += [(name, remark) for remark in state.remarks]
        conventions = Conventions(is_exact=state.is_own)
        for table, rows in state.rows.items():
            read = partial(_without_headings, rows)
            self.source.sheets.append(Sheet(table, name, "", read, conventions))

    def _csv(self, path: Path, name: str, *, alone: bool) -> None:
        table = table_of(path.stem) or (csv_file.guess_table(path) if alone else None)
        if table is None:
            self.source.ignored.append((name, "is named after no table"))
            return
        rows = partial(csv_file.rows, path, table)
        self.source.sheets.append(Sheet(table, name, "", rows, Conventions(guards_formulas=True)))

    def _workbook(self, path: Path, name: str) -> None:
        book = Book(path)
        self.stack.callback(book.close)
        for sheet, reason in book.left_out:
            self.source.ignored.append((name, f"sheet {sheet} {reason}"))
        for sheet in book.sheets:
            table = table_of(sheet)
            if table is None:
                self.source.ignored.append((name, f"sheet {sheet} is named after no table"))
                continue
            rows = partial(book.rows, sheet, table)
            conventions = Conventions(guards_formulas=True, epoch=book.epoch)
            self.source.sheets.append(Sheet(table, name, sheet, rows, conventions))


def _without_headings(
    rows: Callable[[], Iterator[RawRow]], _headings: Mapping[str, str]
) -> Iterator[RawRow]:
    return rows()


def _require_something(source: Source, name: str) -> None:
    if not source.sheets:
        found = "; ".join(f"{file} {why}" for file, why in source.ignored) or "it is empty"
        raise SourceError(
            f"Nothing to import in {name} ({found}). Files and sheets are to be named accounts, "
            "platforms_status, use_cases or updates."
        )
