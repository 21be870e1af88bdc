"""The cells of a sheet's rows: values as a person sees them, errors as such."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import openpyxl
from openpyxl.worksheet._reader import DATA_TAG, FORMULA_TAG, ROW_TAG, VALUE_TAG, WorkSheetParser
from openpyxl.xml.functions import iterparse

from crm.exporting.workbook import CUT
from crm.importing.linked import Linked
from crm.importing.raw_rows import Long, Unreadable

from .limits import Pieces
from .strings import SharedStrings, unescape

Row = tuple[int, list[Any]]
# The number of columns in Excel.
_WIDEST = 16_384
# Excel keeps 15 digits of a number.
_FIRST_LONG = 10**15
# Literal texts and placeholders of digits; formats with other signs show quantities.
_FORMAT_TOKENS = re.compile(r'"([^"]*)"|\\(.)|([- /():.])|0')
# Excel's formats 0% and 0.00%, and those like them that a workbook defines.
_PERCENTAGES = (9, 10)
_PERCENTAGE = re.compile(r"[#,0]*0(\.0+)?%")
_LINK_FORMULA = re.compile(r'\s*HYPERLINK\(\s*"(https?://[^"]+)"', re.IGNORECASE)


class Parser(WorkSheetParser):  # type: ignore[misc]  # openpyxl has no types
    """Yields rows one by one, whatever dimension the sheet claims, and keeps none in memory. A
    cell that cannot be read becomes Unreadable instead of ending the sheet."""

    def __init__(self, source: Pieces, strings: SharedStrings, book: openpyxl.Workbook) -> None:
        super().__init__(
            source,
            strings,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        self._book = book

    def rows(self) -> Iterator[Row]:
        data = None
        for event, element in iterparse(self.source, events=("start", "end")):
            if event == "start":
                data = element if element.tag == DATA_TAG else data
            elif element.tag == ROW_TAG and data is not None:
                number, cells = self.parse_row(element)
                data.clear()
                self.row_dimensions.clear()  # heights and the like, of every row
                self.source.next_piece()
                yield number, _in_columns(cells)
            elif element.tag == DATA_TAG:
                return

    def parse_cell(self, element: Any) -> dict[str, Any]:
        try:
            cell: dict[str, Any] = super().parse_cell(element)
        except (ValueError, TypeError, IndexError, KeyError, OverflowError):
            text = str(element.findtext(VALUE_TAG))[:40]
            # The column is right, unless the cell’s reference itself could not be read.
            return {"column": self.col_counter, "value": Unreadable(f"“{text}” cannot be read")}
        if element.get("t") in ("inlineStr", "str") and isinstance(cell["value"], str):
            cell["value"] = unescape(cell["value"])
        cell["value"] = self._value(element, cell)
        return cell

    def _value(self, element: Any, cell: dict[str, Any]) -> Any:
        value = cell["value"]
        if cell["data_type"] == "e":
            return Unreadable(f"is Excel’s error {value}")
        if isinstance(value, str):
            if value.endswith(CUT):
                return Unreadable("was cut when it was exported, so it is not whole")
            link = _LINK_FORMULA.match(element.findtext(FORMULA_TAG) or "")
            return Linked(value, link[1]) if link else value
        if value is None and _is_unsaved(element):
            return Unreadable("is a formula whose result was not saved with it")
        if cell["data_type"] == "n" and cell["style_id"] and value is not None:
            value = formatted(value, self._number_format(cell["style_id"]))
        return Long(value) if _is_long(value) else value

    def _number_format(self, style: int) -> str:
        """Return the format that a workbook defines itself, or Excel's of percentages; empty for
        its others."""
        styles, formats = self._book._cell_styles, self._book._number_formats
        number = styles[style].numFmtId - 164 if style < len(styles) else -1
        if number + 164 in _PERCENTAGES:
            return "0%"
        return formats[number] if 0 <= number < len(formats) else ""


def _is_long(value: Any) -> bool:
    return isinstance(value, int | float) and _FIRST_LONG <= abs(value) < math.inf


def formatted(value: int | float, number_format: str) -> Any:
    """Return a whole number as text if its format makes a code of it, such as 00123 or BSN-007,
    and any number with its sign of percent; else the number."""
    if _PERCENTAGE.fullmatch(number_format) and math.isfinite(value):
        return f"{value * 100:.12g}%"
    tokens = _code_format(number_format)
    if not tokens or not 0 <= value < math.inf or value != int(value):
        return value
    digits = str(int(value))
    left = digits.zfill(tokens.count(""))
    extra = len(left) - tokens.count("")
    text, is_first = "", True
    for literal in tokens:
        taken = (extra + 1 if is_first else 1) if not literal else 0
        text, left = text + (literal or left[:taken]), left[taken:]
        is_first = is_first and bool(literal)
    return text


@lru_cache(maxsize=256)
def _code_format(number_format: str) -> list[str]:
    """Return the literals of a format, with "" for each digit; empty if it shows a quantity."""
    tokens, end = [], 0
    for found in _FORMAT_TOKENS.finditer(number_format):
        if found.start() != end:
            return []
        end = found.end()
        tokens.append(found[1] or found[2] or found[3] or "")
    is_code = tokens.count("") > 1 or any(literal.strip() for literal in tokens)
    is_whole = end == len(number_format) and "0.0" not in number_format
    return tokens if "" in tokens and is_code and is_whole else []


def _is_unsaved(element: Any) -> bool:
    """Return whether a formula has no saved result; an empty text is a result."""
    has_text = element.get("t") == "str" and element.find(VALUE_TAG) is not None
    return element.find(FORMULA_TAG) is not None and not has_text


def _in_columns(cells: list[dict[str, Any]]) -> list[Any]:
    width = max((cell["column"] for cell in cells), default=0)
    row: list[Any] = [None] * min(width, _WIDEST)
    for cell in cells:
        if cell["column"] <= _WIDEST:
            row[cell["column"] - 1] = cell["value"]
    return row
