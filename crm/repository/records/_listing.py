"""Read a list in one statement: a page with the whole list's count and facets, or all rows.

The statements have these CTEs, the one for all rows only the first two::

    found      the rows that the search finds
    matching   the rows of ``found`` that pass all filters, numbered in the list's order
    bounds     how many rows match, and the number of the page: the last page if a later one is
               asked for
    page       the rows of that page
    facets     the values of each filterable column, with counts; its own filter does not count
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from crm.model.namespace import Namespace, quoted
from crm.model.records import Facet, Listing, Page
from crm.model.schema import Table
from crm.repository import _sql
from crm.repository._sql import Row
from crm.warehouse import Warehouse

ListRow = TypeVar("ListRow")

SEARCH_LENGTH = 1000
VALUES_PER_FILTER = 50

_MATCHING = """
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
)
"""

_PAGE = """
{matching},
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

_ALL = "{matching} SELECT {struct} AS item FROM matching AS p ORDER BY p.rn"

# One pass counts the values of several columns.
_FACETS = """
  SELECT name, COALESCE(value, '') AS value, COUNT(*) AS n
  FROM (SELECT STACK({columns}) AS (name, value) FROM found WHERE {others}) AS s
  GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Conditions:
    """The filters of a listing, with their values bound.

    :param markers: by filtered column, its parameters: ``:f0_0, :f0_1``.
    """

    markers: Mapping[str, str]
    params: Mapping[str, str]

    @classmethod
    def of(cls, listing: Listing, allowed: tuple[str, ...]) -> Conditions:
        markers: dict[str, str] = {}
        params: dict[str, str] = {}
        for number, name in enumerate(allowed):
            values = listing.filters.get(name, ())[:VALUES_PER_FILTER]
            names = [f"f{number}_{index}" for index in range(len(values))]
            if values:
                markers[name] = ", ".join(f":{marker}" for marker in names)
                params.update(zip(names, values, strict=True))
        return cls(markers, params)

    def on_row(self, name: str) -> str:
        """Return a column's condition. The value ``''`` finds NULL, too."""
        return f"COALESCE({quoted(name)}, '') IN ({self.markers[name]})"

    def is_one_of(self, name: str) -> str:
        """Return a column's condition that NULL never passes; empty without a filter."""
        return f"{quoted(name)} IN ({self.markers[name]})" if name in self.markers else ""


@dataclass(frozen=True)
class ListSource:
    """The parts of the statement that differ between lists.

    :param source: the template of a SELECT of the rows, with ``{table}`` for the table. ``key``
        is unique in it.
    :param joins: the template of what ``matching`` joins to the rows (alias ``f``), and
        ``extra`` the columns from there, each followed by a comma. Facets do not use these.
    :param struct: the struct that a row of ``page`` (alias ``p``) is returned as. Its first field
        is ``p.rn``, which the rows are sorted by.
    :param sorts: the SQL expressions of each sort key.
    :param before: the template of CTEs that the others use, each followed by a comma; ``params``
        are its parameters.
    :param joint: makes the filters that are not conditions on the row itself, see accounts.
    """

    table: Table
    source: str
    struct: str
    key: str
    searched: tuple[str, ...]
    filters: tuple[str, ...]
    sorts: Mapping[str, tuple[str, ...]]
    default: str
    before: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    joins: str = ""
    extra: str = ""
    joint: Callable[[Namespace, Conditions], JointFilter] | None = None


@dataclass(frozen=True)
class JointFilter:
    """The filters of several columns as one condition that is not on the row itself.

    :param facets: returns SELECTs of name, value and n, given the conditions on the row.
    """

    names: tuple[str, ...] = ()
    condition: str = ""
    facets: Callable[[str], tuple[str, ...]] = lambda others: ()


def text(name: str) -> str:
    """Return the sort expression of a text column, which ignores case.

    It has no literals, because the local engine confuses equal literals of one statement. The CRM
    stores an empty text as NULL, so both come last.
    """
    return f"LOWER({quoted(name)})"


