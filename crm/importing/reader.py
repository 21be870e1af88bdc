"""Reads a source as rows of our tables, each key once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, USE_CASES, Table
from crm.repository.transfer.matching.fold import DIFFERENCES

from . import cleaning
from .errors import Refused
from .findings import NO_ROWS, NOTED, REFUSED, SKIPPED, Findings, Place
from .memory import Memory
from .parts import Source
from .raw_rows import RawRow, Sheet
from .rows import CLEAR, CleanRow, Row, Surroundings
from .sheet_columns import SheetColumns


@dataclass
class Reader:
    """Reads one source, table after table, and remembers what it has read.

    :param empty: what empty cells do; see importer.Options.
    :param similar: the places of accounts whose keys nearly equal that of an earlier one.
    """

    source: Source
    findings: Findings
    empty: str = ""
    memory: Memory = field(default_factory=Memory)
    similar: set[Place] = field(default_factory=set)
    _has_derived: bool = False

    def __post_init__(self) -> None:
        self._around = Surroundings(self.findings, self.memory, self.source.it_partners)
        for file, remark in self.source.remarks:
            self.findings.add(remark.outcome, "", Place(file), remark.reason, remark.column)

    def rows(self, table: Table) -> Iterator[tuple[Place, CleanRow, frozenset[str]]]:
        """Yield each row that can be imported, with its place and its filled columns.

        Rows are sparse: a column that the file has no value for is None and not among the filled
        columns, so its stored value stays. So does that of an empty cell, unless empty cells clear
        what is stored. Each key comes once.
        """
        sheets = self.source.of(table)
        self._read_beside(table, sheets)
        for sheet in sheets:
            columns, is_empty = SheetColumns(sheet, self.findings), not sheet.may_be_empty
            clears = self.empty == CLEAR or (sheet.is_own and not self.empty)
            for raw in sheet.rows():
                is_empty = is_empty and raw.is_remark
                row = Row(self._around, sheet, raw)
                clean = row.clean(columns)
                if clean is not None and self._is_wanted(sheet, raw, row.place, clean):
                    filled = {name for name in table.names if clean[name] is not None}
                    filled |= row.filled if clears else set()
                    yield row.place, clean, frozenset(filled)
            columns.report_unknown()
            if is_empty:
                self.findings.add(NOTED, table.name, Place(sheet.file, sheet.name), NO_ROWS)

    def _read_beside(self, table: Table, sheets: Sequence[Sheet]) -> None:
        """Read what the rows of a table need of sheets that come after them."""
        derived = [sheet for sheet in sheets if sheet.is_derived]
        self._has_derived = bool(derived)
        for sheet in sheets:
            if sheet.is_partners:
                self._note_partners(sheet)
        if table is PLATFORMS_STATUS and len(derived) < len(sheets):
            for raw in (raw for sheet in derived for raw in sheet.rows()):
                cells = {name: str(value).strip() for name, value in raw.cells or ()}
                if since := cells.get("updated_at"):
                    self.memory.note_since(cells, since)

    def _note_partners(self, sheet: Sheet) -> None:
        with Findings() as unused:
            alone = replace(self._around, findings=unused, memory=Memory())
            columns = SheetColumns(sheet, unused)
            for raw in sheet.rows():
                if account := Row(alone, sheet, raw).clean(columns):
                    self.memory.note_partner(account)

    def _is_wanted(self, sheet: Sheet, raw: RawRow, place: Place, row: CleanRow) -> bool:
        """Return whether no other row of the source says what this one says."""
        table, memory = sheet.table, self.memory
        if sheet.is_partners and memory.has(table, row[table.key] or ""):
            return False  # it is a part of the account
        if table is USE_CASES and sheet.is_derived and memory.has_use_case(row):
            reason = (
                "has the same account and problem as another use case of the source; not imported"
            )
            self.findings.add(SKIPPED, table.name, place, reason)
            return False
        if table is PLATFORMS_STATUS:
            self._add_since(sheet, row)
        if not self.is_first(table, place, row, is_derived=sheet.is_derived):
            return False
        if table is ACCOUNTS and not sheet.is_partners:
            memory.note_account(row)
        if table is USE_CASES and self._has_derived:
            memory.note_use_case(row)
        if sheet.is_partners:
            reason = f"its account {row[table.key]} does not exist"
            memory.note_condition(table, row, reason)
        if raw.is_implied:
            memory.note_condition(table, row, "")
        return True

    def _add_since(self, sheet: Sheet, status: CleanRow) -> None:
        """Give the status the time that its account has for it, if it has none itself."""
        if sheet.is_derived and status["updated_at"]:
            self.memory.note_since(status, status["updated_at"])
        since = self.memory.since_of(status)
        if not since or status["updated_at"]:
            return
        with suppress(Refused):
            column = PLATFORMS_STATUS.column("updated_at")
            cleaned = cleaning.clean(column, since, sheet.conventions)
            status["created_at"] = status["created_at"] or cleaned.value
            status["updated_at"] = cleaned.value

    def has_read(self, table: Table, id: str) -> bool:
        """Return whether a row that was read so far has this id, or was matched to it."""
        return self.memory.has(table, id) or self.memory.is_matched(table, id)

    def is_first(
        self, table: Table, place: Place, row: CleanRow, *, is_derived: bool = False
    ) -> bool:
        """Return whether this import has not read the row's key before. A repeated key is
        reported, and its row refused if it has other values, unless it ``is_derived``."""
        if table is ACCOUNTS:
            self._note_similar_key(place, row[table.key] or "")
        earlier = self.memory.add(table, row, str(place))
        if earlier is None:
            return True
        if earlier.same:
            self.findings.add(SKIPPED, table.name, place, f"repeats {earlier.place}")
        elif is_derived:
            reason = f"{earlier.place} says more about it; not imported"
            self.findings.add(SKIPPED, table.name, place, reason, table.match[-1])
        else:
            labels = " and ".join(table.column(name).label for name in table.match)
            reason = f"has the same {labels} as {earlier.place}, but different values"
            self.findings.add(REFUSED, table.name, place, reason, table.match[-1])
        return False

    def _note_similar_key(self, place: Place, key: str) -> None:
        earlier = self.memory.add_folded(key, str(place))
        if earlier and not earlier.same:
            reason = f"its key differs from that of {earlier.place} only in {DIFFERENCES}"
            self.findings.add(NOTED, ACCOUNTS.name, place, reason, ACCOUNTS.key)
            self.similar.add(place)
