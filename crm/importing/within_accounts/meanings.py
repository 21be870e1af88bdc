"""Headings of a table of accounts that mean something of another table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm.importing.headings import (
    OF_OTHER_TABLES,
    SINCE_OF,
    STATUS_OF,
    USE_CASE_OF,
    columns_by_index,
    normal,
    table_key,
)
from crm.importing.raw_rows import RawRow
from crm.model import vocabulary
from crm.model.missing import is_empty
from crm.model.schema import ACCOUNTS

_OF_ALL_PLATFORMS = ("platforms_status", "platform_status", "platform_statuses", "platforms")
# How some headings name platforms.
_SHORT = {"db": "databricks", "sf": "snowflake"}
_USE_CASE = {"use_case": "problem", "use_case_status": "status"}


def meaning_of(heading: str, given: Mapping[str, str]) -> str:
    """Return what a heading means of another table: STATUS_OF or SINCE_OF and a platform, or
    USE_CASE_OF and a column; else an empty text. ``given`` (normal heading → column) comes first.
    """
    word = normal(heading)
    if chosen := given.get(word):
        return chosen if chosen.startswith(OF_OTHER_TABLES) else ""
    if table_key(heading) in _OF_ALL_PLATFORMS:
        return STATUS_OF
    if column := _USE_CASE.get(word):
        return USE_CASE_OF + column
    start, _, name = word.partition("month_onboarded_")
    word = word if start else _SHORT.get(name, name)
    for platform in vocabulary.platforms():
        if word in (normal(platform), f"{normal(platform)}_status"):
            return (SINCE_OF if name and not start else STATUS_OF) + platform
    return ""


def choices() -> dict[str, str]:
    """Return the meanings that a person can choose, with their labels."""
    platforms = vocabulary.platforms()
    return {
        **{f"{STATUS_OF}{each}": f"{each} status" for each in platforms},
        STATUS_OF: "All platforms’ statuses",
        **{f"{SINCE_OF}{each}": f"{each} status since" for each in platforms},
        f"{USE_CASE_OF}problem": "Problem of a use case",
        f"{USE_CASE_OF}status": "Status of a use case",
    }


def bsnid_of(row: RawRow, given: Mapping[str, str]) -> Any:
    cells = row.cells or ()
    indexes = columns_by_index(ACCOUNTS, [heading for heading, _ in cells], given)
    values = [cells[index][1] for index in indexes.get(ACCOUNTS.key, ())]
    return next((value for value in values if not is_empty(value)), None)
