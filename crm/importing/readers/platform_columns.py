"""Platform statuses in a table of accounts: a column per platform, or one column with a dict.

Our own list of accounts has the first form, and pandas' CSV of the legacy app's accounts the
second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from crm.importing.cleaning import is_empty
from crm.importing.headings import STATUS_OF, columns_by_index, normal
from crm.importing.literals import parse_value
from crm.importing.raw_rows import RawRow, Rows
from crm.model import vocabulary
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS

from .json_children import refused, statuses

_DICT_HEADINGS = {"platforms_status", "platform_status", "platform_statuses", "platforms"}


def platform_of(heading: str, given: Mapping[str, str]) -> str | None:
    """Return the platform that a heading names, ``""`` for a column with a dict of all platforms,
    else None. ``given`` (normal heading → column) comes first."""
    word = normal(heading)
    if chosen := given.get(word):
        return chosen.removeprefix(STATUS_OF) if chosen.startswith(STATUS_OF) else None
    if word in _DICT_HEADINGS:
        return ""
    for platform in vocabulary.platforms():
        if word in (normal(platform), f"{normal(platform)}_status"):
            return platform
    return None


def without_platforms(rows: Rows, given: Mapping[str, str]) -> Iterator[RawRow]:
    """Yield the accounts without their platform columns."""
    for row in rows():
        if row.cells is not None:
            row.cells = [cell for cell in row.cells if platform_of(cell[0], given) is None]
        yield row


def platform_rows(rows: Rows, given: Mapping[str, str]) -> Iterator[RawRow]:
    """Yield a row for each status that a table of accounts holds."""
    for row in rows():
        if row.cells is None:
            continue
        found = [
            (platform, value)
            for heading, value in row.cells
            if (platform := platform_of(heading, given)) is not None
        ]
        if not found:
            return  # every row has the same headings
        bsnid = _bsnid(row, given)
        for platform, value in found:
            if platform and not is_empty(value):
                yield _status(row.name, bsnid, platform, value)
            elif not is_empty(value):
                yield from _dict(row.name, bsnid, value)


def statuses_of(rows: Rows, given: Mapping[str, str]) -> tuple[Rows, Rows]:
    """Return how to read the accounts, and how to read their statuses."""
    return partial(without_platforms, rows, given), partial(platform_rows, rows, given)


def _bsnid(row: RawRow, given: Mapping[str, str]) -> Any:
    cells = row.cells or ()
    indexes = columns_by_index(ACCOUNTS, [heading for heading, _ in cells], given)
    values = [cells[index][1] for index in indexes.get(ACCOUNTS.key, ())]
    return next((value for value in values if not is_empty(value)), None)


def _status(name: str, bsnid: Any, platform: str, status: Any) -> RawRow:
    cells = [("account_bsnid", bsnid), ("platform", platform), ("status", status)]
    return RawRow(name, cells)


def _dict(name: str, bsnid: Any, value: Any) -> Iterator[RawRow]:
    parsed = parse_value(str(value))
    if not isinstance(parsed, dict | list):
        yield refused(name, f"“{str(value)[:40]}” is not like {{'Databricks': 'Completed'}}")
        return
    for row in statuses(PLATFORMS_STATUS, bsnid, parsed):
        row.name = name
        yield row
