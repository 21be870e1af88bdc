"""Opens a file, folder or archive of any kind as sheets of raw rows.

Each iteration reads a sheet again, row by row, so no file has to fit into memory.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from crm.importing.readers.xlsx.book import Book
from crm.model.schema import ACCOUNTS, TABLE_BY_NAME, TABLES, Table

from .cleaning import Conventions
from .errors import NotJson, SourceError
from .findings import NOTED
from .headings import (
    IS_LEFT_OUT,
    LEFT_OUT,
    REASON,
    is_partners,
    normal,
    table_of,
    table_of_file,
    table_with_headings,
)
from .mapping.chosen import AS_GUESSED, SourceMapping, sheet_name
from .parts import Part, Source
from .raw_rows import Remark, Rows, Sheet, without_reasons
from .readers import csv_file, file_kind, json_state, own_export, zip_file
from .readers.encoding import encoding_of
from .readers.json_state import State
from .within_accounts import sheets

# The end of the name of a sheet that has the rows for which another has no room.
_CONTINUES = re.compile(r" \(\d+\)$")
# How many left-out files and sheets a refusal names.
MOST_NAMED = 10


@contextmanager
def opened(
    path: Path, mapping: SourceMapping = AS_GUESSED, *, needs_rows: bool = True
) -> Iterator[Source]:
    """Open a JSON file, a CSV file, a workbook, or a folder or zip archive of these.

    Raises SourceError if nothing there can be read, or ``mapping`` names a file that is not there.
    Without ``needs_rows``, a file whose table is unknown is enough, and no name is checked.
    """
    if not path.exists():
        raise SourceError(f"There is no {path}.")
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edip-import-")))
        reading = _Reading(stack, scratch, mapping, own_export.is_own_export(path))
        if path.suffix.lower() == ".zip":
            folder = scratch / "archive"
            reading.source.ignored += zip_file.unpack(path, folder, file_kind.ENDINGS)
            reading.folder(folder)
        elif path.is_dir():
            reading.folder(path)
        else:
            reading.file(path, path.name, alone=True)
        reading.add_unnamed()
        if needs_rows:
            _require_known_names(reading.source, mapping)
        if needs_rows or not reading.source.parts:
            _require_something(reading.source, path.name)
        yield reading.source


@dataclass
class _Reading:
    """A source while it is put together. ``scratch`` is a folder that lasts as long as it;
    ``is_exact``: nobody has changed its values since this app exported them.

    ``unnamed``: parts that are not exactly named after their table, and whether their headings
    showed it.
    """

    stack: ExitStack
    scratch: Path
    mapping: SourceMapping
    is_exact: bool
    source: Source = field(default_factory=Source)
    unnamed: list[tuple[Part, bool]] = field(default_factory=list)

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
                reason = file_kind.why_other(path, zip_file.KINDS)
                if alone:
                    raise SourceError(f"{name} {reason}.")
                self.source.ignored.append((name, reason))

    def add_unnamed(self) -> None:
        """Add each sheet that is not exactly named after its table, if no other file or sheet
        is."""
        named = {sheet.table for sheet in self.source.sheets}
        for part, by_headings in self.unnamed:
            what = f"sheet {part.name} " if part.name else ""
            if part.guess is None:
                self._leave_out(part, f"{what}is not named after a table")
            elif part.guess in named:
                reason = f"{what}may hold {part.guess.plural} too, but is not named after them"
                self._leave_out(part, reason)
            else:
                self._add(part, part.guess)
                if by_headings:
                    reason = f"{what}was read as {part.guess.plural}, by its headings"
                    self.source.remarks.append((part.file, Remark(NOTED, reason)))

    def _add(self, part: Part, table: Table) -> None:
        self.source.parts.append(replace(part, table=table))
        sheet = part.as_table(table)
        sheet = replace(sheet, is_own=sheet.is_own or part.is_own)
        if table is not ACCOUNTS:
            self.source.sheets.append(sheet)
        elif is_partners(part.headings):
            self.source.sheets.append(sheets.of_partners(sheet))
        else:
            self.source.sheets += sheets.split(sheet, part.headings)

    def _leave_out(self, part: Part, reason: str) -> None:
        self.source.parts.append(part)
        self.source.ignored.append((part.file, reason))

    def _add_as_chosen(self, part: Part) -> bool:
        """Add or leave out a part as a person chose; return whether anybody chose.

        Raises SourceError if the file says that it is another table.
        """
        chosen = self.mapping.of(part.file, part.name).table
        if chosen == LEFT_OUT:
            what = f"sheet {part.name} " if part.name else ""
            self._leave_out(part, f"{what}{IS_LEFT_OUT}")
        elif chosen and part.is_fixed and part.guess is not TABLE_BY_NAME[chosen]:
            raise SourceError(f"{part.file} holds several tables, so it cannot be read as one.")
        elif chosen:
            self._add(part, TABLE_BY_NAME[chosen])
        return bool(chosen)

    def _sort(
        self, part: Part, headings: Callable[[], list[str]], stem: str, title: str = ""
    ) -> None:
        """Add a part now if a person chose its table, or if it is named after it; else keep it
        for ``add_unnamed``. ``title``: of the sheet that a sheet continues."""
        given = self.mapping.of(part.file, part.name).columns
        exact = table_of(title or part.name or stem)
        named = exact or table_of_file(part.name or stem) or table_of_file(stem)
        words = [each for each in headings() if normal(each) != REASON]
        guess = ACCOUNTS if is_partners(words) else named or table_with_headings(words, given)
        is_own = own_export.is_own_table(words)
        part = replace(part, guess=guess, is_own=is_own, headings=tuple(words))
        if self._add_as_chosen(part):
            return
        if exact or is_partners(words):
            self._add(part, exact or ACCOUNTS)
        else:
            self.unnamed.append((part, named is None))

    def _json(self, path: Path, name: str, *, alone: bool) -> None:
        chosen = self.mapping.of(name)
        table, encoding = TABLE_BY_NAME.get(chosen.table), chosen.encoding
        given = {table.name: self.mapping.of(name, table.name).columns for table in TABLES}

        def read(path: Path, table: Table | None) -> State:
            return json_state.read(path, name, self.scratch, given, table, encoding)

        try:
            state = read(path, table)
        except NotJson:
            literal = self.scratch / f"{len(list(self.scratch.iterdir()))}.literal.json"
            if file_kind.literal_as_json(path, literal, encoding) is None:
                if alone or path.suffix.lower() not in file_kind.TEXT_ENDINGS:
                    raise
                self._csv(path, name)
                return
            path, encoding = literal, ""
            state = read(path, table)
            state.remarks.append(Remark(NOTED, "is written as Python prints it, not as JSON"))
        self._add_state(name, state, lambda table: read(path, table).rows[table])

    def _add_state(self, name: str, state: State, rows_as: Callable[[Table], Rows]) -> None:
        """Add the tables of a JSON file. ``rows_as`` reads a file of one table as that table."""
        self.source.it_partners |= state.it_partners
        self.source.ignored += [(name, reason) for reason in state.ignored]
        self.source.remarks += [(name, remark) for remark in state.remarks]
        self.source.lost |= {f"{name}, {key}": counts for key, counts in state.lost.items()}
        whole = replace(self._json_part(name, "", state, rows_as), guess=state.guess)
        is_left_out = self.mapping.of(name).table == LEFT_OUT
        if state.is_of_one_table and (is_left_out or not state.rows):
            if is_left_out:
                self._add_as_chosen(whole)
            else:
                self.source.parts.append(whole)
            return
        if state.partners:
            partners = Sheet(ACCOUNTS, name, "", state.partners, may_be_empty=True)
            self.source.sheets.append(sheets.of_partners(partners))
        for table, rows in state.rows.items():
            part, is_nested = whole, table.name in state.nested
            if is_nested or not state.is_of_one_table:
                part = self._json_part(name, table.name, state, partial(_rows_of, rows))
                part = replace(part, guess=table, is_fixed=True)
            part = replace(part, headings=state.headings.get(table, ()))
            # The table of the file's records is not that of what lies within them.
            is_of_file = state.is_of_one_table and self.mapping.key(name, table.name) == name
            if (is_nested and is_of_file) or not self._add_as_chosen(part):
                self._add(part, table)

    def _json_part(
        self, file: str, name: str, state: State, rows_as: Callable[[Table], Rows]
    ) -> Part:
        chosen = self.mapping.of(file, name)
        conventions = replace(chosen.conventions, is_exact=state.is_own)

        def as_table(table: Table) -> Sheet:
            rows = without_reasons(rows_as(table))
            return Sheet(table, file, "", rows, conventions, chosen.columns, True, state.is_own)

        return Part(file, name, file_kind.JSON, as_table, encoding=state.encoding)

    def _csv(self, path: Path, name: str) -> None:
        chosen = self.mapping.of(name)
        conventions = replace(chosen.conventions, guards_formulas=True, is_exact=self.is_exact)

        def as_table(table: Table) -> Sheet:
            choices = chosen.columns, chosen.encoding
            rows = partial(csv_file.rows, path, table, *choices, is_exact=self.is_exact)
            return Sheet(table, name, "", without_reasons(rows), conventions, chosen.columns)

        delimiter = partial(csv_file.delimiter, path, chosen.columns, chosen.encoding)
        encoding = encoding_of(path, chosen.encoding)
        part = Part(name, "", file_kind.CSV, as_table, encoding=encoding, delimiter=delimiter)
        headings = partial(csv_file.headings, path, chosen.columns, chosen.encoding)
        self._sort(part, headings, path.stem)

    def _workbook(self, path: Path, name: str) -> None:
        book = Book(path)
        self.stack.callback(book.close)
        for sheet, reason in book.left_out:
            self.source.ignored.append((name, f"sheet {sheet} {reason}"))
        for sheet in book.sheets:
            chosen = self.mapping.of(name, sheet)
            conventions = replace(chosen.conventions, guards_formulas=True, epoch=book.epoch)
            conventions = replace(conventions, is_exact=self.is_exact)

            def as_table(
                table: Table,
                sheet: str = sheet,
                conventions: Conventions = conventions,
                columns: Mapping[str, str] = chosen.columns,
            ) -> Sheet:
                rows = partial(book.rows, sheet, table, columns)
                return Sheet(table, name, sheet, without_reasons(rows), conventions, columns)

            stem = path.stem if len(book.sheets) == 1 else ""
            headings = partial(book.headings, sheet, chosen.columns)
            title = _CONTINUES.sub("", sheet)
            part = Part(name, sheet, file_kind.WORKBOOK, as_table)
            self._sort(part, headings, stem, title if title in book.sheets else "")


def _rows_of(rows: Rows, _table: Table) -> Rows:
    return rows


def _require_known_names(source: Source, mapping: SourceMapping) -> None:
    parts = [(part.file, part.name) for part in source.parts]
    if unknown := mapping.of_no_part(parts):
        names = ", ".join(sheet_name(*part) for part in parts)
        raise SourceError(f"There is no {unknown[0]} in the source, which has: {names}.")


def _require_something(source: Source, name: str) -> None:
    if not source.sheets:
        left = [f"{file} {why}" for file, why in source.ignored]
        more = [f"and {len(left) - MOST_NAMED:,} more"] if len(left) > MOST_NAMED else []
        found = "; ".join([*left[:MOST_NAMED], *more]) or "it is empty"
        raise SourceError(
            f"Nothing to import in {name} ({found}). Name files and sheets accounts, "
            "platforms_status, use_cases or updates, or give them the headings of these tables."
        )
