"""CSV files: whatever encoding and delimiter they were saved with."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crm.schema import TABLES, Table

from .errors import SourceError
from .headings import columns_of

DELIMITERS = ",;\t|"
_SAMPLE = 64 * 1024

csv.field_size_limit(16 * 1024 * 1024)


def encoding_of(path: Path) -> str:
    """By its byte-order mark; else UTF-8 if all of it decodes, else Windows-1252."""
    with path.open("rb") as file:
        start = file.read(4)
        if start.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


def rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(line number, {heading: value}); raises SourceError for a file without headings."""
    encoding = encoding_of(path)
    # Windows-1252 leaves five bytes undefined; they must not stop the file.
    errors = "replace" if encoding == "cp1252" else "strict"
    with path.open(encoding=encoding, errors=errors, newline="") as file:
        sample = file.read(_SAMPLE)
        file.seek(0)
        reader = csv.DictReader(file, delimiter=_delimiter(sample), restkey="", strict=False)
        try:
            if not reader.fieldnames:
                raise SourceError(f"{path.name} has no headings.")
            for row in reader:
                if any(value not in (None, "", []) for value in row.values()):
                    yield str(reader.line_num), {k: v for k, v in row.items() if k}
        except (csv.Error, UnicodeError) as error:
            where = f"{path.name}, line {reader.line_num}"
            raise SourceError(f"{where} cannot be read: {error}") from error


def guess_table(path: Path) -> Table | None:
    """The table whose columns the headings fit best, for a file with a name of its own."""
    with path.open(encoding=encoding_of(path), errors="replace", newline="") as file:
        sample = file.read(_SAMPLE)
    headings = next(csv.reader(sample.splitlines()[:1], delimiter=_delimiter(sample)), [])
    fits = [(len(columns_of(table, headings)), table) for table in TABLES]
    best = max(fits, key=lambda fit: fit[0])
    return best[1] if best[0] >= 3 else None


def _delimiter(sample: str) -> str:
    """The delimiter that the heading line has most of."""
    heading = sample.split("\n", 1)[0]
    return max(DELIMITERS, key=heading.count)
