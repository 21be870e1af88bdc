"""Mappings from the arguments of a command: ``--map Heading=column``, ``--table file=table``."""

from __future__ import annotations

import codecs
import zoneinfo
from collections.abc import Iterable

from crm.importing.errors import ImportingError
from crm.importing.headings import LEFT_OUT, normal
from crm.importing.within_accounts import meanings
from crm.model.schema import TABLES

from .chosen import SheetMapping, SourceMapping


def mapping(
    headings: Iterable[str] = (),
    tables: Iterable[str] = (),
    date_order: str = "",
    zone: str = "",
    encoding: str = "",
) -> SourceMapping:
    """Return the mapping of a command's arguments.

    Raises ImportingError for an unknown column, table, zone or encoding.
    """
    if zone and zone not in zoneinfo.available_timezones():
        raise ImportingError(f"--zone takes a time zone such as Europe/Berlin, not {zone}.")
    everywhere = SheetMapping("", columns(headings), date_order, zone, known_encoding(encoding))
    return SourceMapping(everywhere, _sheets(tables))


def columns(entries: Iterable[str]) -> dict[str, str]:
    """Map normal headings to columns. Raises ImportingError for a column that no table has."""
    known = dict.fromkeys(name for table in TABLES for name in table.names)
    given: dict[str, str] = {}
    for entry in entries:
        heading, column = _pair(entry, "--map takes 'Old Column=column'")
        if column not in known and column != LEFT_OUT and column not in meanings.choices():
            raise ImportingError(
                f"“{heading}={column}”: no table has a column {column}. "
                f"There are: {', '.join(known)}. “{LEFT_OUT}” leaves the heading out."
            )
        if given.setdefault(normal(heading), column) != column:
            raise ImportingError(f"“{heading}” is mapped to two columns.")
    return given


def fields(entries: Iterable[str]) -> list[str]:
    """Return names of fields, as ``table.column``. Raises ImportingError for one that there is
    not."""
    found = list(entries)
    known = {f"{table.name}.{name}" for table in TABLES for name in table.own_names}
    if unknown := [each for each in found if each not in known]:
        raise ImportingError(f"--take takes a column such as accounts.team, not {unknown[0]}.")
    return found


def known_encoding(name: str) -> str:
    """Return the encoding's name as Python has it. Raises ImportingError if it has none."""
    if not name:
        return ""
    try:
        codec = codecs.lookup(name)
        "".encode(name)  # some codecs are for other things than text
    except (LookupError, TypeError):
        reason = f"--encoding takes an encoding such as utf-8 or windows-1252, not {name}."
        raise ImportingError(reason) from None
    return codec.name


def _sheets(entries: Iterable[str]) -> dict[str, SheetMapping]:
    names = [table.name for table in TABLES]
    sheets: dict[str, SheetMapping] = {}
    for entry in entries:
        file, table = _pair(entry, "--table takes 'file.csv=accounts'")
        if table not in (*names, LEFT_OUT):
            raise ImportingError(
                f"“{file}={table}”: there is no table {table}. There are: {', '.join(names)}. "
                f"“{LEFT_OUT}” leaves the file out."
            )
        if sheets.setdefault(file, SheetMapping(table)).table != table:
            raise ImportingError(f"“{file}” is given two tables.")
    return sheets


def _pair(entry: str, usage: str) -> tuple[str, str]:
    name, separator, value = (part.strip() for part in entry.rpartition("="))
    if not separator or not name or not value:
        raise ImportingError(f"{usage}, not {entry!r}.")
    return name, value
