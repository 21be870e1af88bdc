"""Read a list in one statement: a page with the whole list's count and facets, or all rows.

A page's statement returns one row of two arrays:

    rows     the rows of the page. The page is cut out of the sorted rows first (ORDER BY … LIMIT);
             what else a row needs is joined to these few.
    counts   the whole list's count and its facets, from one pass over the table

A page after the last one takes a second statement. No CTE is used twice, except that of the
statuses: the local engine, and Spark where it sees no gain in keeping one, would compute it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from crm.model.namespace import Namespace, quoted
from crm.model.records import Listing, Page
from crm.model.schema import Table
from crm.repository import _sql
from crm.repository._sql import Row
from crm.warehouse import Warehouse

from . import _filters
from ._filters import Conditions, JointFilter, condition_of

ListRow = TypeVar("ListRow")

SEARCH_LENGTH = 1000
_LARGEST_INT = 2**31 - 1

_CUT = """
  SELECT {columns}, {sort_names}, ROW_NUMBER() OVER (ORDER BY {order_of_names}) AS rn
  FROM (
    SELECT {columns}, {sort_keys} FROM {table} AS f {joins}
    WHERE {condition}
    ORDER BY {order} LIMIT :size OFFSET :offset
  ) AS f
"""
_PAGE = """
{before}
SELECT
  (SELECT COLLECT_LIST(STRUCT(r.*)) FROM ({rows}) AS r) AS rows,
  (SELECT COLLECT_LIST(STRUCT(c.*)) FROM ({counts}) AS c) AS counts
  {more}
