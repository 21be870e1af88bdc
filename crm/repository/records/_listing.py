"""Read a list: one page with the number of all rows, one facet, or all rows. One statement each.

A page after the last one takes a second statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from crm.model.records import Listing, Page
from crm.repository._sql import Row
from crm.warehouse import Warehouse

from ._list_query import ListSource, Query

ListRow = TypeVar("ListRow")

_LARGEST_INT = 2**31 - 1


def within_reach(listing: Listing) -> Listing:
    """Return the listing with a page and a size from 1 on, and an OFFSET that is an INT.

    Databricks refuses other types in LIMIT and OFFSET, and the connector binds larger numbers as
    BIGINT (https://docs.databricks.com/aws/en/error-messages/error-classes,
    INVALID_LIMIT_LIKE_EXPRESSION.DATA_TYPE).
    """
    size = max(1, listing.size)
    return replace(listing, page=min(max(1, listing.page), _LARGEST_INT // size), size=size)


def load(
    wh: Warehouse,
    listing: Listing,
    source: ListSource,
    rows_of: Callable[[list[Row]], tuple[ListRow, ...]],
) -> Page[ListRow]:
    """Return the page that the listing asks for, or the last one if there are fewer pages.

    ``rows_of`` makes the list's rows of what ``source.rows`` selects, in the order of ``rn``.
    """
    asked = within_reach(listing)
    query = Query.of(wh.namespace, asked, source)
    answer = wh.query(*query.page(asked.size, (asked.page - 1) * asked.size))[0]
    total = answer["total"]
    last = max(1, -(-total // asked.size))
    if last < asked.page:
        return load(wh, replace(asked, page=last), source, rows_of)
    return Page(
        rows=rows_of(sorted(answer["rows"], key=lambda row: row["rn"])),
        total=total,
        listing=asked,
    )


def load_all(
    wh: Warehouse, listing: Listing, source: ListSource, row: Callable[[Row], ListRow]
) -> Iterator[ListRow]:
    """Return the rows of all pages, as they are at one moment. One statement, run at once.

    Raises WarehouseError here; reading the rows raises none.
    """
    query = Query.of(wh.namespace, listing, source)
    return map(row, wh.query_large(*query.all()))
