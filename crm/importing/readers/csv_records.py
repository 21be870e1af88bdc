"""The records of a CSV file, one bad one not spoiling the rest: quotation marks that are never
closed swallow no other rows, and a row of any length is refused and not the file."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

from crm.importing.findings import NOTED, REFUSED
from crm.importing.raw import Remark

# Characters of one record. All columns together hold far less.
LONGEST = 4_000_000

csv.field_size_limit(LONGEST + 1)


class _TooLong(Exception):
    pass


@dataclass(frozen=True)
class Record:
    """``line`` is where it ends, for one that is refused where it begins; then ``cells`` is
    None."""

    line: int
    cells: list[str] | None
    remark: Remark | None = None


class _Lines:
    """Lines for a csv.reader, which can be had again from where the record began."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self.number = 0
        self.begin()

    def begin(self) -> None:
        self.taken: list[str] = []
        self._size = 0

    def back(self, keep: int) -> None:
        """Take back all of the record's lines but the first ``keep``."""
        self._again.extendleft(reversed(self.taken[keep:]))
        self.number -= len(self.taken) - keep
        self.begin()

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        if not line:
            raise StopIteration
        self.number += 1
        self.taken.append(line)
        self._size += len(line)
        if self._size > LONGEST:
            raise _TooLong
        return line

    def skip_quoted(self) -> None:
        """Go on behind the line that closes a quotation mark."""
        while line := self._again.popleft() if self._again else self._read():
            self.number += 1
            if line.replace('""', "").count('"') % 2:
                return

    def _read(self) -> str:
        """A line, or as much of it as shows that it is too long."""
        line = self._file.readline(LONGEST + 1)
        rest = line
        while len(rest) > LONGEST and not rest.endswith(("\n", "\r")):
            rest = self._file.readline(LONGEST + 1)
        return line


class Records:
    """Iterates over a file's records. Set ``width`` when the headings are known: how many cells
    a row has tells swallowed rows from texts of several lines."""

    def __init__(self, file: TextIO, delimiter: str) -> None:
        self.width = 0
        self._lines = _Lines(file)
        self._delimiter = delimiter

    def __iter__(self) -> Iterator[Record]:
        lines = self._lines
        reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
        while True:
            lines.begin()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, _TooLong):
                yield self._doubtful()
                continue
            if len(cells) != self.width and self._swallowed():
                yield self._unclosed()
            else:
                yield Record(lines.number, cells)

    def _doubtful(self) -> Record:
        """A record that is not as CSV should be: as good as it can be read, or refused."""
        lines = self._lines
        lines.back(0)
        try:
            cells = next(csv.reader(lines, delimiter=self._delimiter))
        except (csv.Error, _TooLong):
            cells = None
        if self._swallowed():
            return self._unclosed()
        if cells is None:
            return self._too_long()
        reason = "its quotation marks are not in order; look whether it was read rightly"
        return Record(lines.number, cells, Remark(NOTED, reason))

    def _swallowed(self) -> bool:
        """Whether the record's second line is a row of its own."""
        if self.width < 2 or len(self._lines.taken) < 2:
            return False
        try:
            cells = next(csv.reader(self._lines.taken[1:2], delimiter=self._delimiter), [])
        except csv.Error:
            return False
        return len(cells) == self.width

    def _unclosed(self) -> Record:
        self._lines.back(1)
        reason = "a quotation mark is opened here and not closed; the rows after it were read"
        return Record(self._lines.number, None, Remark(REFUSED, reason))

    def _too_long(self) -> Record:
        lines = self._lines
        first = lines.number - len(lines.taken) + 1
        if len(lines.taken) > 1:
            lines.skip_quoted()
        to = f" (to line {lines.number})" if lines.number > first else ""
        reason = f"is longer than {LONGEST:,} characters{to}; not imported"
        return Record(first, None, Remark(REFUSED, reason))
