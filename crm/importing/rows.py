"""Turns raw rows into rows of our tables: columns found, values cleaned, keys checked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from crm.model import vocabulary
from crm.model.links import link_problem
from crm.model.made_ids import made_id
from crm.model.schema import ACCOUNTS, MAX_LINE, PLATFORMS_STATUS, Column, Table
from crm.repository.transfer.seen_keys import SeenKeys
from crm.repository.transfer.stored_teams import team_key

from . import cleaning
from .dates import AmbiguousDate
from .errors import Refused
from .findings import CHANGED, NO_ROWS, NOTED, REFUSED, SKIPPED, Findings, Place
from .parts import Source
from .raw_rows import RawRow, Sheet, Unreadable
from .sheet_columns import SheetColumns

_SHORTENED = re.compile(r"\d([.,]\d+)?E\+?\d+", re.IGNORECASE)

# What an empty cell does where a value is stored.
KEEP, CLEAR = "keep", "clear"

CleanRow = dict[str, str | None]


@dataclass
class Reader:
    """Reads one source, table after table, and remembers the keys that it has read.

    :param empty: what empty cells do; see importer.Options.
    """

    source: Source
    findings: Findings
    empty: str = ""
    _seen: SeenKeys = field(default_factory=SeenKeys)

    def __post_init__(self) -> None:
        for file, remark in self.source.remarks:
            self.findings.add(remark.outcome, "", Place(file), remark.reason, remark.column)

    def rows(self, table: Table) -> Iterator[tuple[Place, CleanRow, frozenset[str]]]:
        """Yield each row that can be imported, with its place and its filled columns.

        Rows are sparse: a column that the file has no value for is None and not among the filled
        columns, so its stored value stays. So does that of an empty cell, unless empty cells clear
        what is stored. Each key comes once.
        """
        for sheet in self.source.of(table):
            columns, is_empty = SheetColumns(sheet, self.findings), not sheet.may_be_empty
            clears = self.empty == CLEAR or (sheet.is_own and not self.empty)
            for raw in sheet.rows():
                is_empty = is_empty and raw.is_remark
                row = _Row(self, sheet, raw)
                clean = row.clean(columns)
                if clean is not None and self.is_first(table, row.place, clean):
                    self._note_team(table, clean)
                    filled = {name for name in table.names if clean[name] is not None}
                    filled |= row.filled if clears else set()
                    yield row.place, clean, frozenset(filled)
            columns.report_unknown()
            if is_empty:
                self.findings.add(NOTED, table.name, Place(sheet.file, sheet.name), NO_ROWS)

    def has_read(self, table: Table, id: str) -> bool:
        """Return whether a row that was read so far has this id, or was matched to it."""
        return self._seen.has(table.name, id) or self._seen.has(_matched(table), id)

    def note_match(self, table: Table, id: str, place: Place) -> None:
        """Note that the row at this place is the stored one with this id."""
        self._seen.add(_matched(table), id, "", str(place))

    def is_matched(self, table: Table, id: str) -> bool:
        """Return whether a row without an id was matched to the stored one with this id."""
        return self._seen.has(_matched(table), id)

    def accounts_of_team(self, team: str) -> set[str]:
        """Return the BSNIDs of the source's accounts that have a team of this name."""
        return set(self._seen.notes("team", team_key(team)))

    def is_first(self, table: Table, place: Place, row: CleanRow) -> bool:
        """Return whether this import has not read the row's key before. A repeated key is
        reported, and its row refused if it has other values."""
        if table is ACCOUNTS:
            self._note_similar_key(place, row[table.key] or "")
        match = "\x1f".join(row[name] or "" for name in table.match)
        content = repr([row[name] for name in table.own_names])
        earlier = self._seen.add(table.name, match, content, str(place))
        if earlier is None:
            return True
        if earlier.same:
            self.findings.add(SKIPPED, table.name, place, f"repeats {earlier.place}")
        else:
            labels = " and ".join(table.column(name).label for name in table.match)
            reason = f"has the same {labels} as {earlier.place}, but different values"
            self.findings.add(REFUSED, table.name, place, reason, table.match[-1])
        return False

    def _note_team(self, table: Table, row: CleanRow) -> None:
        if table is ACCOUNTS and row["team"]:
            self._seen.note("team", team_key(row["team"]), row[table.key] or "")

    def _note_similar_key(self, place: Place, key: str) -> None:
        folded = key.strip().casefold()
        earlier = self._seen.add("accounts, without case", folded, key, str(place))
        if earlier and not earlier.same:
            reason = f"its key differs from that of {earlier.place} only in case or blanks"
            self.findings.add(NOTED, ACCOUNTS.name, place, reason, ACCOUNTS.key)


class _Row:
    """One raw row while it is cleaned. ``filled`` are the columns that the file has a value for,
    even an empty one."""

    def __init__(self, reader: Reader, sheet: Sheet, raw: RawRow) -> None:
        self._reader, self._sheet, self._raw, self._table = reader, sheet, raw, sheet.table
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
        self._reader.findings.add(outcome, self._table.name, self.place, reason, column)

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
        with_value = [(heading, raw) for heading, raw in readable if not cleaning.is_empty(raw)]
        conventions = columns.conventions(column)
        if not with_value:
            return cleaning.clean(column, readable[0][1], conventions).value
        if column.kind == "links" and len(with_value) > 1:
            raw = [link for _, each in with_value for link in cleaning.links_in(each, conventions)]
        else:
            raw = with_value[0][1]
            self._note_contradictions(column, with_value, conventions)
        if name == self._table.parent_key and len(str(raw)) <= MAX_LINE:
            column = _owner_or_team(column)
        try:
            cleaned = cleaning.clean(column, raw, conventions)
        except AmbiguousDate:
            cleaned = cleaning.clean(column, raw, columns.learn_date_order(column))
        if cleaned.change:
            self._add_finding(CHANGED, cleaned.change, name)
        if cleaned.reading:
            columns.report_once(CHANGED, name, cleaned.reading)
        self._note_doubts(column, cleaned.value)
        return cleaned.value

    def _note_contradictions(
        self, column: Column, cells: list[tuple[str, Any]], conventions: cleaning.Conventions
    ) -> None:
        """Report cells of the same column that contradict the first."""
        if len(cells) == 1:
            return
        first = cleaning.clean(column, cells[0][1], conventions).value
        for heading, raw in cells[1:]:
            try:
                other = cleaning.clean(column, raw, conventions).value
            except Refused:
                other = str(raw)
            if other != first:
                reason = f"“{heading}” has another value, “{(other or '')[:80]}”; not imported"
                self._add_finding(NOTED, reason, column.name)

    def _note_doubts(self, column: Column, value: str | None) -> None:
        """Report imported values that a person should check."""
        if value and "\ufffd" in value:
            self._add_finding(NOTED, "has a character that could not be read (�)", column.name)
        if column.name in self._table.match[-1:] and value and _SHORTENED.fullmatch(value):
            self._add_finding(
                NOTED, f"“{value}” may be a number that Excel shortened", column.name
            )
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
            partner = self._reader.source.it_partners.get(row["business_area"] or "")
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


@cache
def _owner_or_team(column: Column) -> Column:
    """Return the column of a child's account, which may hold a team's name: see owners."""
    return replace(column, max_length=MAX_LINE)


def _matched(table: Table) -> str:
    return f"{table.name}, matched"


def has_made_id(table: Table, row: CleanRow) -> bool:
    """Return whether the id of a child was made from its content."""
    return row["id"] == made_id(table, row)
