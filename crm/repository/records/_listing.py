"""A list page as one statement: its rows, the whole list's count, and the facets.

The statement is made of these named parts (CTEs)::

    found      the rows of the list's source that the search finds
    matching   … that all filters let through, numbered in the order asked for
    bounds     how many these are, and the page to show: the last one, if asked for more
    page       the rows of that page
    facets     each filterable column's values and counts, unnarrowed by its own filter
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from crm.model.records import Facet, Listing, Page
from crm.repository._sql import render
from crm.warehouse import Warehouse

Row = TypeVar("Row")

SEARCH_LENGTH = 1000
VALUES_PER_FILTER = 50

_SQL = """
WITH {before}
found AS (
  SELECT * FROM ({source}) AS f
  WHERE {search}
),
matching AS (
  SELECT f.*, {extra}ROW_NUMBER() OVER (ORDER BY {order}) AS rn
  FROM found AS f
  {joins}
  WHERE {filters}
),
bounds AS (
  SELECT
    COUNT(*) AS total,
    GREATEST(1, LEAST(CAST(:page AS BIGINT), CAST(CEIL(COUNT(*) / :size) AS BIGINT))) AS page
  FROM matching
),
page AS (
  SELECT m.* FROM matching AS m CROSS JOIN bounds AS b
  WHERE m.rn > (b.page - 1) * :size AND m.rn <= b.page * :size
),
facets AS (
  {facets}
)
SELECT
  b.total,
  b.page,
  (SELECT SORT_ARRAY(COLLECT_LIST({struct})) FROM page AS p) AS rows,
  (SELECT COLLECT_LIST(NAMED_STRUCT('name', name, 'value', value, 'n', n)) FROM facets) AS facets
FROM bounds AS b
"""

# Several columns' values in one pass.
_FACETS = """
  SELECT name, COALESCE(value, '') AS value, COUNT(*) AS n
  FROM (SELECT STACK({columns}) AS (name, value) FROM found WHERE {others}) AS s
  GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Conditions:
    """The filters that a listing asks for, as conditions with bound values.

    ``of`` maps each filtered column to its condition's values as markers: ``:f0_0, :f0_1``.
    """

    markers: Mapping[str, str]
    params: Mapping[str, str]

    @classmethod
    def of(cls, listing: Listing, allowed: tuple[str, ...]) -> Conditions:
        markers, params = {}, {}
        for number, name in enumerate(allowed):
            values = listing.filters.get(name, ())[:VALUES_PER_FILTER]
            names = [f"f{number}_{index}" for index in range(len(values))]
            if values:
                markers[name] = ", ".join(f":{marker}" for marker in names)
                params.update(zip(names, values, strict=True))
        return cls(markers, params)

    def plain(self, name: str) -> str:
        """An empty value is asked for as ``''``, whether the data says NULL or ''."""
        return f"COALESCE(`{name}`, '') IN ({self.markers[name]})"


@dataclass(frozen=True)
class ListSource:
    """What is particular to one list.

    :param source: SELECT that yields the columns that are searched and filtered by, with
        ``key`` unique.
    :param joins: what ``matching`` joins to the rows (alias ``f``), and ``extra`` the columns
        that it takes from there, each followed by a comma: facets need not bother with them.
    :param struct: the struct that one row of ``page`` (alias ``p``) is returned as; its first
        field must be ``p.rn``, which the rows are sorted by.
    :param sorts: all sort keys, each with the SQL expressions it stands for.
    :param before: CTEs that the others use, each followed by a comma.
    :param joint: filters that are not simply a column of the row, see accounts.
    """

    source: str
    struct: str
    key: str
    searched: tuple[str, ...]
    filters: tuple[str, ...]
    sorts: Mapping[str, tuple[str, ...]]
    default: str
    before: str = ""
    joins: str = ""
    extra: str = ""
    joint: Callable[[Conditions], Joint] | None = None


