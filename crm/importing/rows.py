"""From sheets to rows of a table: columns found, values cleaned, keys made sure of."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from crm import vocabulary
from crm.schema import ACCOUNTS, AUDIT_COLUMNS, PLATFORMS_STATUS, Table

from . import cleaning
from .errors import Refused
from .findings import CHANGED, NOTED, REFUSED, SKIPPED, Findings, Place
from .headings import columns_of
from .seen import SeenKeys
from .sources import Sheet, Source

# Ids that are made here: the same content gets the same id, so importing twice adds nothing.
_NAMESPACE = uuid.UUID("0c5b7a43-5a0e-4a55-9d3c-6f0c2f4be1f1")
_AUDIT = {column.name for column in AUDIT_COLUMNS}

Clean = dict[str, str | None]


@dataclass
class Reader:
    """Reads one source's rows of one table after the other, and remembers their keys.

    ``headings`` is what the caller says of headings (``--map``), by normal heading.
    """

    source: Source
    findings: Findings
    headings: dict[str, str] = field(default_factory=dict)
    _seen: SeenKeys = field(default_factory=SeenKeys)

    def rows(self, table: Table) -> Iterator[tuple[Place, Clean, frozenset[str]]]:
        """Rows that may go in, each key once, and the columns of which each says something: the
        others are None in it, and say nothing about what is there."""
        for sheet in self.source.of(table):
            columns = _Columns(sheet, self.headings, self.findings)
            for name, raw in sheet.rows():
                place = Place(sheet.file, sheet.name, name)
                given = columns.of(raw)
                row = self._clean(table, place, raw, given)
                if row is not None and self._is_first(table, place, row):
                    filled = {name for name in table.names if row[name] is not None}
                    yield place, row, frozenset(given.values()) | filled

    def _clean(
        self, table: Table, place: Place, raw: dict[str, Any], columns: dict[str, str]
    ) -> Clean | None:
        row: Clean = dict.fromkeys(table.names)
        column = ""
        try:
            for heading, column in columns.items():
                if heading in raw:
                    row[column] = self._value(table, place, column, raw[heading])
            owner = table.parent_key or table.key
            cleaning.check_key(table.column(owner), row[owner])
            self._complete(table, place, row)
        except Refused as refused:
            column = refused.column or column
            self.findings.add(REFUSED, table.name, place, str(refused), column)
            return None
        return row

    def _value(self, table: Table, place: Place, name: str, raw: Any) -> str | None:
        column = table.column(name)
        value, changed = cleaning.clean(column, raw)
        if changed:
            self.findings.add(CHANGED, table.name, place, changed, name)
        if column.vocabulary and value and value not in vocabulary.words(column.vocabulary):
            reason = f"“{value}” is not one of the known words; kept as it is"
            self.findings.add(NOTED, table.name, place, reason, name)
        if column.kind == "links":
            for link in cleaning.bad_links(value):
                reason = f"“{link[:80]}” is no http(s) address; kept, but not shown as a link"
                self.findings.add(NOTED, table.name, place, reason, name)
        return value

    def _complete(self, table: Table, place: Place, row: Clean) -> None:
        """Fill what follows from the rest: IT partners from areas, ids from contents."""
        if table is ACCOUNTS:
            partner = self.source.it_partners.get(row["business_area"] or "")
            if partner and not row["primary_it_partner"]:
                row["primary_it_partner"] = partner
                reason = f"filled with the IT partner of {row['business_area']}: {partner}"
                self.findings.add(CHANGED, table.name, place, reason, "primary_it_partner")
        elif table is PLATFORMS_STATUS:
            if not row["platform"]:
                raise Refused("Platform is missing", "platform")
            row["id"] = row["id"] or _made_id(table, row, ("account_bsnid", "platform"))
        elif not row["id"]:
            own = tuple(name for name in table.names if name != "id" and name not in _AUDIT)
            row["id"] = _made_id(table, row, own)
            reason = "had no id; one was made from its content"
            self.findings.add(CHANGED, table.name, place, reason, "id")
        cleaning.check_key(table.column(table.key), row[table.key])

    def _is_first(self, table: Table, place: Place, row: Clean) -> bool:
        """A key that comes again is left out: silently never, as an error if it differs."""
        match = "\x1f".join(row[name] or "" for name in table.match)
        content = repr([row[name] for name in table.names if name not in _AUDIT])
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


class _Columns:
    """One sheet's headings. In JSON they may differ from record to record."""

    def __init__(self, sheet: Sheet, given: dict[str, str], findings: Findings) -> None:
        self._sheet, self._given, self._findings = sheet, given, findings
        self._known: dict[tuple[str, ...], dict[str, str]] = {}
        self._reported: set[str] = set()

    def of(self, raw: dict[str, Any]) -> dict[str, str]:
        """heading → column. A heading that means nothing is reported once."""
        headings = tuple(raw)
        if headings not in self._known:
            columns = columns_of(self._sheet.table, headings, self._given)
            self._known[headings] = columns
            for heading in raw.keys() - columns.keys() - self._reported:
                self._reported.add(heading)
                self._report(heading)
        return self._known[headings]

    def _report(self, heading: str) -> None:
        table, place = self._sheet.table, Place(self._sheet.file, self._sheet.name)
        reason = f"“{heading}” is no column of {table.plural}; not imported"
        self._findings.add(SKIPPED, table.name, place, reason, heading)


def _made_id(table: Table, row: Clean, names: tuple[str, ...]) -> str:
    content = "\x1f".join([table.name, *(row[name] or "" for name in names)])
    return str(uuid.uuid5(_NAMESPACE, content))
