"""How programs write CSV in other ways than Excel, and notebooks print tables.

Other marks around cells, blanks after delimiters, lines that are quoted as a whole, cells that
spreadsheets must not take for numbers, and lines that are drawn between rows.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from crm.importing.raw_rows import Unreadable

# Some exports write ="00123" so that a spreadsheet keeps the zeros.
_KEPT_AS_TEXT = re.compile(r'="(.*)"', re.DOTALL)
# Marks around cells that the csv module does not know.
_PAIRS = {("“", "”"), ("„", "“"), ("„", "”"), ("«", "»"), ("‘", "’")}
# Lines that Markdown, psql and Spark draw, and psql's count of the rows.
_DRAWN = re.compile(r"[|+]?:?[-=]{3,}[-=+|:]*")
# Their first characters; empty where a cell only has blanks.
_BEGINNINGS = ("", *"|+:-=(")
# As Excel shows them in English and in German.
_ERRORS = {
    *("#N/A", "#VALUE!", "#REF!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"),
    *("#NV", "#WERT!", "#BEZUG!", "#ZAHL!", "#ÜBERLAUF!"),
}
_TOO_NARROW = re.compile("#{4,}")
# The characters that Spark prints of a text at most.
_PRINTED = 20
_COUNT_OF_ROWS = re.compile(
    r"\(\d+ (rows?|Zeilen?|lignes?|filas?|righe|rij(en)?|linhas?|rader)( affected)?\)"
    r"|\d+ rows? in set( \([\d.]+ sec\))?"
)
_USUAL = ",;\t|"
# Rare ones, and the control characters of Hive and others.
DELIMITERS = f"{_USUAL}^~¦\x01\x1f"


@dataclass(frozen=True)
class Dialect:
    """How a file writes its cells."""

    delimiter: str
    quote: str = '"'
    has_blanks: bool = False
    has_pairs: bool = False
    # Its rows begin and end with “|”, as in Markdown and in what MySQL and Spark print.
    has_bars: bool = False

    def cells(self, record: list[str]) -> list[str]:
        """Return a record's cells without what only protects them."""
        return [self._cell(cell) for cell in record]

    def _cell(self, cell: str) -> str:
        if self.has_pairs and (cell[:1], cell[-1:]) in _PAIRS:
            return cell[1:-1]
        if cell.startswith("=") and (kept := _KEPT_AS_TEXT.fullmatch(cell.strip())):
            return kept[1].replace('""', '"')
        return cell

    def split_whole(self, record: list[str]) -> list[str]:
        """Return the cells of a line that is quoted as a whole; of any other, its own."""
        if not record or self.delimiter not in record[0] or any(record[1:]):
            return record
        return next(csv.reader([record[0]], delimiter=self.delimiter), record)

    def split_otherwise(self, record: list[str], width: int) -> tuple[str, list[str]]:
        """Return the delimiter and the cells of a line that has another delimiter than the file,
        as lines have that were added elsewhere; nothing for any other line."""
        for delimiter in _USUAL if len(record) == 1 < width else "":
            cells = next(csv.reader(record, delimiter=delimiter, quotechar=self.quote), [])
            if len(cells) == width:
                return delimiter, cells
        return "", []

    def with_escaped(self, record: list[str], text: str, width: int) -> list[str]:
        """Return the cells of a row in which backslashes stand before delimiters within cells, as
        in Markdown; of any other row, its own. ``text``: the row as the file has it."""
        parts: list[list[str]] = []
        for cell in record:
            if parts and self._ends_in_escape(parts[-1][-1], text):
                parts[-1][-1] = parts[-1][-1][:-1]
                parts[-1].append(cell)
            else:
                parts.append([cell])
        sign = f"{self.delimiter} " if self.has_blanks else self.delimiter
        return [sign.join(each) for each in parts] if len(parts) == width else record

    def has_escapes(self, record: list[str], text: str) -> bool:
        """Return whether backslashes stand before delimiters in a row."""
        return any(self._ends_in_escape(cell, text) for cell in record[:-1])

    def _ends_in_escape(self, cell: str, text: str) -> bool:
        """Return whether a cell ends in a backslash before a delimiter. One of two backslashes
        stands for itself, and after that of a quoted cell comes the quotation mark."""
        is_escape = (len(cell) - len(cell.rstrip("\\"))) % 2 == 1
        return is_escape and f"{cell[-2:]}{self.delimiter}" in text

    def whole(self, cells: Sequence[str]) -> list[str | Unreadable]:
        """Return the cells without what is no whole value: Excel's errors, and texts that were cut
        when a table was printed."""
        return [
            Unreadable(reason) if (reason := _why_not_whole(cell, self.has_bars)) else cell
            for cell in cells
        ]


def dialect_of(delimiter: str, headings: Sequence[str]) -> Dialect:
    """Return how a file with these headings, as they are between the delimiters, writes cells."""
    words = [heading.strip() for heading in headings if heading.strip()]
    has_blanks = len(headings) > 1 and all(cell[:1] == " " for cell in headings[1:] if cell)
    is_single = len(words) > 1 and all(len(w) > 2 and w[0] == w[-1] == "'" for w in words)
    has_pairs = bool(words) and all((word[0], word[-1]) in _PAIRS for word in words)
    has_ends = len(headings) > 2 and not (headings[0] + headings[-1]).strip()
    has_bars = delimiter == "|" and has_ends
    return Dialect(delimiter, "'" if is_single else '"', has_blanks, has_pairs, has_bars)


def _why_not_whole(cell: str, has_bars: bool) -> str:
    if cell.startswith("#"):
        text = cell.strip()
        if text in _ERRORS:
            return f"is Excel’s error {text}"
        return "is what Excel shows in a narrow column" if _TOO_NARROW.fullmatch(text) else ""
    # A text of another file may end in dots itself.
    is_cut = has_bars and len(cell.strip()) == _PRINTED and cell.rstrip().endswith("...")
    return "was cut when it was printed, so it is not whole" if is_cut else ""


def is_drawn(cells: Sequence[str]) -> bool:
    """Return whether a record only draws a line between rows, or counts them."""
    first = next(filter(None, cells), "-").lstrip()[:1]
    if first not in _BEGINNINGS and not first.isdigit():
        return False
    words = [word for cell in cells if (word := cell.strip())]
    if len(words) == 1 and _COUNT_OF_ROWS.fullmatch(words[0]):
        return True
    return bool(words) and all(_DRAWN.fullmatch(word) for word in words)
