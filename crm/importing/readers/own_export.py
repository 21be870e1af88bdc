"""Recognises our own exports.

The import of our JSON keeps every null, also in audit columns. Empty cells of our tables and lists
are values, too, and what a list has from other tables is not missed.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import ijson

from crm.exporting.lists import OF_OTHER_TABLES, list_columns
from crm.importing.headings import normal
from crm.model.schema import TABLES, Table

_START = ("start_map", "start_array")


def is_own_export(path: Path) -> bool:
    """Return whether ``"format": "edip-crm"`` comes before all data; False for what is no JSON."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            events = ijson.basic_parse(file)
            if next(events, None) != ("start_map", None):
                return False
            key = ""
            for event, value in events:
                if event in _START:
                    return False
                if (key, event, value) == ("format", "string", "edip-crm"):
                    return True
                key = value if event == "map_key" else ""
    except (ijson.JSONError, UnicodeDecodeError):
        pass
    return False


def is_own_table(headings: Iterable[str]) -> bool:
    """Return whether these are the headings of a table or a list that we exported."""
    words = [normal(heading) for heading in headings if heading]
    return any(
        set(table.names) <= set(words) <= _list_words(table) and len(words) == len(set(words))
        for table in TABLES
    )


def _list_words(table: Table) -> set[str]:
    return set(map(normal, list_columns(table)))


def is_of_other_tables(table: Table, heading: str) -> bool:
    """Return whether one of our lists has this column, whose values follow from other tables."""
    return normal(heading) in OF_OTHER_TABLES[table.name]
