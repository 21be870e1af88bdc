"""CSV files: whatever encoding and delimiter they were saved with, whatever stands on top."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from crm.importing.findings import NOTED, REFUSED
from crm.importing.headings import FIRST, heading_row, said
from crm.importing.raw import Raw, Remark, above_headings, cells_under
from crm.model.schema import TABLES, Table

from .csv_records import Record, Records
from .encoding import Encoding, encoding_of

DELIMITERS = ",;\t|"
_SAMPLE = 64 * 1024
# Excel’s own line that names the delimiter.
_SEP = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


@dataclass(frozen=True)
class _Start:
    """How a file begins: ``place`` counts records down to the headings, of which so many are
    ``known``; ``names_delimiter`` where its first line does just that."""

    delimiter: str
    place: int = -1
    known: int = 0
    names_delimiter: bool = False


def rows(path: Path, table: Table, given: Mapping[str, str]) -> Iterator[Raw]:
    """Named by line number."""
    encoding = encoding_of(path)
    start = _start(_sample(path, encoding), table, given)
    if encoding.remark:
        yield Raw("", None, [Remark(NOTED, encoding.remark)])
    if start.place < 0:
        yield Raw("", None, [Remark(REFUSED, "is empty: there are no headings")])
        return
    headings: list[str] | None = None
    with path.open(encoding=encoding.name, errors=encoding.errors, newline="") as file:
        records = Records(file, start.delimiter)
        for place, record in enumerate(records):
            if record.cells is not None and not any(map(said, record.cells)):
                continue
            if headings is not None:
                yield _as_raw(headings, record)
            elif place == start.place:
                headings = [said(cell) for cell in record.cells or ()]
                records.width = len(headings)
            elif place or not start.names_delimiter:
                yield above_headings(str(record.line))


def _as_raw(headings: Sequence[str], record: Record) -> Raw:
    remarks = [record.remark] if record.remark else []
    if record.cells is None:
        return Raw(str(record.line), None, remarks)
    return cells_under(headings, str(record.line), record.cells, remarks)


def guess_table(path: Path) -> Table | None:
    """The table whose columns the headings fit best, for a file with a name of its own."""
    sample = _sample(path, encoding_of(path))
    known, best = max(
        ((_start(sample, table, {}).known, table) for table in TABLES), key=lambda fit: fit[0]
    )
    return best if known >= 3 else None


def _sample(path: Path, encoding: Encoding) -> str:
    with path.open(encoding=encoding.name, errors="replace", newline="") as file:
        return file.read(_SAMPLE)


def _start(sample: str, table: Table, given: Mapping[str, str]) -> _Start:
    """By the delimiter with which most headings are known, else that gives most cells."""
    named = _SEP.fullmatch(sample.splitlines()[0]) if sample.strip() else None
    best, most = _Start(DELIMITERS[0]), (-1, -1)
    for delimiter in named[1] if named else DELIMITERS:
        first = list(islice(_sampled(sample, delimiter), FIRST))
        if named:
            first[0] = []
        place, known = heading_row(table, first, given)
        merit = (known, len(first[place]) if place >= 0 else 0)
        if place >= 0 and merit > most:
            best, most = _Start(delimiter, place, known, bool(named)), merit
    return best


def _sampled(sample: str, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    try:
        yield from reader
    except csv.Error:  # a cell without end
        return
