"""Turns a raw row into a row of our tables: columns found, values cleaned, keys checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from crm.model import vocabulary
from crm.model.links import link_problem
from crm.model.made_ids import made_id
from crm.model.missing import is_empty
from crm.model.schema import ACCOUNTS, MAX_LINE, PLATFORMS_STATUS, Column, Table

from . import cleaning
from .dates import AmbiguousDate
from .errors import Refused
from .findings import CHANGED, NOTED, REFUSED, Findings, Place
from .memory import Memory
from .raw_rows import Long, RawRow, Sheet, Unreadable
from .sheet_columns import SheetColumns

_SHORTENED = re.compile(r"\d([.,]\d+)?E\+?\d+", re.IGNORECASE)
# Between these, dates are likely to be meant.
_LIKELY = ("1970", "2100")
# As pandas writes the whole numbers of a column with gaps.
_LENGTHENED = re.compile(r"\d+\.0")

# Signs that programs escape in web pages, and tags of these with their attributes. People write
# “a <b and c> d” and “<p@example.com>”, which are none.
_HTML = re.compile(
    r"&(?:amp|lt|gt|quot|apos|nbsp|#\d+|#x[0-9a-f]+);"
    r"|</?(?:a|b|br|div|em|font|h[1-6]|i|img|li|ol|p|span|strong|table|t[dhr]|u|ul)"
    r"""(?:\s++[\w:-]++\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s"'<>]++))*+\s*+/?>""",
    re.IGNORECASE,
)

# What the bytes of a letter in UTF-8 look like in Windows-1252.
_MULTIBYTE = re.compile("[\u00c2-\u00f4][^\x00-\x7f]")

# What an empty cell does where a value is stored.
KEEP, CLEAR = "keep", "clear"

CleanRow = dict[str, str | None]


@dataclass(frozen=True)
class Surroundings:
    """What rows need beside themselves. ``it_partners`` maps business areas to IT partners."""

    findings: Findings
    memory: Memory
    it_partners: Mapping[str, str]


