"""From sheets to rows of a table: columns found, values cleaned, keys made sure of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from crm.model import vocabulary
from crm.model.links import link_problem
from crm.model.made_ids import made_id
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, Column, Table

from . import cleaning
from .errors import Refused
from .findings import CHANGED, NOTED, REFUSED, SKIPPED, Findings, Place
from .headings import normal, readings
from .raw import Raw, Unread
from .seen import SeenKeys
from .sources import Sheet, Source

Clean = dict[str, str | None]
Said = list[tuple[str, Any]]


@dataclass
class Reader:
    """Reads one source's rows of one table after the other, and remembers their keys.

    ``headings`` is what the caller says of headings (``--map``), by normal heading.
    """

    source: Source
    findings: Findings
    headings: dict[str, str] = field(default_factory=dict)
    _seen: SeenKeys = field(default_factory=SeenKeys)

    def __post_init__(self) -> None:
        for file, remark in self.source.remarks:
            self.findings.add(remark.outcome, "", Place(file), remark.reason, remark.column)

    def rows(self, table: Table) -> Iterator[tuple[Place, Clean, frozenset[str]]]:
        """Rows that may go in, each key once, and the columns of which each says something: the
        others are None in it, and say nothing about what is there."""
        for sheet in self.source.of(table):
            columns = _Columns(sheet, self.headings, self.findings)
            for raw in sheet.rows(self.headings):
                row = _Row(self, sheet, raw)
                clean = row.clean(columns)
                if clean is not None and self._is_first(table, row.place, clean):
                    filled = {name for name in table.names if clean[name] is not None}
                    yield row.place, clean, frozenset(row.given | filled)

    def _is_first(self, table: Table, place: Place, row: Clean) -> bool:
        """A key that comes again is left out: silently never, as an error if it differs."""
        match = "\x1f".join(row[name] or "" for name in table.match)
        content = repr([row[name] for name in table.own_names])
        earlier = self._seen.add(table.name, match, content, str(place))
        if earlier is None:
            return True
        if earlier.same:
            self.findings.add(SKIPPED, table.name, place, f"repeats {earlier.place}")
        else:
            what = " and ".join(table.column(name).label for name in table.match)
            reason = f"has the same {what} as {earlier.place}, but says something else"
            self.findings.add(REFUSED, table.name, place, reason, table.match[-1])
        return False


class _Row:
    """One row on its way. ``given`` are the columns that it says something of."""

    def __init__(self, reader: Reader, sheet: Sheet, raw: Raw) -> None:
        self._reader, self._sheet, self._raw, self._table = reader, sheet, raw, sheet.table
        self.place = Place(sheet.file, sheet.name, raw.name)
        self.given: set[str] = set()

    def clean(self, columns: _Columns) -> Clean | None:
        for remark in self._raw.remarks:
            self._tell(remark.outcome, remark.reason, remark.column)
        if self._raw.cells is None:
            return None
        table, column = self._table, ""
        row: Clean = dict.fromkeys(table.names)
        try:
            for column, places in columns.of(self._raw.cells).items():
                row[column] = self._value(column, [self._raw.cells[place] for place in places])
            owner = table.parent_key or table.key
            cleaning.check_key(table.column(owner), row[owner])
            self._complete(row)
        except Refused as refused:
            self._tell(REFUSED, str(refused), refused.column or column)
            return None
        columns.look_for_gaps(self, row)
        return row

    def _tell(self, outcome: str, reason: str, column: str = "") -> None:
        self._reader.findings.add(outcome, self._table.name, self.place, reason, column)

    def note(self, reason: str, column: str) -> None:
        self._tell(NOTED, reason, column)

    def _value(self, name: str, said: Said) -> str | None:
        """What the row says of a column, under whatever headings: the first that is filled."""
        column = self._table.column(name)
        for _, raw in said:
            if isinstance(raw, Unread):
                self.note(f"{raw.reason}; not imported", name)
        readable = [(heading, raw) for heading, raw in said if not isinstance(raw, Unread)]
        if not readable:
            return None
        self.given.add(name)
        filled = [(heading, raw) for heading, raw in readable if not cleaning.is_nothing(raw)]
        habits = self._sheet.habits
        if not filled:
            return cleaning.clean(column, readable[0][1], habits)[0]
        if column.kind == "links" and len(filled) > 1:
            raw = [link for _, each in filled for link in cleaning.links_of(each, habits)]
        else:
            raw = filled[0][1]
            self._compare(column, filled)
        value, changed = cleaning.clean(column, raw, habits)
        if changed:
            self._tell(CHANGED, changed, name)
        self._remark(column, value)
        return value

    def _compare(self, column: Column, filled: Said) -> None:
        """Several headings may mean a column; where they contradict each other, that is said."""
        if len(filled) == 1:
            return
        first = cleaning.clean(column, filled[0][1], self._sheet.habits)[0]
        for heading, raw in filled[1:]:
            try:
                other = cleaning.clean(column, raw, self._sheet.habits)[0]
            except Refused:
                other = str(raw)
            if other != first:
                reason = f"“{heading}” says something else, “{(other or '')[:80]}”; not imported"
                self.note(reason, column.name)

    def _remark(self, column: Column, value: str | None) -> None:
        """What goes in, but should be looked at."""
        if value and "\ufffd" in value:
            self.note("has a character that could not be read (�)", column.name)
        if column.vocabulary and value and value not in vocabulary.words(column.vocabulary):
            self.note(f"“{value}” is not one of the known words; kept as it is", column.name)
        if column.kind == "links":
            for link in filter(link_problem, (value or "").split("\n")):
                if link:
                    reason = f"“{link[:80]}” is no http(s) address; kept, but not shown as a link"
                    self.note(reason, column.name)

    def _complete(self, row: Clean) -> None:
        """Fill what follows from the rest: IT partners from areas, ids from contents."""
        table = self._table
        if table is ACCOUNTS:
            partner = self._reader.source.it_partners.get(row["business_area"] or "")
            if partner and not row["primary_it_partner"]:
                row["primary_it_partner"] = partner
                reason = f"filled with the IT partner of {row['business_area']}: {partner}"
                self._tell(CHANGED, reason, "primary_it_partner")
        elif table is PLATFORMS_STATUS:
            if not row["platform"]:
                raise Refused("Platform is missing", "platform")
            row["id"] = row["id"] or made_id(table, row)
        elif not row["id"]:
            row["id"] = made_id(table, row)
            self._tell(CHANGED, "had no id; one was made from its content", "id")
        cleaning.check_key(table.column(table.key), row[table.key])


class _Columns:
    """One sheet's headings. In JSON they may differ from record to record."""

    def __init__(self, sheet: Sheet, given: dict[str, str], findings: Findings) -> None:
        self._sheet, self._given, self._findings = sheet, given, findings
        self._known: dict[tuple[str, ...], dict[str, list[int]]] = {}
        self._reported: set[str] = set()

    def of(self, cells: Sequence[tuple[str, Any]]) -> dict[str, list[int]]:
        """column → the places of its cells. What is odd about a heading is reported once."""
        headings = tuple(heading for heading, _ in cells)
        if headings not in self._known:
            columns = readings(self._sheet.table, headings, self._given)
            self._known[headings] = columns
            taken = {place for places in columns.values() for place in places}
            for place, heading in enumerate(headings):
                if place not in taken:
                    plural = self._sheet.table.plural
                    self._once(SKIPPED, heading, f"“{heading}” is no column of {plural}")
                elif normal(heading) in map(normal, headings[:place]):
                    reason = (
                        f"“{heading}” stands over several columns; the first filled one counts"
                    )
                    self._once(NOTED, heading, reason)
        return self._known[headings]

    def look_for_gaps(self, row: _Row, clean: Clean) -> None:
        """Empty fields that people would have to fill in."""
        for column in self._sheet.table.own_columns:
            if column.required and not clean[column.name]:
                if column.name in row.given:
                    row.note(f"{column.label} is empty", column.name)
                else:
                    reason = f"{column.label} is not said of every row; new ones are without it"
                    self._once(NOTED, column.name, reason)

    def _once(self, outcome: str, heading: str, reason: str) -> None:
        if (outcome + heading) not in self._reported:
            self._reported.add(outcome + heading)
            reason += "; not imported" if outcome == SKIPPED else ""
            place = Place(self._sheet.file, self._sheet.name)
            self._findings.add(outcome, self._sheet.table.name, place, reason, heading)
