"""Read a list: one page with the number of all rows, one facet, or all rows. One statement each.

A page after the last one takes a second statement.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from crm.model.records import Facet, FacetPage, Listing, Page
from crm.repository import _sql
from crm.repository._sql import Row
from crm.warehouse import Warehouse

from . import _newest, saved_views
from ._list_query import FAR, ListSource, Query
from .search_words import SearchWords

ListRow = TypeVar("ListRow")

LARGEST_INT = 2**31 - 1

# ``total`` is the number of rows that pass all filters; ``choices`` is the number of found values.
_FACET = """
{before}
SELECT
  (SELECT COLLECT_LIST(STRUCT(v.*)) FROM (
    SELECT value, n, is_found, total, choices FROM (
      SELECT *, SUM(passing) OVER () AS total, COUNT_IF(is_found) OVER () AS choices
      FROM (
        SELECT value, n, passing, {is_found} AS is_found, {is_chosen} AS is_chosen FROM (
          SELECT value, COUNT(*) AS n, COUNT_IF(passes) AS passing
          FROM (
            SELECT COALESCE({value}, '') AS value, {passes} AS passes
            FROM {table} AS f {joins} WHERE {condition}
          ) AS f
          GROUP BY value
        ) AS g
      ) AS g
    ) AS g
    WHERE is_found OR is_chosen {cut}
  ) AS v) AS counts
  {more}
"""
_CUT = "ORDER BY is_chosen DESC, n DESC, LOWER(value), value LIMIT :most"


def within_reach(listing: Listing) -> Listing:
    """Return the listing with page and size at least 1, and an OFFSET that fits into an INT.

    Databricks refuses other types in LIMIT and OFFSET, and the connector binds larger numbers as
    BIGINT (https://docs.databricks.com/aws/en/error-messages/error-classes,
    INVALID_LIMIT_LIKE_EXPRESSION.DATA_TYPE).
    """
    size = max(1, listing.size)
    return replace(listing, page=min(max(1, listing.page), LARGEST_INT // size), size=size)


def load(
    wh: Warehouse,
    listing: Listing,
    source: ListSource,
    rows_of: Callable[[list[Row]], tuple[ListRow, ...]],
) -> Page[ListRow]:
    """Return the listing's page, or the last page if there are fewer.

    ``rows_of`` makes the list's rows from the result of ``source.rows``, sorted by ``rn``.
    """
    asked = within_reach(listing)
    query = Query.of(wh.namespace, asked, source)
    answer = _read(wh, query, asked)
    total = answer["total"]
    last = max(1, -(-total // asked.size))
    if last < asked.page:
        return load(wh, replace(asked, page=last), source, rows_of)
    return Page(
        rows=rows_of(sorted(answer["rows"], key=lambda row: row["rn"])),
        total=total,
        listing=asked,
        view=next(iter(saved_views.from_rows(answer.get("views") or ())), None),
    )


def _read(wh: Warehouse, query: Query, asked: Listing) -> Row:
    offset = (asked.page - 1) * asked.size

    def ask(since: dt.date | None = None) -> Row:
        return saved_views.read_with(
            wh, asked.view, lambda more: query.page(asked.size, offset, more, since)
        )

    def days_of(answer: Row) -> list[dt.date | None]:
        return list({row["rn"]: row[query.source.day] for row in answer["rows"]}.values())

    first = query.order.expressions[0], query.order.directions[0]
    if first != (query.source.day, "DESC") or offset >= FAR:
        return ask()
    key = (wh.cache_key, query.source.table.name, repr(asked))
    return _newest.read(key, asked.size, ask, days_of)


def load_all(
    wh: Warehouse, listing: Listing, source: ListSource, row: Callable[[Row], ListRow]
) -> Iterator[ListRow]:
    """Return the rows of all pages at one moment. The one statement runs at once.

    Raises WarehouseError here, not while the rows are read.
    """
    query = Query.of(wh.namespace, listing, source)
    return map(row, wh.query_large(*query.all()))


def load_facet(
    wh: Warehouse, listing: Listing, source: ListSource, name: str, find: str, most: int
) -> FacetPage:
    """Return the values of a column that contain ``find``: at most ``most``, the most frequent
    first, and always the chosen ones. The column's own filter does not apply.
    """
    query = Query.of(wh.namespace, listing, source)
    if name in query.joint.names:
        return _load_joint_facet(wh, query, name, find, most)
    chosen = query.conditions.arrays.get(name)
    searched = SearchWords.of(find, "find")
    sql, params = query.facet(
        name,
        _FACET,
        is_found=searched.condition(["value"]),
        is_chosen=f"ARRAY_CONTAINS({chosen}, value)" if chosen else "FALSE",
        cut=_CUT,
        more="",
    )
    rows = wh.query(sql, {**params, **searched.params, "most": most})[0]["counts"]
    choices = rows[0]["choices"] if rows else 0
    return FacetPage(
        values=_sorted({row["value"]: row["n"] for row in rows}),
        choices=choices,
        left_out=choices - sum(row["is_found"] for row in rows),
        total=rows[0]["total"] if rows else None if find else 0,
    )


def _load_joint_facet(wh: Warehouse, query: Query, name: str, find: str, most: int) -> FacetPage:
    """Return the facet of a joint filter. A row has several of its words, so Python counts
    them."""
    more = _sql.render(wh.namespace, query.joint.more)
    parts = {"is_found": "TRUE", "is_chosen": "FALSE", "cut": "", "more": more}
    answer: Row = wh.query(*query.facet(name, _FACET, **parts))[0]
    rows: list[dict[str, Any]] = answer["counts"]
    counts = query.joint.facets(name, {row["value"]: row["n"] for row in rows}, answer)
    searched = SearchWords.of(find)
    found = _sorted({word: n for word, n in counts.items() if searched.found_in(word)})
    chosen = query.conditions.values.get(name, ())
    values = {word: n for word, n in counts.items() if word in chosen}
    return FacetPage(
        values=_sorted(values | {facet.value: facet.count for facet in found[:most]}),
        choices=len(found),
        left_out=len(found[most:]),
        total=rows[0]["total"] if rows else 0,
    )


def _sorted(counts: Mapping[str, int]) -> tuple[Facet, ...]:
    facets = (Facet(value, n) for value, n in counts.items() if n)
    return tuple(
        sorted(facets, key=lambda facet: (-facet.count, facet.value.lower(), facet.value))
    )
