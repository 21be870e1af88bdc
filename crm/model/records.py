"""The results of reads: frozen records, one per row, lists and overviews."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar, dataclass_transform

from .saved_view import SavedView
from .schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES, Table

Row = TypeVar("Row")
AnyRecord = TypeVar("AnyRecord", bound="Record")
RecordType = TypeVar("RecordType", bound="type[Record]")


class Record:
    """One row of ``table``; its attributes are the table's columns."""

    table: ClassVar[Table]

    def value(self, column: str) -> Any:
        """Return the value of the column with this name."""
        return getattr(self, column)


@dataclass_transform(frozen_default=True)
def _record_of(table: Table) -> Callable[[RecordType], RecordType]:
    """Make the class a frozen dataclass with a field for each column of the table.

    The class body declares the columns that our code uses by name, so that mypy knows their types.
    The table's other columns also become fields, with None as their default.
    """

    def complete(cls: RecordType) -> RecordType:
        for name in table.names:
            if name not in cls.__annotations__:
                cls.__annotations__[name] = "Any"
                setattr(cls, name, None)
        cls.table = table
        dataclass(frozen=True)(cls)
        return cls

    return complete


@_record_of(ACCOUNTS)
class Account(Record):
    bsnid: str
    team: str | None = None
    updated_at: dt.datetime | None = None

    @property
    def name(self) -> str:
        return self.team or self.bsnid


@_record_of(PLATFORMS_STATUS)
class PlatformStatus(Record):
    """``reason`` is the reason of the status, if it was noted with the last change."""

    id: str
    account_bsnid: str
    platform: str | None = None
    status: str | None = None
    updated_at: dt.datetime | None = None
    reason: str | None = None


@_record_of(USE_CASES)
class UseCase(Record):
    """``team`` is the account's, joined for lists and headings; ``reason`` is that of its status,
    if it was noted with the last change."""

    id: str
    account_bsnid: str
    problem: str | None = None
    status: str | None = None
    updated_at: dt.datetime | None = None
    team: str | None = None
    reason: str | None = None


@_record_of(UPDATES)
class Update(Record):
    """``team`` is the account's, joined for lists and headings."""

    id: str
    account_bsnid: str
    date: dt.date | None = None
    team: str | None = None


@dataclass(frozen=True)
class AccountRow:
    """An account in a list.

    ``statuses`` maps platforms to onboarding statuses; platforms without a row are missing.
    ``last_update`` is the date of the newest update.
    """

    account: Account
    statuses: Mapping[str, str] = field(default_factory=dict)
    use_case_count: int = 0
    update_count: int = 0
    last_update: dt.date | None = None


@dataclass(frozen=True)
class AccountDetail:
    """An account with its children: use cases by status, updates newest first.

    ``copies`` is the number of rows with the account's key, which Unity Catalog does not enforce.
    ``is_followed``: whether the person follows it; None if unknown.
    """

    account: Account
    platforms: tuple[PlatformStatus, ...] = ()
    use_cases: tuple[UseCase, ...] = ()
    updates: tuple[Update, ...] = ()
    copies: int = 1
    is_followed: bool | None = None

    @property
    def has_duplicates(self) -> bool:
        """Return whether several rows have one key, or several statuses have one platform."""
        keys = (
            [row.platform for row in self.platforms],
            [row.id for row in self.use_cases],
            [row.id for row in self.updates],
        )
        return self.copies > 1 or any(len(set(each)) < len(each) for each in keys)


@dataclass(frozen=True)
class Facet:
    """One value of a column in a list, and its number of rows."""

    value: str
    count: int


@dataclass(frozen=True)
class FacetPage:
    """The values of a filterable column in a list, most frequent first.

    :param choices: the number of found values; ``left_out`` of them are not in ``values``.
    :param total: the number of rows of the whole list at the same moment; None if unknown.
    """

    values: tuple[Facet, ...]
    choices: int
    left_out: int
    total: int | None


# The value of a date filter that finds records without a date.
NEVER = dt.date.min


@dataclass(frozen=True)
class Listing:
    """A request for one page of a list.

    ``filters`` maps columns to the allowed values. ``dates`` maps date filters to a day, to
    ``NEVER``, or to a moment (with a time zone) if the filter compares moments. ``sort`` is a sort
    key, with ``-`` in front for descending order; ``then`` are further ones, for rows that are
    equal by the first. ``page`` counts from 1, and ``size`` is in rows. ``of_person`` restricts
    the list to a person's accounts; see crm/repository/records/mine.py. ``columns`` are the names
    of the columns to show, none for the usual ones. ``view`` is the id of the saved view from
    which the settings come.
    """

    q: str = ""
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dates: Mapping[str, dt.date] = field(default_factory=dict)
    of_person: str = ""
    sort: str = ""
    then: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    view: str = ""
    page: int = 1
    size: int = 25


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of a list, with the number of all its rows.

    ``is_complete`` is False if matching rows may be missing, because the change feed does not go
    back far enough. ``view`` is the saved view that the URL names.
    """

    rows: tuple[Row, ...]
    total: int
    listing: Listing
    is_complete: bool = True
    view: SavedView | None = None

    @property
    def last(self) -> int:
        """Return the number of the last page, at least 1."""
        return max(1, -(-self.total // self.listing.size))

    @property
    def first_row(self) -> int:
        return (self.listing.page - 1) * self.listing.size + 1 if self.rows else 0

    @property
    def last_row(self) -> int:
        return self.first_row + len(self.rows) - 1 if self.rows else 0


@dataclass(frozen=True)
class Overview:
    """The start page's figures.

    ``adoption`` maps platform to {onboarding status: accounts}; an account without a row for a
    platform that others use counts as Not Started. ``pipeline`` maps the status of use cases to
    their count, and ``tiers`` the enablement tier. ``areas`` has the business areas by number of
    accounts. ``attention`` has, by kind, the number of records that need attention. ``updates``
    are the latest ones, newest first.
    """

    accounts: int
    use_cases: int
    active_use_cases: int
    updates_30_days: int
    adoption: Mapping[str, Mapping[str, int]]
    pipeline: Mapping[str, int]
    tiers: Mapping[str, int]
    areas: tuple[Facet, ...]
    attention: Mapping[str, int]
    updates: tuple[Update, ...]