class Row:
    """One raw row while it is cleaned. ``filled`` are the columns that the file has a value for,
    even an empty one."""

    def __init__(self, around: Surroundings, sheet: Sheet, raw: RawRow) -> None:
        self._around, self._sheet, self._raw, self._table = around, sheet, raw, sheet.table
        self.place = Place(sheet.file, sheet.name, raw.name)
        self.filled: set[str] = set()

    def clean(self, columns: SheetColumns) -> CleanRow | None:
        """Return the row's values by column, or None if it is refused."""
        for remark in self._raw.remarks:
            self._add_finding(remark.outcome, remark.reason, remark.column)
        if self._raw.cells is None:
            return None
        table, column = self._table, ""
        row: CleanRow = dict.fromkeys(table.names)
        try:
            for column, indexes in columns.indexes(self._raw.cells).items():
                cells = [self._raw.cells[index] for index in indexes]
                row[column] = self._value_or_nothing(columns, column, cells)
            owner = table.column(table.owner)
            if table.parent_key and row[owner.name] is None:
                raise Refused(f"{owner.label} is missing", owner.name)
            self._complete(row)
        except Refused as refused:
            self._add_finding(REFUSED, str(refused), refused.column or column)
            return None
        self._note_empty_fields(columns, row)
        return row

    def _value_or_nothing(
        self, columns: SheetColumns, name: str, cells: list[tuple[str, Any]]
    ) -> str | None:
        """Clean a column's value. A value that does not fit refuses the row if the column helps to
        identify the row; otherwise the value is reported and left out."""
        try:
            return self._value(columns, name, cells)
        except Refused as refused:
            if name in (self._table.key, self._table.parent_key, *self._table.match):
                raise
            self.filled.discard(name)
            self._add_finding(NOTED, f"{refused}; left empty", name)
            return None

    def _add_finding(self, outcome: str, reason: str, column: str = "") -> None:
        self._around.findings.add(outcome, self._table.name, self.place, reason, column)

    def _value(self, columns: SheetColumns, name: str, cells: list[tuple[str, Any]]) -> str | None:
        """Clean the value of the column's first filled cell; the links of all its cells."""
        column = self._table.column(name)
        for _, raw in cells:
            if isinstance(raw, Unreadable):
                self._add_finding(NOTED, f"{raw.reason}; not imported", name)
        readable = [(heading, raw) for heading, raw in cells if not isinstance(raw, Unreadable)]
        if not readable:
            return None
        self.filled.add(name)
        with_value = [(heading, raw) for heading, raw in readable if not is_empty(raw)]
        conventions = columns.conventions(column)
        if not with_value:
            return cleaning.clean(column, readable[0][1], conventions).value
        if column.kind == "links" and len(with_value) > 1:
            raw = [link for _, each in with_value for link in cleaning.links_in(each, conventions)]
        else:
            raw = with_value[0][1]
        if name == self._table.parent_key and len(str(raw)) <= MAX_LINE:
            column = _owner_or_team(column)
        try:
            cleaned = cleaning.clean(column, raw, conventions)
        except AmbiguousDate:
            conventions = columns.learn_date_order(column)
            cleaned = cleaning.clean(column, raw, conventions)
        if column.kind != "links":
            self._note_contradictions(column, cleaned.value, with_value[1:], conventions)
        if cleaned.change:
            self._add_finding(CHANGED, cleaned.change, name)
        if cleaned.reading:
            columns.report_once(CHANGED, name, cleaned.reading)
        self._note_doubts(column, cleaned.value, raw)
        return cleaned.value

    def _note_contradictions(
        self,
        column: Column,
        first: str | None,
        others: list[tuple[str, Any]],
        conventions: cleaning.Conventions,
    ) -> None:
        """Report other cells of the same column that contradict the first."""
        for heading, raw in others:
            try:
                other = cleaning.clean(column, raw, conventions).value
            except Refused:
                other = str(raw)
            if other != first:
                reason = f"“{heading}” has another value, “{(other or '')[:80]}”; not imported"
                self._add_finding(NOTED, reason, column.name)

    def _note_doubts(self, column: Column, value: str | None, raw: Any) -> None:
        """Report imported values that a person should check."""
        if value and "\ufffd" in value:
            self._add_finding(NOTED, "has a character that could not be read (�)", column.name)
        if value and (meant := _misread(value)):
            reason = f"may be “{meant[:80]}” in a wrong encoding; kept as it is"
            self._add_finding(NOTED, reason, column.name)
        if value and ("&" in value or "<" in value) and (html := _HTML.search(value)):
            self._add_finding(
                NOTED, f"has “{html[0]}” as HTML writes it; kept as it is", column.name
            )
        if column.kind == "long_text" and value == "None":
            reason = "“None” may stand for a missing value; kept as it is"
            self._add_finding(NOTED, reason, column.name)
        if value and column.name in self._table.match[-1:]:
            if isinstance(raw, Long) or _SHORTENED.fullmatch(value):
                reason = f"“{value}” may be a number that Excel shortened"
                self._add_finding(NOTED, reason, column.name)
            elif _LENGTHENED.fullmatch(value):
                reason = f"“{value}” may be the number {value[:-2]}, as pandas writes it"
                self._add_finding(NOTED, reason, column.name)
        if value and column.type != "STRING" and not _LIKELY[0] <= value < _LIKELY[1]:
            reason = f"{value[:10]} is before 1970 or after 2099; check it"
            self._add_finding(NOTED, reason, column.name)
        if column.vocabulary and value and value not in vocabulary.words(column.vocabulary):
            reason = f"“{value}” is not one of the known words; kept as it is"
            self._add_finding(NOTED, reason, column.name)
        if column.kind == "links":
            for link in filter(link_problem, (value or "").split("\n")):
                if link:
                    reason = f"“{link[:80]}” cannot be shown as a link; kept as text"
                    self._add_finding(NOTED, reason, column.name)

    def _note_empty_fields(self, columns: SheetColumns, row: CleanRow) -> None:
        """Report fields that our forms require and that are empty here."""
        if self._sheet.is_partners:
            return
        for column in self._table.own_columns:
            if column.required and not row[column.name]:
                if column.name in self.filled:
                    self._add_finding(NOTED, f"{column.label} is empty", column.name)
                else:
                    reason = f"some rows have no {column.label}; new ones are stored without it"
                    columns.report_once(NOTED, column.name, reason)

    def _complete(self, row: CleanRow) -> None:
        """Fill in what follows from other values: IT partners from areas, ids from contents."""
        table = self._table
        if table is ACCOUNTS:
            self._add_partners(row)
            partner = self._around.it_partners.get(row["business_area"] or "")
            if partner and not row["primary_it_partner"]:
                row["primary_it_partner"] = partner
                reason = f"filled with the IT partner of {row['business_area']}: {partner}"
                self._add_finding(CHANGED, reason, "primary_it_partner")
        elif table is PLATFORMS_STATUS:
            if not row["platform"]:
                raise Refused("Platform is missing", "platform")
            row["id"] = row["id"] or made_id(table, row)
        elif not row["id"]:
            row["id"] = made_id(table, row)
            self._add_finding(CHANGED, "had no id; one was made from its content", "id")
        cleaning.check_key(table.column(table.key), row[table.key])

    def _add_partners(self, row: CleanRow) -> None:
        """Fill in the IT partner that a table of partners has of the account."""
        partners = self._around.memory.partners_of(row[ACCOUNTS.key] or "")
        if partners and (self._sheet.is_partners or not row["primary_it_partner"]):
            row["primary_it_partner"] = ", ".join(partners)


def _misread(value: str) -> str:
    """Return what a text was if somebody took its UTF-8 for Windows-1252 (“Ã¶” is ö); else
    nothing."""
    if value.isascii() or not _MULTIBYTE.search(value):
        return ""
    try:
        return value.encode("cp1252").decode()
    except UnicodeError:
        return ""


@lru_cache(maxsize=32)
def _owner_or_team(column: Column) -> Column:
    """Return the column of a child's account, which may hold a team's name: see owners."""
    return replace(column, max_length=MAX_LINE)


def has_made_id(table: Table, row: CleanRow) -> bool:
    """Return whether the id of a child was made from its content."""
    return row["id"] == made_id(table, row)
