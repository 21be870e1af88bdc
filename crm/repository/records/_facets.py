"""A facet of a list: the values of a filterable column, and how many rows have each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm.model.records import Facet, FacetPage, Listing
from crm.repository import _sql
from crm.repository._sql import Row
from crm.warehouse import Warehouse

from ._list_query import ListSource, Query

# ``total`` is the number of rows that pass all filters, ``choices`` that of the found values.
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


def load(
    wh: Warehouse, listing: Listing, source: ListSource, name: str, find: str, most: int
) -> FacetPage:
    """Return a filterable column's values that contain ``find``: at most ``most``, most frequent
    first. The column's own filter does not narrow them, and its values come in any case.
    """
    query = Query.of(wh.namespace, listing, source)
    if name in query.joint.names:
        return _joint(wh, query, name, find, most)
    chosen = query.conditions.arrays.get(name)
    sql, params = query.facet(
        name,
        _FACET,
        is_found="CONTAINS(LOWER(value), LOWER(:find))" if find else "TRUE",
        is_chosen=f"ARRAY_CONTAINS({chosen}, value)" if chosen else "FALSE",
        cut=_CUT,
        more="",
    )
    searched = {"find": find} if find else {}
    rows = wh.query(sql, {**params, **searched, "most": most})[0]["counts"]
    choices = rows[0]["choices"] if rows else 0
    return FacetPage(
        values=_sorted({row["value"]: row["n"] for row in rows}),
        choices=choices,
        left_out=choices - sum(row["is_found"] for row in rows),
        total=rows[0]["total"] if rows else None if find else 0,
    )


def _joint(wh: Warehouse, query: Query, name: str, find: str, most: int) -> FacetPage:
    """Rows have several of these words each, so that Python counts and finds them."""
    more = _sql.render(wh.namespace, query.joint.more)
    parts = {"is_found": "TRUE", "is_chosen": "FALSE", "cut": "", "more": more}
    answer: Row = wh.query(*query.facet(name, _FACET, **parts))[0]
    rows: list[dict[str, Any]] = answer["counts"]
    counts = query.joint.facets(name, {row["value"]: row["n"] for row in rows}, answer)
    found = _sorted({word: n for word, n in counts.items() if find.lower() in word.lower()})
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
