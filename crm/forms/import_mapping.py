"""The form of an import's mapping step: how each file or sheet is read.

Its fields are numbered: ``table-0``, ``dates-0``, ``zone-0`` and ``encoding-0`` of the first part,
and ``column-0-2`` of its third heading. ``shown-0`` is the table whose columns the page offered,
and ``open-0`` says whether its panel is open, if scripts run.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from functools import lru_cache

from crm.importing import dates
from crm.importing.headings import LEFT_OUT
from crm.importing.mapping.chosen import SheetMapping, SourceMapping, sheet_name
from crm.importing.mapping.survey import PartSurvey
from crm.importing.within_accounts import meanings
from crm.model.schema import ACCOUNTS, AUDIT_NAMES, TABLE_BY_NAME, Table

# The encodings that the page offers: Python's name and a label.
ENCODINGS = {
    "utf-8": "UTF-8",
    "cp1252": "Windows-1252 (Western Europe)",
    "iso8859-15": "ISO 8859-15 (Western Europe)",
    "mac-roman": "Mac Roman",
    "cp437": "Code page 437 (DOS)",
    "cp850": "Code page 850 (DOS)",
    "cp1250": "Windows-1250 (Central Europe)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "cp1253": "Windows-1253 (Greek)",
    "cp1254": "Windows-1254 (Turkish)",
    "shift_jis": "Shift JIS (Japanese)",
    "gb18030": "GB 18030 (Chinese)",
    "utf-16": "UTF-16",
}
_REGIONS = ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")


def read(parts: list[PartSurvey], data: Mapping[str, str]) -> SourceMapping:
    """Return the choices. A value that the page does not offer counts as no choice."""
    return SourceMapping(
        sheets={
            sheet_name(part.file, part.sheet): _sheet(part, number, data)
            for number, part in enumerate(parts)
        }
    )


def opened(parts: list[PartSurvey], data: Mapping[str, str]) -> dict[str, bool]:
    """Return by part name whether its panel was open, for parts whose state was sent."""
    said = {"yes": True, "no": False}
    return {
        sheet_name(part.file, part.sheet): said[state]
        for number, part in enumerate(parts)
        if (state := data.get(f"open-{number}", "")) in said
    }


def problems(part: PartSurvey, mapping: SheetMapping) -> list[str]:
    """Return the reasons why a part cannot be read with this (complete) mapping."""
    if mapping.table == LEFT_OUT:
        return []
    if mapping.table not in TABLE_BY_NAME:
        return ["Choose the table that it holds, or leave it out."]
    table = TABLE_BY_NAME[mapping.table]
    labels = [table.column(name).label for name in part.missing(mapping)]
    found = [f"Choose the heading of {label}: every row needs it." for label in labels]
    if part.needs_order(mapping) and not mapping.date_order:
        found.append("Choose whether the day, the month or the year comes first in its dates.")
    return found


def must_read_again(part: PartSurvey, before: SheetMapping, after: SheetMapping) -> bool:
    """Return whether this change of choices affects the samples and counts."""
    if before.encoding != after.encoding:
        return True
    return part.is_json and before.table != after.table


def column_choices(table: Table) -> list[tuple[str, str]]:
    """Return the columns that a heading can become, as (value, label)."""
    own = [(c.name, c.label) for c in table.columns if c.name not in AUDIT_NAMES]
    audit = [(c.name, c.label) for c in table.columns if c.name in AUDIT_NAMES]
    others = meanings.choices().items() if table is ACCOUNTS else ()
    return [(LEFT_OUT, "Leave out"), *own, *others, *audit]


@lru_cache(maxsize=1)
def zones() -> tuple[str, ...]:
    names = (name for name in zoneinfo.available_timezones() if name.split("/")[0] in _REGIONS)
    return ("UTC", *sorted(names))


def _sheet(part: PartSurvey, number: int, data: Mapping[str, str]) -> SheetMapping:
    def chosen(field: str, allowed: tuple[str, ...]) -> str:
        value = data.get(f"{field}-{number}", "")
        return value if value in allowed else ""

    tables = (part.guess,) if part.is_fixed else tuple(TABLE_BY_NAME)
    name = chosen("table", (*tables, LEFT_OUT))
    columns: dict[str, str] = {}
    # If the page showed another table's columns, the columns are guessed again.
    if (table := TABLE_BY_NAME.get(name)) and data.get(f"shown-{number}") == name:
        allowed = dict(column_choices(table))
        for place, heading in enumerate(part.headings):
            column = data.get(f"column-{number}-{place}", "")
            columns |= {heading.word: column} if column in allowed else {}
    return SheetMapping(
        name,
        columns,
        chosen("dates", (*dates.ORDERS, LEFT_OUT)),
        chosen("zone", zones()),
        chosen("encoding", (*ENCODINGS, part.encoding)),
    )
