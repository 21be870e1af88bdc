"""Apostrophes that only protect the text after them in a spreadsheet."""

from __future__ import annotations

import re

from crm.model.schema import Column

# A text that our exports guard with an apostrophe, see crm/exporting/tabular.py.
_GUARDED = re.compile(r"'+[=+\-@\t\r]")
# A key that somebody marked as a text, so that a spreadsheet keeps its zeros.
_MARKED_AS_TEXT = re.compile(r"'\d[^'\s]*")


def is_guarded(text: str) -> bool:
    return bool(_GUARDED.match(text))


def removal(column: Column, text: str) -> str:
    """Return the remark on the removal of the apostrophe before a text; empty where it stays."""
    if not text.startswith("'"):
        return ""
    if is_guarded(text):
        return "the apostrophe that guards spreadsheets against formulas was removed"
    if column.not_null and _MARKED_AS_TEXT.fullmatch(text):
        return "the apostrophe that makes a number a text was removed"
    return ""
