"""The columns of a list: which there are, which are shown and in which order.

The address names the chosen columns in their order, ``column=vp&column=team``; without any, the
usual ones are shown. The names are those of the columns in the list's CSV file. The column that
identifies the record cannot be left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from crm.exporting.lists import list_columns
from crm.model import vocabulary
from crm.model.records import AccountRow, Listing, Page
from crm.model.schema import ACCOUNTS, UPDATES, USE_CASES
from crm.row_fragments import ListColumn

from ._subject import Subject

NAME = "column"
_PLATFORMS = "*"  # stands for one column for each platform
_USUAL = {
    ACCOUNTS: (
        *("team", "business_area", "vp", "primary_it_partner"),
        *(_PLATFORMS, "use_cases", "last_update"),
    ),
    USE_CASES: (
        *("problem", "team", "status", "platform", "enablement_tier", "leader", "updated_at"),
    ),
    UPDATES: ("date", "description", "team", "platform", "author"),
}
_LABELS = {"problem": "Use case", "enablement_tier": "Tier"}
_KINDS = {"use_cases": "number", "updates": "number", "last_update": "day"}


def read(given: Iterable[str], subject: Subject) -> tuple[str, ...]:
    """Return the valid names, each once; an empty tuple for the usual columns in their order."""
    known, named = names(subject), subject.table.gist
    found = tuple(dict.fromkeys(name for name in given if name in known))
    if found and named not in found:
        found = (named, *found)
    return () if found == usual(subject) else found


def names(subject: Subject) -> tuple[str, ...]:
    """Return the names of all columns that the list can show, the usual ones first."""
    keys = {subject.table.key, subject.table.parent_key}
    others = (name for name in list_columns(subject.table) if name not in keys)
    return tuple(dict.fromkeys((*usual(subject), *others)))


def usual(subject: Subject) -> tuple[str, ...]:
    platforms = vocabulary.platforms()
    return tuple(
        each
        for name in _USUAL[subject.table]
        for each in (platforms if name == _PLATFORMS else (name,))
    )


def shown(subject: Subject, page: Page[Any]) -> tuple[ListColumn, ...]:
    """Return the columns of the page's table.

    The usual columns also include one for each platform that occurs in the page's rows.
    """
    found = page.listing.columns or usual(subject)
    if subject.table is ACCOUNTS and not page.listing.columns:
        at = max((found.index(name) for name in vocabulary.platforms()), default=3) + 1
        found = tuple(dict.fromkeys((*found[:at], *_platforms_of(page.rows), *found[at:])))
    return tuple(_column(subject, name) for name in found)


def _platforms_of(rows: Iterable[AccountRow]) -> Iterable[str]:
    return (platform for row in rows for platform in row.statuses)


def offered(subject: Subject, listing: Listing) -> list[ListColumn]:
    """Return all columns: those that are shown in their order, then the others."""
    chosen = listing.columns or usual(subject)
    return [_column(subject, name) for name in dict.fromkeys((*chosen, *names(subject)))]


def _column(subject: Subject, name: str) -> ListColumn:
    table = subject.table
    sort = name if name in subject.repository.SORTS else ""
    label = _LABELS.get(name) or subject.label(name)
    if name == table.gist:
        return ListColumn(name, label, "name", sort)
    if name in table.names:
        kind = table.column(name).kind
        return ListColumn(name, label, "status" if name == "status" else kind, sort)
    if name == "team":
        return ListColumn(name, label, "account", sort)
    if name in _KINDS:
        return ListColumn(name, label, _KINDS[name], sort)
    return ListColumn(name, name, "platform status", sort)