@dataclass(frozen=True)
class Joint:
    """Conditions and facets of filters that look beyond the row, and the columns they are of.

    ``facets`` holds SELECTs of name, value and n, with ``{others}`` for the conditions on
    the row itself.
    """

    names: tuple[str, ...]
    condition: str = ""
    facets: tuple[str, ...] = field(default=())


def text(name: str) -> str:
    """The sort expression for a text column: case does not matter.

    No literals in it: the local engine's planner confuses equal ones within a statement. An
    empty text is stored as NULL, so there is none to be treated as one.
    """
    return f"LOWER(`{name}`)"


def load(
    wh: Warehouse, listing: Listing, source: ListSource, row: Callable[[dict[str, Any]], Row]
) -> Page[Row]:
    asked = replace(listing, page=min(max(1, listing.page), 10**9), size=max(1, listing.size))
    conditions = Conditions.of(asked, source.filters)
    joint = source.joint(conditions) if source.joint else Joint(())
    q = asked.q.strip()[:SEARCH_LENGTH]
    sql = render(
        wh.namespace,
        _SQL,
        before=render(wh.namespace, source.before),
        source=render(wh.namespace, source.source),
        joins=render(wh.namespace, source.joins),
        extra=source.extra,
        struct=source.struct,
        search=_search(source.searched) if q else "TRUE",
        order=_order(source, asked.sort),
        filters=_filters(conditions, joint),
        facets=_facets(source, conditions, joint),
    )
    params = {**conditions.params, "page": asked.page, "size": asked.size}
    answer = wh.query(sql, {**params, "q": q} if q else params)[0]
    return Page(
        rows=tuple(row(item) for item in answer["rows"]),
        total=answer["total"],
        listing=replace(asked, page=answer["page"]),
        facets=_by_name(source.filters, answer["facets"]),
    )


def _search(names: tuple[str, ...]) -> str:
    # contains() and not LIKE: % and _ are plain characters.
    return " OR ".join(f"CONTAINS(LOWER(`{name}`), LOWER(:q))" for name in names)


def _order(source: ListSource, sort: str) -> str:
    if sort.removeprefix("-") not in source.sorts:
        sort = source.default
    direction = "DESC" if sort.startswith("-") else "ASC"
    keys = [
        f"{expression} {direction} NULLS LAST"
        for expression in source.sorts[sort.removeprefix("-")]
    ]
    # The key last: rows that are equal otherwise must not change places between pages.
    return ", ".join([*keys, f"`{source.key}`"])


def _filters(conditions: Conditions, joint: Joint, without: str = "") -> str:
    parts = [
        conditions.plain(name)
        for name in conditions.markers
        if name != without and name not in joint.names
    ]
    if joint.condition and without not in joint.names:
        parts.append(joint.condition)
    return " AND ".join(parts) or "TRUE"


def _facets(source: ListSource, conditions: Conditions, joint: Joint) -> str:
    """Columns that are not filtered by share one pass; a filtered one has its own."""
    by_condition: dict[str, list[str]] = {}
    for name in source.filters:
        if name not in joint.names:
            others = _filters(conditions, joint, without=name)
            by_condition.setdefault(others, []).append(name)
    selects = [
        _FACETS.format(columns=_stacked(names), others=others)
        for others, names in by_condition.items()
    ]
    others = _filters(conditions, Joint(joint.names))
    selects += [facet.format(others=others) for facet in joint.facets]
    return "\n  UNION ALL ".join(selects)


def _stacked(names: list[str]) -> str:
    return ", ".join([str(len(names)), *(f"'{name}', `{name}`" for name in names)])


def _by_name(names: tuple[str, ...], rows: list[dict[str, Any]]) -> dict[str, tuple[Facet, ...]]:
    found: dict[str, list[Facet]] = {name: [] for name in names}
    for row in rows:
        found[row["name"]].append(Facet(row["value"], row["n"]))
    return {
        name: tuple(sorted(facets, key=lambda facet: (-facet.count, facet.value.lower())))
        for name, facets in found.items()
    }