"""
_ALL = """
{before}
SELECT {columns}{extra} FROM {table} AS f {joins} WHERE {condition} ORDER BY {order}
"""


@dataclass(frozen=True)
class ListSource:
    """The parts of the statement that differ between lists.

    :param cut: the columns that the page is cut out with. ``key`` is one of them, and unique.
    :param rows: the template of a SELECT of the page's rows, given ``{page}``, which has ``cut``,
        the sort keys ``s0``, … and the row's number ``rn``.
    :param joins: by name, the templates of what is joined to the table (alias ``f``).
    :param joined: by column or sort key, the name of the join that it comes from.
    :param extra: what the SELECT of all rows has besides the table's columns; it uses all joins.
    :param sorts: the SQL expressions of each sort key.
    :param before: the template of CTEs that ``joins`` or ``joint`` use; ``params`` are its
        parameters.
    :param joint: makes the filters that are not conditions on the row itself, see accounts.
    """

    table: Table
    cut: tuple[str, ...]
    rows: str
    key: str
    searched: tuple[str, ...]
    filters: tuple[str, ...]
    sorts: Mapping[str, tuple[str, ...]]
    default: str
    joins: Mapping[str, str]
    joined: Mapping[str, str]
    extra: str
    before: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
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
    wh: Warehouse,
    listing: Listing,
    source: ListSource,
    rows_of: Callable[[list[Row]], tuple[ListRow, ...]],
) -> Page[ListRow]:
    """Return the page that the listing asks for, or the last one if there are fewer pages.

    ``rows_of`` makes the list's rows of what ``source.rows`` selects, in the order of ``rn``.
    """
    asked = within_reach(listing)
    query = _Query.of(wh.namespace, asked, source)
    params = {**query.params, "size": asked.size, "offset": (asked.page - 1) * asked.size}
    answer = wh.query(query.page_sql(), params)[0]
    total = _filters.total_of(answer["counts"])
    last = max(1, -(-total // asked.size))
    if last < asked.page:
        return load(wh, replace(asked, page=last), source, rows_of)
    return Page(
        rows=rows_of(sorted(answer["rows"], key=lambda row: row["rn"])),
        total=total,
        listing=asked,
        facets=_filters.by_name(source.filters, answer, query.joint),
    )


def load_all(
    wh: Warehouse, listing: Listing, source: ListSource, row: Callable[[Row], ListRow]
) -> Iterator[ListRow]:
    """Return the rows of all pages, as they are at one moment. One statement, run at once.

    Raises WarehouseError here; reading the rows raises none.
    """
    query = _Query.of(wh.namespace, listing, source)
    found = wh.query_large(query.all_sql(), query.params)
    return map(row, found)


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
        fixed = self.source.params if self._before else {}
        return {**fixed, **self.conditions.params, **search}

    def page_sql(self) -> str:
        return _sql.fill(
            _PAGE,
            before=self._before,
            rows=self._rows(),
            counts=self._counts(),
            more=_sql.render(self.namespace, self.joint.more),
        )

    def all_sql(self) -> str:
        source = self.source
        joins = "".join(source.joins.values()) + self.joint.filter_join
        return _sql.render(
            self.namespace,
            _ALL,
            before=_sql.render(self.namespace, source.before),
            columns=_sql.names(source.table.names, "f"),
            extra=source.extra,
            table=self.namespace.table(source.table),
            joins=_sql.render(self.namespace, joins),
            condition=self._condition(),
            order=self._order(),
        )

    @property
    def _before(self) -> str:
        return _sql.render(self.namespace, self.source.before) if self.joint.names else ""

    def _rows(self) -> str:
        keys = [f"s{number}" for number in range(len(self._sort_keys))]
        page = _sql.fill(
            _CUT,
            columns=_sql.names(self.source.cut),
            sort_names=", ".join(keys),
            sort_keys=", ".join(f"{k} AS {n}" for k, n in zip(self._sort_keys, keys, strict=True)),
            order_of_names=self._ordered(keys),
            table=self.namespace.table(self.source.table),
            joins=self._joins(*self._filtered, self.sort.removeprefix("-"))
            + _sql.render(self.namespace, self.joint.filter_join),
            condition=self._condition(),
            order=self._order(),
        )
        same = (f"p.{n} <=> {key}" for n, key in zip(keys, self._sort_keys, strict=True))
        table = self.namespace.table(self.source.table)
        parts = {"page": page, "table": table, "is_same": " AND ".join(same)}
        return _sql.render(self.namespace, self.source.rows, **parts)

    def _counts(self) -> str:
        joins = self._joins(*self._filtered, *self.source.filters)
        return _filters.counts_sql(
            self.source.filters,
            self.conditions,
            self.joint,
            source=f"{self.namespace.table(self.source.table)} AS f {joins}"
            + _sql.render(self.namespace, self.joint.facet_join),
            search=self._search,
        )

    @property
    def _filtered(self) -> list[str]:
        return [*self.conditions.arrays, *(self.source.searched if self.q else ())]

    def _joins(self, *names: str) -> str:
        """Return the joins that these columns and sort keys come from."""
        needed = dict.fromkeys(self.source.joined[n] for n in names if n in self.source.joined)
        joins = "".join(self.source.joins[name] for name in needed)
        return _sql.render(self.namespace, joins)

    @property
    def _sort_keys(self) -> tuple[str, ...]:
        return self.source.sorts[self.sort.removeprefix("-")]

    def _order(self) -> str:
        return self._ordered(self._sort_keys)

    def _ordered(self, keys: Iterable[str]) -> str:
        direction = "DESC" if self.sort.startswith("-") else "ASC"
        # The key comes last, so that rows with equal values do not change places between pages.
        ordered = [f"{key} {direction} NULLS LAST" for key in keys]
        return ", ".join([*ordered, quoted(self.source.key)])

    @property
    def _search(self) -> str:
        return _search(self.source.searched) if self.q else "TRUE"

    def _condition(self) -> str:
        return f"({self._search}) AND {condition_of(self.conditions, self.joint)}"


def _search(names: tuple[str, ...]) -> str:
    # CONTAINS and not LIKE, so that % and _ are plain characters.
    return " OR ".join(f"CONTAINS(LOWER({quoted(name)}), LOWER(:q))" for name in names)
