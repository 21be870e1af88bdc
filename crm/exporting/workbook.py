"""XLSX workbooks within Excel's limits: a separate sheet lists what did not fit.

Text stays text: no cell is a formula, and text that Excel would read as an escape is escaped
(ST_Xstring in ECMA-376, part 1, 22.9.2.19).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import Any, BinaryIO

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

# https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3
MOST_ROWS = 1_048_576
MOST_UNITS = 32_767
_LONGEST_TITLE = 31
# The sheet that lists what did not fit. An import does not read it.
NOTES = "About this file"
# The end of a text that was cut. An import does not accept such a text as the whole value.
CUT = " … [cut here: an Excel cell holds no more]"
# Excel's calendar begins here, and has a day too many before March.
_FIRST_DATE = dt.date(1900, 3, 1)
# Characters that XML cannot contain (https://www.w3.org/TR/xml/#charsets) or does not preserve,
# and text that looks like an escape, such as _x0041_ for A.
_ESCAPED = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_HALF_PAIRS = re.compile("[\ud800-\udfff]")
_NOT_IN_TITLES = re.compile(r"[\[\]:*?/\\\x00-\x1f]")

SheetOfRows = tuple[str, Sequence[str], Iterable[Sequence[Any]]]


def write(file: BinaryIO, sheets: Iterable[SheetOfRows], author: str = "") -> None:
    """Write a workbook of sheets (title, headings, rows). ``author`` is written into its
    properties."""
    workbook = Workbook(write_only=True)
    if author:
        workbook.properties.creator = author
    notes: list[str] = []
    for title, headings, rows in sheets:
        _add(workbook, title, headings, rows, notes)
    if notes:
        sheet = workbook.create_sheet(NOTES)
        for note in notes:
            sheet.append([note])
    workbook.save(file)


def _add(
    workbook: Workbook,
    title: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[Any]],
    notes: list[str],
) -> None:
    """Add the rows as one sheet, or as several with the same headings if there are too many."""
    title = _NOT_IN_TITLES.sub(" ", title).strip("'")[:_LONGEST_TITLE] or "Sheet"
    left, number, cut = iter(rows), 0, 0
    while True:
        number += 1
        name = title if number == 1 else f"{title[: _LONGEST_TITLE - 6]} ({number})"
        sheet = workbook.create_sheet(name)
        sheet.freeze_panes = "A2"
        sheet.append([_cell(sheet, heading) for heading in headings])
        for values in islice(left, MOST_ROWS - 1):
            sheet.append([_cell(sheet, value) for value in values])
            cut += sum(map(_is_cut, values))
        if (row := next(left, None)) is None:
            break
        left = chain([row], left)
        notes.append(f"A sheet holds {MOST_ROWS:,} rows: “{name}” goes on in another sheet.")
    if cut:
        texts = "1 text is" if cut == 1 else f"{cut:,} texts are"
        notes.append(
            f"A cell holds {MOST_UNITS:,} characters: in “{title}”, {texts} longer and cut. The "
            "JSON export has them whole."
        )


def _cell(sheet: Any, value: Any) -> Any:
    """Return the cell for a value: a date, time, number, boolean or text."""
    if isinstance(value, dt.date) and _day(value) < _FIRST_DATE:
        value = value.isoformat()
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, _escaped(_fitting(str(value))))
    if target := getattr(value, "target", ""):  # a text with a hyperlink, as an import reads it
        cell.hyperlink = target
    cell.data_type = "s"
    return cell


def _day(value: dt.date) -> dt.date:
    return value.date() if isinstance(value, dt.datetime) else value


def _units(text: str) -> int:
    """Return the length in UTF-16, as Excel counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _is_cut(value: Any) -> bool:
    return isinstance(value, str) and 2 * len(value) > MOST_UNITS and _units(value) > MOST_UNITS


def _fitting(text: str) -> str:
    if not _is_cut(text):
        return text
    kept = text.encode("utf-16-le", "surrogatepass")[: 2 * (MOST_UNITS - len(CUT))]
    return kept.decode("utf-16-le", "ignore") + CUT


def _escaped(text: str) -> str:
    text = _HALF_PAIRS.sub("", text)
    return _ESCAPED.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
