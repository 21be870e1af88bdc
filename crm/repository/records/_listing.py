"""Read a list in one statement: a page with the whole list's count and facets, or all rows.

The statements have these CTEs, the one for all rows only the first::

    found    the rows that the search finds
    page     those of them that pass all filters and are on the page
    facets   the values of each filterable column, with counts; its own filter does not count

The page is cut out before anything is joined to its rows: sorting all rows with all their columns
is what a long list costs most. A page after the last one takes a second statement.
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

from ._filters import Conditions, JointFilter, condition_of, facets_sql

ListRow = TypeVar("ListRow")

SEARCH_LENGTH = 1000
_LARGEST_INT = 2**31 - 1

_FOUND = """
WITH {before}
found AS (
  SELECT * FROM ({source}) AS f
  WHERE {search}
)
"""
_MATCHING = "SELECT f.* FROM found AS f {sort_joins} WHERE {filters}"
_ROWS = """
  SELECT f.*, {extra}ROW_NUMBER() OVER (ORDER BY {order}) AS rn
  FROM {matching} AS f
  {joins}
"""
_ALL = "{found} SELECT {struct} AS item FROM ({rows}) AS p ORDER BY p.rn"
_PAGE = """
{found},
page AS (
  {matching} ORDER BY {order} LIMIT :size OFFSET :offset
),
facets AS (
  {facets}
)
SELECT
  (SELECT COUNT(*) FROM found WHERE {filters}) AS total,
  (SELECT SORT_ARRAY(COLLECT_LIST({struct})) FROM ({rows}) AS p) AS rows,
  (SELECT COLLECT_LIST(NAMED_STRUCT('name', name, 'value', value, 'n', n)) FROM facets) AS facets
"""


@dataclass(frozen=True)
class ListSource:
    """The parts of the statement that differ between lists.

    :param source: the template of a SELECT of the rows, with ``{table}`` for the table. ``key``
        is unique in it.
    :param joins: the template of what is joined to the rows (alias ``f``), and ``extra`` the
        columns from there, each followed by a comma. Filters and facets do not use these.
    :param struct: the struct that a row (alias ``p``) is returned as. Its first field is
        ``p.rn``, which the rows are sorted by.
    :param sorts: the SQL expressions of each sort key; those of ``joined_sorts`` need ``joins``.
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
    joined_sorts: tuple[str, ...] = ()
    joint: Callable[[Namespace, Conditions], JointFilter] | None = None


def text(name: str) -> str:
    """Return the sort expression of a text column, which ignores case.

    It has no literals, because the local engine confuses equal literals of one statement. The CRM
    stores an empty text as NULL, so both come last.
    """
    return f"LOWER({quoted(name)})"


