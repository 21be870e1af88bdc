"""What a table of accounts holds of other tables: statuses of platforms, and a use case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache, partial

from crm.importing.headings import USE_CASE_OF, normal
from crm.importing.raw_rows import RawRow, Rows, Sheet
from crm.model.missing import is_empty
from crm.model.schema import PLATFORMS_STATUS, USE_CASES

from .meanings import bsnid_of, meaning_of
from .statuses import status_rows


def split(sheet: Sheet, headings: Iterable[str]) -> list[Sheet]:
    """Return the sheet of accounts without columns of other tables, and the sheets of these."""
    given = sheet.columns
    found = {meaning_of(heading, given) for heading in (*headings, *given)} - {""}
    if not found:
        return [sheet]
    sheets = [replace(sheet, rows=partial(_accounts, sheet.rows, given))]
    derived = replace(sheet, columns={}, may_be_empty=True, is_derived=True)
    if any(not meaning.startswith(USE_CASE_OF) for meaning in found):
        rows = partial(status_rows, sheet.rows, given, sheet.is_own)
        sheets.append(replace(derived, table=PLATFORMS_STATUS, rows=rows))
    if f"{USE_CASE_OF}problem" in found:
        rows = partial(_use_cases, sheet.rows, given)
        sheets.append(replace(derived, table=USE_CASES, rows=rows))
    return sheets


def of_partners(sheet: Sheet) -> Sheet:
    """Return a sheet of accounts that only has their IT partners, without its own ids."""
    return replace(sheet, rows=partial(_without_ids, sheet.rows), is_partners=True)


def _without_ids(rows: Rows) -> Iterator[RawRow]:
    for row in rows():
        if row.cells is not None:
            row.cells = [cell for cell in row.cells if normal(cell[0]) != "id"]
        yield row


def _accounts(rows: Rows, given: Mapping[str, str]) -> Iterator[RawRow]:
    means_other = lru_cache(maxsize=4096)(lambda heading: bool(meaning_of(heading, given)))
    for row in rows():
        if row.cells is not None:
            row.cells = [cell for cell in row.cells if not means_other(cell[0])]
        yield row


def _use_cases(rows: Rows, given: Mapping[str, str]) -> Iterator[RawRow]:
    meaning_in = lru_cache(maxsize=4096)(partial(meaning_of, given=given))
    for row in rows():
        cells = {
            meaning.removeprefix(USE_CASE_OF): value
            for heading, value in row.cells or ()
            if (meaning := meaning_in(heading)).startswith(USE_CASE_OF)
        }
        if not is_empty(cells.get("problem")):
            owner = (USE_CASES.parent_key, bsnid_of(row, given))
            yield RawRow(row.name, [owner, *cells.items()])
