"""What a file or sheet holds, and which questions a mapping leaves open. Kept as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm.importing.dates import ORDERS
from crm.importing.headings import LEFT_OUT, columns_by_index, is_partners, normal
from crm.importing.readers import own_export
from crm.importing.within_accounts.meanings import meaning_of
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, TABLE_BY_NAME, Table

from .chosen import SheetMapping


@dataclass
class Heading:
    """A heading, and the values under it.

    ``word``: the heading as ``headings.normal`` makes it. ``filled`` counts the values.
    Of these, as dates: ``unreadable`` are none, ``unclear`` allow several orders, ``orders``
    is what all of them show together (see dates.ColumnOrder), and ``local`` are times as people
    write them that name no zone.
    """

    text: str
    word: str
    filled: int = 0
    samples: list[str] = field(default_factory=list)
    unreadable: int = 0
    unclear: int = 0
    orders: list[str] = field(default_factory=list)
    local: int = 0

    @property
    def needs_order(self) -> bool:
        return bool(self.unclear) and len(self.orders) != 1

    def lost(self, table: Table, column: str, date_order: str) -> int:
        """Return how many values would not be stored."""
        if column in ("", LEFT_OUT):
            return self.filled
        if column not in table.names or table.column(column).type == "STRING":
            return 0
        has_order = date_order not in ("", LEFT_OUT) or not self.needs_order
        return self.unreadable + (0 if has_order else self.unclear)


@dataclass
class PartSurvey:
    """A file, a sheet, or a table of a JSON file. ``guess``: the table that it looks like, or
    empty. ``encoding``: of a text file that is not plain UTF-8. ``is_asked``: a person had to
    answer something when the survey was made. ``is_unsure``: the encoding is a guess;
    ``words`` has bytes, as Latin-1, that show whether one is right. ``kept_by``: who chose, at
    ``kept_at``, how such files are read, if it is read so. See sources.Part for the rest."""

    file: str
    sheet: str
    guess: str
    rows: int = 0
    headings: list[Heading] = field(default_factory=list)
    encoding: str = ""
    is_fixed: bool = False
    is_json: bool = False
    is_asked: bool = False
    is_unsure: bool = False
    words: list[str] = field(default_factory=list)
    kept_by: str = ""
    kept_at: str = ""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PartSurvey:
        headings = [Heading(**each) for each in values["headings"]]
        return cls(**{**values, "headings": headings})

    def complete(self, chosen: SheetMapping) -> SheetMapping:
        """Return the mapping, with the guessed table and columns where a person chose none.

        Unknown headings have no column.
        """
        name = chosen.table or self.guess
        table = TABLE_BY_NAME.get(name)
        guesses = guess_columns(table, [each.text for each in self.headings]) if table else {}
        columns = guesses | chosen.columns
        return SheetMapping(name, columns, chosen.date_order, chosen.zone, chosen.encoding)

    def needs_order(self, mapping: SheetMapping) -> bool:
        """Return whether dates of this mapping (complete) allow several orders."""
        return any(each.needs_order for each in self._under(mapping, ("DATE", "TIMESTAMP")))

    def shows_other_order(self, mapping: SheetMapping) -> bool:
        """Return whether the dates allow only another order than this (complete) mapping has."""
        chosen = mapping.date_order
        if chosen not in ORDERS:
            return False
        of_dates = self._under(mapping, ("DATE", "TIMESTAMP"))
        return any(order != chosen for each in of_dates for order in each.orders)

    def needs_zone(self, mapping: SheetMapping) -> bool:
        """Return whether times of this mapping (complete) name no zone."""
        return any(each.local for each in self._under(mapping, ("TIMESTAMP",)))

    def is_open(self, mapping: SheetMapping) -> bool:
        """Return whether a person has to answer something about this mapping (complete)."""
        if mapping.table == LEFT_OUT or not self.headings:
            return False
        return (
            not mapping.table
            or any(each.filled and not mapping.columns.get(each.word) for each in self.headings)
            or (self.is_unsure and not mapping.encoding)
            or (self.needs_order(mapping) and not mapping.date_order)
            or (self.needs_zone(mapping) and not mapping.zone)
        )

    def missing(self, mapping: SheetMapping) -> list[str]:
        """Return the columns without which no row can be imported and that no heading has."""
        table = TABLE_BY_NAME.get(mapping.table)
        if table is None:
            return []
        needed = [table.owner, *(["platform"] if table is PLATFORMS_STATUS else [])]
        words = {each.word for each in self.headings}
        given = {column for word, column in mapping.columns.items() if word in words}
        return [name for name in needed if name not in given]

    def _under(self, mapping: SheetMapping, types: Iterable[str]) -> list[Heading]:
        """Return the headings whose columns have one of these types."""
        table = TABLE_BY_NAME.get(mapping.table)
        if table is None:
            return []
        names = {column.name for column in table.columns if column.type in types}
        return [each for each in self.headings if mapping.columns.get(each.word) in names]


def guess_columns(table: Table, headings: list[str]) -> dict[str, str]:
    """Map the normal headings to the columns that they name; unknown headings are absent."""
    found = {
        normal(headings[index]): column
        for column, indexes in columns_by_index(table, headings).items()
        for index in indexes
    }
    if table is ACCOUNTS:
        meanings = {normal(heading): meaning_of(heading, {}) for heading in headings}
        found |= {word: meaning for word, meaning in meanings.items() if meaning}
    if is_partners(headings):
        found["id"] = LEFT_OUT
    if own_export.is_own_table(headings):
        others = [each for each in headings if own_export.is_of_other_tables(table, each)]
        found |= {normal(heading): LEFT_OUT for heading in others}
    return found