def within_reach(listing: Listing) -> Listing:
    """Return the listing with a page and a size from 1 on, and an OFFSET that is an INT.

    Databricks refuses other types in LIMIT and OFFSET, and the connector binds larger numbers as
    BIGINT (https://docs.databricks.com/aws/en/error-messages/error-classes,
    INVALID_LIMIT_LIKE_EXPRESSION.DATA_TYPE).
    """
    size = max(1, listing.size)
    return replace(listing, page=min(max(1, listing.page), _LARGEST_INT // size), size=size)


def load(
    wh: Warehouse, listing: Listing, source: ListSource, row: Callable[[Row], ListRow]
) -> Page[ListRow]:
    """Return the page that the listing asks for, or the last one if there are fewer pages.

    ``row`` makes a list's row of a struct.
    """
    asked = within_reach(listing)
    query = _Query.of(wh.namespace, asked, source)
    params = {**query.params, "size": asked.size, "offset": (asked.page - 1) * asked.size}
    answer = wh.query(query.page_sql(), params)[0]
    last = max(1, -(-answer["total"] // asked.size))
    if last < asked.page:
        return load(wh, replace(asked, page=last), source, row)
    return Page(
        rows=tuple(row(item) for item in answer["rows"]),
        total=answer["total"],
        listing=asked,
        facets=_by_name(source.filters, answer["facets"]),
    )


def load_all(
    wh: Warehouse, listing: Listing, source: ListSource, row: Callable[[Row], ListRow]
) -> Iterator[ListRow]:
    """Return the rows of all pages, as they are at one moment. One statement, run at once.

    Raises WarehouseError here; reading the rows raises none.
    """
    query = _Query.of(wh.namespace, listing, source)
    found = wh.query_large(query.all_sql(), query.params)
    return (row(each["item"]) for each in found)


@dataclass(frozen=True)
class _Query:
    """What a listing asks of its source, as parts of the statements and their parameters."""

    namespace: Namespace
    source: ListSource
    sort: str
    q: str
    conditions: Conditions
    joint: JointFilter

    @classmethod
    def of(cls, namespace: Namespace, listing: Listing, source: ListSource) -> _Query:
        conditions = Conditions.of(listing, source.filters)
        joint = source.joint(namespace, conditions) if source.joint else JointFilter()
        is_known = listing.sort.removeprefix("-") in source.sorts
        sort = listing.sort if is_known else source.default
        q = listing.q.strip()[:SEARCH_LENGTH]
        return cls(namespace, source, sort, q, conditions, joint)

    @property
    def params(self) -> dict[str, Any]:
        search = {"q": self.q} if self.q else {}
        return {**self.source.params, **self.conditions.params, **search}

    def page_sql(self) -> str:
        return _sql.render(
            self.namespace,
            _PAGE,
            found=self._found(),
            matching=self._matching(),
            rows=self._rows("page"),
            filters=self._filters,
            order=self._order(),
            struct=self.source.struct,
            facets=facets_sql(self.namespace, self.source.filters, self.conditions, self.joint),
        )

    def all_sql(self) -> str:
        rows = self._rows(f"({self._matching()})")
        struct = self.source.struct
        return _sql.render(self.namespace, _ALL, found=self._found(), struct=struct, rows=rows)

    def _found(self) -> str:
        source, namespace = self.source, self.namespace
        return _sql.render(
            namespace,
            _FOUND,
            before=_sql.render(namespace, source.before),
            source=_sql.render(namespace, source.source, table=namespace.table(source.table)),
            search=_search(source.searched) if self.q else "TRUE",
        )

    def _matching(self) -> str:
        needs_joins = self.sort.removeprefix("-") in self.source.joined_sorts
        joins = _sql.render(self.namespace, self.source.joins) if needs_joins else ""
        return _sql.fill(_MATCHING, sort_joins=joins, filters=self._filters)

    def _rows(self, matching: str) -> str:
        return _sql.fill(
            _ROWS,
            extra=self.source.extra,
            order=self._order(),
            matching=matching,
            joins=_sql.render(self.namespace, self.source.joins),
        )

    def _order(self) -> str:
        direction = "DESC" if self.sort.startswith("-") else "ASC"
        keys = self.source.sorts[self.sort.removeprefix("-")]
        # The key comes last, so that rows with equal values do not change places between pages.
        ordered = [f"{key} {direction} NULLS LAST" for key in keys]
        return ", ".join([*ordered, quoted(self.source.key)])

    @property
    def _filters(self) -> str:
        return condition_of(self.conditions, self.joint)


def _search(names: tuple[str, ...]) -> str:
    # CONTAINS and not LIKE, so that % and _ are plain characters.
    return " OR ".join(f"CONTAINS(LOWER({quoted(name)}), LOWER(:q))" for name in names)


def _by_name(names: tuple[str, ...], rows: list[Row]) -> dict[str, tuple[Facet, ...]]:
    found: dict[str, list[Facet]] = {name: [] for name in names}
    for row in rows:
        found[row["name"]].append(Facet(row["value"], row["n"]))
    return {
        name: tuple(sorted(facets, key=lambda facet: (-facet.count, facet.value.lower())))
        for name, facets in found.items()
    }
