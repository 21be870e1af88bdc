from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from crm.model.records import FacetPage, Listing, Page, UseCase
from crm.model.schema import USE_CASES
from crm.repository import _sql
from crm.repository._sql import Values
from crm.repository.steps import NOTHING, Earlier
from crm.repository.tables import notes
from crm.warehouse import Warehouse

from . import _children, _listing, _status_since
from ._filters import CHANGED, CREATED, DateFilter
from ._list_query import ListSource
from ._order import text
from ._platform_status import IN_STATUS_SINCE

FILTERS = ("platform", "status", "enablement_tier", "leader", *_children.OF_ACCOUNT, "reason")
SORTS = ("team", "status", "platform", "enablement_tier", "leader", "updated_at")

SOURCE = _children.list_source(
    USE_CASES,
    searched=("problem", "solution", "leader", "team", "account_bsnid", "platform", "status"),
    filters=FILTERS,
    sorts={
        **{name: (text(name),) for name in SORTS[:5]},
        "updated_at": ("updated_at",),
    },
    dates={IN_STATUS_SINCE: DateFilter(type="TIMESTAMP"), **CREATED, **CHANGED},
    joins={"reason": notes.JOIN_TO_LIST},
    default="team",
)


def search(wh: Warehouse, listing: Listing) -> Page[UseCase]:
    """Return a page; see ``_status_since.read`` for the cost and the limits of that filter."""

    def load(source: ListSource, is_complete: bool) -> Page[UseCase]:
        page = _listing.load(wh, listing, source, partial(_children.list_rows, UseCase))
        return replace(page, is_complete=is_complete)

    return _status_since.read(wh, listing, SOURCE, load)


def facet(wh: Warehouse, listing: Listing, name: str, find: str, most: int) -> FacetPage:
    """Return the values of a column of ``FILTERS``, see ``_listing.load_facet``."""

    def load(source: ListSource, _: bool) -> FacetPage:
        return _listing.load_facet(wh, listing, source, name, find, most)

    return _status_since.read(wh, listing, SOURCE, load)


def find_all(wh: Warehouse, listing: Listing) -> Iterator[UseCase]:
    """Return the rows of all pages, see ``_listing.load_all``."""

    def load(source: ListSource, _: bool) -> Iterator[UseCase]:
        return _listing.load_all(wh, listing, source, partial(_sql.record, UseCase))

    return _status_since.read(wh, listing, SOURCE, load)


def get(wh: Warehouse, id: str) -> UseCase | None:
    return _children.get(wh, USE_CASES, UseCase, id)


def create(wh: Warehouse, bsnid: str, id: str, values: Values, reason: str = "") -> bool:
    """Insert the use case; return whether the person sees it. ``reason`` is that of its status.

    Raises Missing if the account does not exist, AlreadyExists if a row with this id was changed
    since it was created, and ReasonNotKept after the row was saved."""
    return _children.create(wh, USE_CASES, UseCase, bsnid, id, values, reason)


def update(
    wh: Warehouse,
    id: str,
    values: Values,
    seen: dt.datetime | None,
    reason: str = "",
    *,
    removes_reason: bool = False,
) -> bool:
    """Update the use case; ``reason`` is the reason of its status. Return False if it had all
    that when it was ``seen``.

    Raises Missing, Stale with the present use case if it changed since ``seen``, and
    ReasonNotKept after the use case was saved, or if its reason was not removed."""
    return _children.update(
        wh, USE_CASES, UseCase, id, values, seen, reason=reason, removes_reason=removes_reason
    )


def delete(wh: Warehouse, id: str, earlier: Earlier = NOTHING) -> None:
    """Delete the use case, continuing after ``earlier`` attempts. Raises HalfDone."""
    _children.delete(wh, USE_CASES, id, earlier=earlier)
