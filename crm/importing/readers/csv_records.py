"""Splits a CSV file into records, so that a bad record does not spoil the others.

A quotation mark that is never closed does not swallow the rows after it, and a record that is too
long is refused without refusing the file.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TextIO

from crm.importing.findings import NOTED, REFUSED
from crm.importing.raw_rows import Remark

from .csv_dialect import Dialect

# Characters of one record. All columns of a table together hold far less.
LONGEST = 4_000_000
_MISMATCH = "its quotation marks do not match; check whether it was read correctly"
# The remark on a record whose values may be in wrong columns: see doubts.
MISREAD = (
    "its quotation marks do not match, and it has more or fewer cells than there are headings; "
    "check that each value is in its column"
)

csv.field_size_limit(LONGEST + 1)


class _TooLong(Exception):
    pass


@dataclass(frozen=True)
class Record:
    """One record. ``line`` is the number of its last line.

    ``cells`` is None for a refused record; ``line`` is then its first line. ``text``: its lines as
    the file has them; only of a record with more cells than there are headings.
    """

    line: int
    cells: list[str] | None
    remark: Remark | None = None
    text: str = ""


class _Lines:
    """The lines of a file, for a csv.reader; those of the current record can be read again."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self.number = 0
        self.begin()

    def begin(self) -> None:
        self.record: list[str] = []
        self._size = 0

    def back(self, keep: int) -> None:
        """Go back to line ``keep`` of the current record, so that it is read again from there."""
        self._again.extendleft(reversed(self.record[keep:]))
        self.number -= len(self.record) - keep
        self.begin()

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._next_line()
        if not line:
            raise StopIteration
        self.number += 1
        self.record.append(line)
        self._size += len(line)
        if self._size > LONGEST:
            raise _TooLong
        return line

    def skip_quoted(self) -> None:
        """Continue after the line that closes a quotation mark."""
        while line := self._again.popleft() if self._again else self._next_line():
            self.number += 1
            if line.replace('""', "").count('"') % 2:
                return

    def _next_line(self) -> str:
        """Read a line, cut off where it is longer than ``LONGEST``."""
        line = self._file.readline(LONGEST + 1)
        rest = line
        while len(rest) > LONGEST and not rest.endswith(("\n", "\r")):
            rest = self._file.readline(LONGEST + 1)
        return line


class Records:
    """Iterates over a file's records. Set ``width`` to the number of headings: it distinguishes
    rows that an open quotation mark swallowed from a cell of several lines."""

    def __init__(self, file: TextIO, dialect: Dialect) -> None:
        self.width = 0
        self._lines = _Lines(file)
        self._dialect = dialect

    def _reader(self, lines: Iterable[str], **options: Any) -> Iterator[list[str]]:
        return csv.reader(
            lines,
            delimiter=self._dialect.delimiter,
            quotechar=self._dialect.quote,
            skipinitialspace=self._dialect.has_blanks,
            **options,
        )

    def __iter__(self) -> Iterator[Record]:
        lines = self._lines
        reader = self._reader(lines, strict=True)
        while True:
            lines.begin()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, _TooLong):
                yield self._improper()
                continue
            if len(cells) != self.width and self._has_swallowed_rows():
                again = self._with_backslashes()
                yield self._record(again) if again else self._unclosed()
            else:
                yield self._record(cells)

    def _record(self, cells: list[str], remark: Remark | None = None) -> Record:
        text = "".join(self._lines.record) if len(cells) > self.width else ""
        return Record(self._lines.number, cells, remark, text)

    def _improper(self) -> Record:
        """Read a record that is not proper CSV as well as possible, or refuse it."""
        lines = self._lines
        if cells := self._with_backslashes():
            return self._record(cells)
        lines.back(0)
        try:
            cells = next(self._reader(self._lines_of_one_row()))
        except (csv.Error, _TooLong):
            cells = None
        if self._has_swallowed_rows():
            return self._unclosed()
        if cells is None:
            return self._too_long()
        reason = MISREAD if self._may_be_misread(cells) else _MISMATCH
        return self._record(cells, Remark(NOTED, reason))

    def _may_be_misread(self, cells: list[str]) -> bool:
        """Return whether the number of cells tells that a quotation mark opened or closed a cell
        where it should not."""
        if len(cells) < self.width:
            return any(self._dialect.delimiter in cell for cell in cells)
        return any(map(str.strip, cells[self.width :]))

    def _lines_of_one_row(self) -> Iterator[str]:
        """Yield lines until the second one looks like a whole row.

        Otherwise each row with an open quotation mark would read the rest of the file.
        """
        for line in self._lines:
            if len(self._lines.record) > 2 and self._has_swallowed_rows():
                return
            yield line

    def _with_backslashes(self) -> list[str] | None:
        """Read a record whose quotation marks within cells follow backslashes, as Spark writes
        them; None if it is not such a record."""
        if '\\"' not in "".join(self._lines.record):
            return None
        self._lines.back(0)
        try:
            options = {"escapechar": "\\", "doublequote": False, "strict": True}
            cells = next(self._reader(self._lines, **options))
        except (csv.Error, _TooLong, StopIteration):
            return None
        is_one = len(cells) == self.width and not self._has_swallowed_rows()
        return cells if is_one else None

    def _has_swallowed_rows(self) -> bool:
        """Return whether the record's second line looks like a whole row."""
        if self.width < 2 or len(self._lines.record) < 2:
            return False
        try:
            cells = next(self._reader(self._lines.record[1:2]), [])
        except csv.Error:
            return False
        return len(cells) == self.width

    def _unclosed(self) -> Record:
        self._lines.back(1)
        reason = "a quotation mark is opened here and not closed; the rows after it were read"
        return Record(self._lines.number, None, Remark(REFUSED, reason))

    def _too_long(self) -> Record:
        lines = self._lines
        first = lines.number - len(lines.record) + 1
        if len(lines.record) > 1:
            lines.skip_quoted()
        to = f" (to line {lines.number})" if lines.number > first else ""
        reason = f"is longer than {LONGEST:,} characters{to}; not imported"
        return Record(first, None, Remark(REFUSED, reason))
