"""Recognises our own exports.

The import of an export in which nobody has changed anything keeps every null, also in audit
columns. Empty cells of our tables and lists are values, too, and what a list has from other tables
is not missed.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import ijson

from crm.exporting.lists import OF_OTHER_TABLES, list_columns
from crm.exporting.tabular import MARK
from crm.importing.headings import normal
from crm.model.schema import TABLES, Table

# Bytes of a workbook's properties that are read.
_PROPERTIES = 64 * 1024
_START = ("start_map", "start_array")


def is_own_export(path: Path) -> bool:
    """Return whether a file is an export of ours in which nobody has changed anything."""
    if not path.is_file():
        return False
    match path.suffix.lower():
        case ".json":
            return _is_own_json(path)
        case ".zip" | ".xlsx":
            return _is_own_archive(path)
    return False


def _is_own_archive(path: Path) -> bool:
    """Return whether an archive or a workbook has our mark. Other programs than ours leave it out
    or put their name beside it."""
    try:
        with zipfile.ZipFile(path) as archive:
            if path.suffix.lower() == ".zip":
                return archive.comment == MARK.encode()
            author, program = (archive.open(f"docProps/{name}.xml") for name in ("core", "app"))
            is_ours = f"<dc:creator>{MARK}</dc:creator>".encode() in author.read(_PROPERTIES)
            return is_ours and b"Openpyxl" in program.read(_PROPERTIES)
    except (zipfile.BadZipFile, zlib.error, KeyError, OSError, EOFError, RuntimeError):
        return False


def _is_own_json(path: Path) -> bool:
    """Return whether ``"format": "edip-crm"`` comes before all data; False for what is no JSON."""
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
    # ijson raises SystemError for a number of more digits than Python reads.
    except (ijson.JSONError, ValueError, SystemError):
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
