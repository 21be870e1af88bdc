"""Recognises our own exports.

The import of an export in which nobody has changed anything keeps every null, also in audit
columns. Empty cells of our tables and lists are values, too, and what a list has from other tables
is not missed.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from crm.exporting.lists import OF_OTHER_TABLES, list_columns
from crm.exporting.tabular import MARK
from crm.importing.errors import SourceError
from crm.importing.headings import normal
from crm.model.schema import TABLES, Table

from .zip_file import require_few_entries

# Bytes that are read of a workbook's properties, and of JSON before all data.
_READ = 64 * 1024
# What a damaged or too large archive raises.
_UNREADABLE = (
    *(SourceError, zipfile.BadZipFile, zlib.error, KeyError, OSError, EOFError, RuntimeError),
)
_OWN_JSON = re.compile(
    rb'\s*\{(?:\s*"[^"\\]*"\s*:\s*(?:"[^"\\]*"|[-\w.]+)\s*,)*?\s*"format"\s*:\s*"edip-crm"\s*[,}]'
)


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
        with path.open("rb") as file:
            require_few_entries(path.name, file)
        with zipfile.ZipFile(path) as archive:
            if path.suffix.lower() == ".zip":
                return archive.comment == MARK.encode()
            author, program = (archive.open(f"docProps/{name}.xml") for name in ("core", "app"))
            is_ours = f"<dc:creator>{MARK}</dc:creator>".encode() in author.read(_READ)
            return is_ours and b"Openpyxl" in program.read(_READ)
    except _UNREADABLE:
        return False


def _is_own_json(path: Path) -> bool:
    """Return whether ``"format": "edip-crm"`` comes before all data."""
    with path.open("rb") as file:
        return _OWN_JSON.match(file.read(_READ)) is not None


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