def load(
    wh: Warehouse, listing: Listing, source: ListSource, row: Callable[[Row], ListRow]
) -> Page[ListRow]:
    """Return the page that the listing asks for; ``row`` makes a list's row of a struct."""
    asked = replace(listing, page=min(max(1, listing.page), 10**9), size=max(1, listing.size))
    query = _Query.of(wh.namespace, asked, source)
    sql = _sql.render(
        wh.namespace,
        _PAGE,
        matching=query.matching,
        struct=source.struct,
        facets=_facets(wh.namespace, source, query.conditions, query.joint),
    )
    answer = wh.query(sql, {**query.params, "page": asked.page, "size": asked.size})[0]
    return Page(
        rows=tuple(row(item) for item in answer["rows"]),
        total=answer["total"],
        listing=replace(asked, page=answer["page"]),
        facets=_by_name(source.filters, answer["facets"]),
    )


def load_all(
    wh: Warehouse, listing: Listing, source: ListSource, row: Callable[[Row], ListRow]
) -> Iterator[ListRow]:
    """Return the rows of all pages, as they are at one moment. One statement, run at once.

    Raises WarehouseError here; reading the rows raises none.
    """
    query = _Query.of(wh.namespace, listing, source)
    sql = _sql.render(wh.namespace, _ALL, matching=query.matching, struct=source.struct)
    found = wh.query_large(sql, query.params)
    return (row(each["item"]) for each in found)


@dataclass(frozen=True)
class _Query:
    """What a listing asks of its source: the CTEs found and matching, and their parameters."""

    matching: str
    params: Mapping[str, Any]
    conditions: Conditions
    joint: JointFilter

    @classmethod
    def of(cls, namespace: Namespace, listing: Listing, source: ListSource) -> _Query:
        conditions = Conditions.of(listing, source.filters)
        q = listing.q.strip()[:SEARCH_LENGTH]
        joint = source.joint(namespace, conditions) if source.joint else JointFilter()
        matching = _sql.render(
            namespace,
            _MATCHING,
            before=_sql.render(namespace, source.before),
            source=_sql.render(namespace, source.source, table=namespace.table(source.table)),
            joins=_sql.render(namespace, source.joins),
            extra=source.extra,
            search=_search(source.searched) if q else "TRUE",
            order=_order(source, listing.sort),
            filters=_filters(conditions, joint),
        )
        params = {**source.params, **conditions.params, **({"q": q} if q else {})}
        return cls(matching, params, conditions, joint)


def _search(names: tuple[str, ...]) -> str:
    # CONTAINS and not LIKE, so that % and _ are plain characters.
    return " OR ".join(f"CONTAINS(LOWER({quoted(name)}), LOWER(:q))" for name in names)


def _order(source: ListSource, sort: str) -> str:
    if sort.removeprefix("-") not in source.sorts:
        sort = source.default
    direction = "DESC" if sort.startswith("-") else "ASC"
    keys = [
        f"{expression} {direction} NULLS LAST"
        for expression in source.sorts[sort.removeprefix("-")]
    ]
    # The key comes last, so that rows with equal values do not change places between pages.
    return ", ".join([*keys, quoted(source.key)])


def _filters(conditions: Conditions, joint: JointFilter, without: str = "") -> str:
    parts = [
        conditions.on_row(name)
        for name in conditions.markers
        if name != without and name not in joint.names
    ]
    if joint.condition and without not in joint.names:
        parts.append(joint.condition)
    return " AND ".join(parts) or "TRUE"


def _facets(
    namespace: Namespace, source: ListSource, conditions: Conditions, joint: JointFilter
) -> str:
    """Columns without a filter share one pass; each column with a filter has its own."""
    by_condition: dict[str, list[str]] = {}
    for name in source.filters:
        if name not in joint.names:
            others = _filters(conditions, joint, without=name)
            by_condition.setdefault(others, []).append(name)
    selects = [
        _sql.render(namespace, _FACETS, columns=_stacked(names), others=others)
        for others, names in by_condition.items()
    ]
    selects += joint.facets(_filters(conditions, JointFilter(joint.names)))
    return "UNION ALL".join(selects)


def _stacked(names: list[str]) -> str:
    pairs = (f"{_sql.literal(name)}, {quoted(name)}" for name in names)
    return ", ".join([str(len(names)), *pairs])


def _by_name(names: tuple[str, ...], rows: list[Row]) -> dict[str, tuple[Facet, ...]]:
    found: dict[str, list[Facet]] = {name: [] for name in names}
    for row in rows:
        found[row["name"]].append(Facet(row["value"], row["n"]))
    return {
        name: tuple(sorted(facets, key=lambda facet: (-facet.count, facet.value.lower())))
        for name, facets in found.items()
    }
