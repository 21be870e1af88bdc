from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from functools import partial

from crm.model.records import FacetPage, Listing, Page, Update
from crm.model.schema import UPDATES
from crm.repository import _sql
from crm.repository._sql import Values
from crm.repository.steps import NOTHING, Earlier
from crm.warehouse import Warehouse

from . import _children, _listing
from ._filters import CHANGED, DateFilter
from ._order import text

FILTERS = ("platform", "author", *_children.OF_ACCOUNT)
SORTS = ("date", "team", "author", "platform")

SOURCE = _children.list_source(
    UPDATES,
    searched=("description", "author", "team", "account_bsnid", "platform"),
    filters=FILTERS,
    sorts={
        "date": ("date", "created_at"),
        **{name: (text(name),) for name in SORTS[1:]},
    },
    dates={
        "updated-since": DateFilter("f.date >= {limit}"),
        "updated-before": DateFilter("f.date < {limit}"),
        **CHANGED,
    },
    default="-date",
    day="date",
)


def search(wh: Warehouse, listing: Listing) -> Page[Update]:
    return _listing.load(wh, listing, SOURCE, partial(_children.list_rows, Update))


def facet(wh: Warehouse, listing: Listing, name: str, find: str, most: int) -> FacetPage:
    """Return the values of a column of ``FILTERS``, see ``_listing.load_facet``."""
    return _listing.load_facet(wh, listing, SOURCE, name, find, most)


def find_all(wh: Warehouse, listing: Listing) -> Iterator[Update]:
    """Return the rows of all pages, see ``_listing.load_all``."""
    return _listing.load_all(wh, listing, SOURCE, partial(_sql.record, Update))


def get(wh: Warehouse, id: str) -> Update | None:
    return _children.get(wh, UPDATES, Update, id)


def create(wh: Warehouse, bsnid: str, id: str, values: Values) -> bool:
    """Insert the update; return whether the person sees it. Raises Missing if the account does not
    exist, and AlreadyExists if a row with this id was changed since it was created."""
    return _children.create(wh, UPDATES, Update, bsnid, id, values)


def update(wh: Warehouse, id: str, values: Values, seen: dt.datetime | None) -> bool:
    """Update the row; return False if it had all the values when it was ``seen``.

    Raises Missing, and Stale with the present row if it changed since ``seen``."""
    return _children.update(wh, UPDATES, Update, id, values, seen)


def delete(wh: Warehouse, id: str, earlier: Earlier = NOTHING) -> None:
    """Delete the update, continuing after ``earlier`` attempts. Raises HalfDone."""
    _children.delete(wh, UPDATES, id, earlier=earlier)
