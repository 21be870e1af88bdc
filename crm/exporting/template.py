"""Templates to fill in and to import: one table, with the words that its columns allow."""

from __future__ import annotations

import csv
import io
from typing import Any, BinaryIO

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from crm.model import vocabulary
from crm.model.schema import Column, Table

from .workbook import MOST_ROWS

FORMS = ("xlsx", "csv")
# The sheet of a workbook that lists the allowed words. An import does not read it.
WORDS = "Allowed words"
_WIDTHS = {"long_text": 60, "links": 40}
_WIDTH, _DAY = 22, "yyyy-mm-dd"
# The most characters that Excel shows in a prompt.
_LONGEST_PROMPT = 255


def columns(table: Table) -> list[Column]:
    """Return the columns that a person fills in; the import creates the ids."""
    return [column for column in table.own_columns if column.name != "id"]


def words(table: Table) -> list[tuple[str, tuple[str, ...]]]:
    """Return the words that an import knows, by the label of their column."""
    return [
        (column.label, vocabulary.words(column.vocabulary))
        for column in columns(table)
        if column.vocabulary
    ]


def write(file: BinaryIO, table: Table, form: str) -> None:
    {"xlsx": _write_workbook, "csv": _write_csv}[form](file, table)


def _write_csv(file: BinaryIO, table: Table) -> None:
    # The byte order mark tells Excel that the file is UTF-8.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    csv.writer(text).writerow([column.label for column in columns(table)])
    text.flush()
    text.detach()


def _write_workbook(file: BinaryIO, table: Table) -> None:
    book = Workbook()
    sheet: Any = book.active
    sheet.title = table.plural.title()
    sheet.freeze_panes = "A2"
    lists = _write_words(book, table)
    for number, column in enumerate(columns(table), start=1):
        letter = get_column_letter(number)
        heading = sheet.cell(1, number, column.label)
        heading.font = Font(bold=_is_needed(column))
        dimension = sheet.column_dimensions[letter]
        dimension.width = _WIDTHS.get(column.kind, _WIDTH)
        # The text format keeps input as it is typed: otherwise Excel would turn 00123 into a
        # number.
        dimension.number_format = _DAY if column.type == "DATE" else "@"
        rule = _rule(column, lists.get(column.label))
        rule.add(f"{letter}2:{letter}{MOST_ROWS}")
        sheet.add_data_validation(rule)
    book.save(file)


def _write_words(book: Workbook, table: Table) -> dict[str, str]:
    """Write the sheet of words, if there are any; return the cells of each column's words."""
    found = words(table)
    if not found:
        return {}
    sheet: Any = book.create_sheet(WORDS)
    places = {}
    for number, (label, of_column) in enumerate(found, start=1):
        letter = get_column_letter(number)
        sheet.cell(1, number, label).font = Font(bold=True)
        sheet.column_dimensions[letter].width = _WIDTH
        for row, word in enumerate(of_column, start=2):
            cell = sheet.cell(row, number, word)
            cell.data_type = "s"
        places[label] = f"'{WORDS}'!${letter}$2:${letter}${len(of_column) + 1}"
    return places


def _is_needed(column: Column) -> bool:
    return column.required or column.not_null


def _rule(column: Column, list_of_words: str | None) -> DataValidation:
    """Return the column's rule. It only prompts and warns, since an import accepts other words."""
    needed = "" if _is_needed(column) else "May stay empty. "
    prompt = f"{needed}{column.help or column.comment}"[:_LONGEST_PROMPT]
    if list_of_words:
        rule = DataValidation(type="list", formula1=list_of_words, allow_blank=True)
        rule.error = f"This is not one of the words on the sheet “{WORDS}”."
    elif column.type == "DATE":
        rule = DataValidation(type="date", operator="greaterThan", formula1="1", allow_blank=True)
        rule.error = "This is not a date."
    else:
        limit = str(column.max_length)
        rule = DataValidation(type="textLength", operator="lessThanOrEqual", formula1=limit)
        rule.error = f"At most {column.max_length:,} characters fit."
    rule.errorStyle = "warning"
    rule.showErrorMessage = rule.showInputMessage = True
    rule.promptTitle, rule.prompt = column.label[:32], prompt
    return rule
