"""CSV files in any encoding and with any delimiter, with or without titles above the headings."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from crm.importing.findings import CHANGED, NOTED, REFUSED, SKIPPED
from crm.importing.headings import ROWS_SEARCHED, cell_text, heading_row
from crm.importing.raw_rows import (
    FIRST_COLUMN_NAMELESS,
    RawRow,
    Remark,
    above_headings,
    no_known_heading,
    under_headings,
)
from crm.model.schema import TABLES, Table

from .csv_dialect import DELIMITERS, Dialect, dialect_of, is_drawn
from .csv_records import Record, Records
from .encoding import Encoding, encoding_of

_SAMPLE = 64 * 1024
# A first line with which Excel names the delimiter.
_SEP = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_WORD = re.compile(r"\w")
_IS_DRAWN = "is a line between rows, or their number; not imported"
_WAS_QUOTED = "the whole line stood in quotation marks; it was split into cells"
_WAS_ESCAPED = "backslashes stood before delimiters in its texts; they were removed"
# The beginning of remarks on rows whose values may be in wrong columns: see doubts.
GUESSED = "has too many cells, and a backslash before a delimiter, which was taken for"
_JOINED = f"{GUESSED} a part of a text; check that each value is in its column"
_NOT_JOINED = f"{GUESSED} the end of a text; check that each value is in its column"
_IS_TOO_LONG = (
    "has more cells than there are headings; if a text has the delimiter, but no quotation marks, "
    "the values after it are in wrong columns"
)


@dataclass(frozen=True)
class _Start:
    """How a file begins.

    ``index`` is that of the record with the headings, of which ``known`` are known to us.
    ``names_delimiter``: the first line only names the delimiter.
    """

    dialect: Dialect
    index: int = -1
    known: int = 0
    names_delimiter: bool = False


def rows(
    path: Path,
    table: Table,
    given: Mapping[str, str],
    chosen_encoding: str = "",
    *,
    is_exact: bool = False,
) -> Iterator[RawRow]:
    """Yield the rows of the file, named by line number. ``is_exact``: every text is meant."""
    encoding = encoding_of(path, chosen_encoding)
    start = _start(_sample(path, encoding), table, given)
    if encoding.remark:
        yield RawRow("", None, [Remark(NOTED, encoding.remark)])
    if start.index < 0:
        yield RawRow("", None, [Remark(REFUSED, "is empty: there are no headings")])
        return
    names: list[str] | None = None
    with path.open(encoding=encoding.name, errors=encoding.errors, newline="") as file:
        dialect = start.dialect
        records = Records(file, dialect)
        for index, record in enumerate(records):
            if record.cells is not None and not any(map(cell_text, record.cells)):
                continue
            if names is not None:
                yield _raw_row(names, record, dialect, is_exact)
            elif index == start.index:
                names = _names(dialect, record.cells or [])
                records.width = len(names)
                if not start.known:
                    yield no_known_heading(names)
                if names and not names[0] and any(names):
                    yield RawRow("", None, [Remark(SKIPPED, FIRST_COLUMN_NAMELESS)])
            elif index or not start.names_delimiter:
                yield above_headings(str(record.line))


def _raw_row(headings: Sequence[str], record: Record, dialect: Dialect, is_exact: bool) -> RawRow:
    remarks, name = [record.remark] if record.remark else [], str(record.line)
    if record.cells is None:
        return RawRow(name, None, remarks)
    if is_drawn(record.cells):
        return RawRow(name, None, [Remark(SKIPPED, _IS_DRAWN)])
    given, remark = _with_escaped(headings, record, dialect)
    remarks += [remark] if remark else []
    cells = dialect.split_whole(given)
    if len(cells) != len(given) and len(cells) == len(headings):
        remarks.append(Remark(CHANGED, _WAS_QUOTED))
    else:
        delimiter, cells = dialect.split_otherwise(given, len(headings))
        if cells:
            sign = "tabs" if delimiter == "\t" else f"“{delimiter}”"
            reason = f"its cells are separated by {sign}, unlike the headings"
            remarks.append(Remark(CHANGED, reason))
        else:
            cells = given
    if len(cells) > len(headings) and any(map(cell_text, cells[len(headings) :])):
        remarks.append(Remark(NOTED, _IS_TOO_LONG))
    texts = dialect.cells(cells)
    values = texts if is_exact else dialect.whole(texts)
    return under_headings(headings, name, values, remarks)


def _with_escaped(
    headings: Sequence[str], record: Record, dialect: Dialect
) -> tuple[list[str], Remark | None]:
    """Return the row's cells, with those joined that backslashes before delimiters keep together:
    only in a row that has too many cells."""
    cells, width = record.cells or [], len(headings)
    if len(cells) <= width:
        return cells, None
    joined = dialect.with_escaped(cells, record.text, width)
    if joined is cells:
        is_filled = any(map(cell_text, cells[width:]))
        is_guess = is_filled and dialect.has_escapes(cells, record.text)
        return cells, Remark(NOTED, _NOT_JOINED) if is_guess else None
    has_quotes = _has_quotes(record, dialect)
    if dialect.has_bars and dialect.has_blanks:  # Markdown, where quotation marks mean nothing
        return joined, Remark(NOTED, _JOINED) if has_quotes else Remark(CHANGED, _WAS_ESCAPED)
    # Folders may end in a backslash, and rows in a delimiter more than the headings. Who writes
    # quotation marks needs no backslashes.
    if has_quotes or (not dialect.has_bars and not any(map(cell_text, cells[width:]))):
        return cells, Remark(NOTED, _NOT_JOINED)
    return joined, Remark(NOTED, _JOINED)


def _has_quotes(record: Record, dialect: Dialect) -> bool:
    """Return whether quotation marks were read as marks around cells, and so are in no cell."""
    cells = record.cells or []
    return record.text.count(dialect.quote) != sum(cell.count(dialect.quote) for cell in cells)


def _names(dialect: Dialect, cells: list[str]) -> list[str]:
    return [cell_text(cell) for cell in dialect.cells(dialect.split_whole(cells))]


def headings(path: Path, given: Mapping[str, str], chosen_encoding: str = "") -> list[str]:
    """Return the headings of a file whose table is not known; empty if there are none."""
    sample = _sample(path, encoding_of(path, chosen_encoding))
    start = _best_start(sample, given)
    if start.index < 0:
        return []
    records = _records_in(sample, start.dialect)
    return _names(start.dialect, next(islice(records, start.index, None)))


def delimiter(path: Path, given: Mapping[str, str], chosen_encoding: str = "") -> str:
    return _best_start(_sample(path, encoding_of(path, chosen_encoding)), given).dialect.delimiter


def _best_start(sample: str, given: Mapping[str, str]) -> _Start:
    return max((_start(sample, table, given) for table in TABLES), key=lambda start: start.known)


def _sample(path: Path, encoding: Encoding) -> str:
    with path.open(encoding=encoding.name, errors="replace", newline="") as file:
        return file.read(_SAMPLE)


def _start(sample: str, table: Table, given: Mapping[str, str]) -> _Start:
    """Find the headings with the delimiter that gives the most known headings, or else the most
    cells."""
    named = _SEP.fullmatch(sample.splitlines()[0]) if sample.strip() else None
    best, most = _Start(Dialect(DELIMITERS[0])), (-1, -1)
    if not _WORD.search(sample):
        return best
    for delimiter in named[1] if named else DELIMITERS:
        first = list(islice(_records_in(sample, Dialect(delimiter)), ROWS_SEARCHED))
        if named:
            first[0] = []
        index, known = heading_row(table, first, given)
        merit = (known, len(first[index]) if index >= 0 else 0)
        if index >= 0 and merit > most:
            dialect = dialect_of(delimiter, first[index])
            best, most = _Start(dialect, index, known, bool(named)), merit
    return best


def _records_in(sample: str, dialect: Dialect) -> Iterator[list[str]]:
    reader = csv.reader(
        io.StringIO(sample, newline=""),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        skipinitialspace=dialect.has_blanks,
    )
    try:
        yield from map(dialect.split_whole, reader)
    except csv.Error:  # a quoted cell that never ends
        return
