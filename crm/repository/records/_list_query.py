"""The statements of a list: a page of rows with their number, all rows, or one facet.

A page's statement returns one row: the array ``rows`` and the ``total`` of the whole list. The
page is cut from the sorted rows first; then further data are joined to these few rows.

For a page far from the first row, counting by the first sort key finds the values that the page
shows, and the page is cut from the rows with these values. ORDER BY … LIMIT would have to keep all
rows before the page.

No CTE is used twice, except that of the statuses: the local engine, and Spark unless it chooses to
keep the result, would compute it twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm.model.namespace import Namespace, quoted
from crm.model.records import Listing
from crm.model.schema import Table
from crm.repository import _sql

from . import mine
from ._filters import Conditions, DateFilter, JointFilter, condition_of
from ._order import Order
from .search_words import SearchWords

# From this offset on, counting by the first sort key is cheaper than LIMIT: with 1,000,000 updates
# 70 ms instead of 300 ms, and instead of 3,700 ms in the middle of the list.
FAR = 5000

Statement = tuple[str, dict[str, Any]]

_CUT = """
  SELECT {columns}, {sort_names}, ROW_NUMBER() OVER (ORDER BY {order_of_names}) AS rn
  FROM (
    SELECT {columns}, {sort_keys} FROM {table} AS f {joins}
    WHERE {condition}
    ORDER BY {order} LIMIT :size OFFSET :offset
  ) AS f
"""
# For a page far from the first row: the values of the first sort key on the page, with the number
# of rows before each.
_FAR_CUT = """
  SELECT {columns}, {sort_names}, rn
  FROM (
    SELECT {columns}, {sort_names},
      before + ROW_NUMBER() OVER (PARTITION BY before ORDER BY {order_of_names}) AS rn
    FROM (SELECT {columns}, {sort_keys} FROM {table} AS f {joins} WHERE {condition}) AS f
    JOIN (
      SELECT s0 AS shown, before
      FROM (
        SELECT s0, n, SUM(n) OVER (ORDER BY {first_order}) - n AS before
        FROM (
          SELECT s0, COUNT(*) AS n
          FROM (SELECT {first_key} AS s0 FROM {table} AS f {joins} WHERE {condition}) AS f
          GROUP BY s0
        ) AS g
      ) AS g
      WHERE before < :offset + :size AND before + n > :offset
    ) AS g ON shown <=> s0
  ) AS f
  WHERE rn > :offset AND rn <= :offset + :size
"""
_PAGE = """
{before}
SELECT
  (SELECT COLLECT_LIST(STRUCT(r.*)) FROM ({rows}) AS r) AS rows,
  {total} AS total {more}
"""
_TOTAL = "(SELECT COUNT(*) FROM {table} AS f {joins} WHERE {condition})"
_ALL = """
{before}
SELECT {columns}{extra} FROM {table} AS f {joins} WHERE {condition} ORDER BY {order}
"""
# All matching rows, for statements without pages: see crm/repository/bulk.
_MATCHING = """
{before}
SELECT {selected} FROM (
  SELECT {columns} FROM {table} AS f {joins} WHERE {condition}
) AS a {more}
"""


@dataclass(frozen=True)
class Cut:
    """How a page is cut out: with these columns, of which the key is one. ``rows`` is the template
    of a SELECT of the page's rows from ``{page}``, which has the columns, the sort keys ``s0``, …
    and the row's number ``rn``."""

    columns: tuple[str, ...]
    rows: str


@dataclass(frozen=True)
class ListSource:
    """The parts of the statement that differ between lists.

    :param cut: how a page is cut out; ``far_cut`` if it is far from the first row. Then all rows
        with the same first sort key are numbered, so they should not be wide.
    :param joins: by name, the templates of joins to the table (alias ``f``).
    :param joined: by column, sort key or date filter, the name of the join that provides it.
    :param dates: the date filters by name.
    :param extra: further columns of the SELECT of all rows; they use the joins ``extra_joins``.
    :param sorts: the SQL expressions of each sort key.
    :param day: a date by which the table is clustered, see ``_newest``.
    :param before: the template of CTEs that ``joins`` or ``joint`` use, with parameters
        ``params``.
    :param joint: makes the filters that are not conditions on the row itself; see accounts.
    """

    table: Table
    cut: Cut
    far_cut: Cut
    key: str
    searched: tuple[str, ...]
    filters: tuple[str, ...]
    sorts: Mapping[str, tuple[str, ...]]
    default: str
    joins: Mapping[str, str]
    joined: Mapping[str, str]
    extra: str
    extra_joins: tuple[str, ...]
    before: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, DateFilter] = field(default_factory=dict)
    joint: Callable[[Namespace, Conditions], JointFilter] | None = None
    day: str = ""


@dataclass(frozen=True)
class Query:
    """A listing of a source, as parts of statements and their parameters."""

    namespace: Namespace
    source: ListSource
    order: Order
    search: SearchWords
    conditions: Conditions
    joint: JointFilter
    of_person: str

    @classmethod
    def of(
        cls, namespace: Namespace, listing: Listing, source: ListSource, prefix: str = ""
    ) -> Query:
        """Return the query. Its parameters' names begin with ``prefix``, which separates the
        queries of one statement."""
        conditions = Conditions.of(listing, source.filters, source.dates, prefix)
        joint = source.joint(namespace, conditions) if source.joint else JointFilter()
        order = Order.of(listing, source.sorts, source.default, source.key)
        search = SearchWords.of(listing.q, f"{prefix}w")
        return cls(namespace, source, order, search, conditions, joint, listing.of_person)

    def page(
        self, size: int, offset: int, more: str = "", since: dt.date | None = None
    ) -> Statement:
        """Return the statement of a page: it returns one row with ``rows``, ``total`` and
        ``more``. With ``since`` the page has only rows from that day on; the total counts all."""
        needs_joint = bool(self.joint.condition)
        sql = _sql.fill(
            _PAGE,
            before=self._before(needs_joint),
            rows=self._rows(is_new=since is not None, is_far=offset >= FAR),
            total=self._total(),
            more=more,
        )
        params = {**self._params(needs_joint), "size": size, "offset": offset}
        return sql, params | ({"page_since": since} if since else {})

    def count(self) -> Statement:
        """Return the number of all rows as a subquery, which needs ``before``."""
        return self._total(), self._params(bool(self.joint.condition))

    def before(self) -> str:
        return self._before(bool(self.joint.condition))

    def _total(self) -> str:
        return _sql.fill(
            _TOTAL,
            table=self._table,
            joins=self._joins(self._filtered, self.joint.filter_join),
            condition=self._condition(),
        )

    def all(self) -> Statement:
        """Return the statement of all rows, each with ``source.extra``."""
        sql = _sql.fill(
            _ALL,
            before=self._before(True),
            columns=_sql.names(self.source.table.names, "f"),
            extra=self.source.extra,
            table=self._table,
            joins=self._joins([*self._filtered, *self.source.extra_joins], self.joint.filter_join),
            condition=self._condition(),
            order=self.order.by(self.order.expressions),
        )
        return sql, self._params(True)

    def matching(self, selected: str, more: str, *, is_part: bool = False) -> Statement:
        """Return a statement on all matching rows (alias ``a``): ``selected`` are its columns, and
        ``more``, such as a join, follows. If it is a part of a statement, that one needs
        ``before``."""
        needs_joint = bool(self.joint.condition)
        sql = _sql.fill(
            _MATCHING,
            before="" if is_part else self._before(needs_joint),
            selected=selected,
            columns=_sql.names(self.source.table.names, "f"),
            table=self._table,
            joins=self._joins(self._filtered, self.joint.filter_join),
            condition=self._condition(),
            more=more,
        )
        return sql, self._params(needs_joint)

    def facet(self, name: str, template: str, **parts: str) -> Statement:
        """Return the statement of a column's facet.

        ``template`` gets ``parts``, the FROM item and the condition of rows that pass the search
        and the *other* filters, the condition ``passes`` of the column's own filter, and
        ``value``.
        """
        is_joint = name in self.joint.names
        needs_joint = is_joint or bool(self.joint.condition)
        own = self.conditions.on_row(name) if name in self.conditions.arrays else ""
        sql = _sql.fill(
            template,
            before=self._before(needs_joint),
            table=self._table,
            joins=self._joins(
                [*self._filtered, name],
                self.joint.facet_join if is_joint else self.joint.filter_join,
            ),
            condition=f"({self._search}) AND {condition_of(self.conditions, self.joint, name)}",
            passes=(self.joint.condition if is_joint else own) or "TRUE",
            value=self.joint.values.get(name, quoted(name)),
            **parts,
        )
        return sql, self._params(needs_joint)

    def _before(self, is_needed: bool) -> str:
        return _sql.render(self.namespace, self.source.before) if is_needed else ""

    def _params(self, has_before: bool) -> dict[str, Any]:
        fixed = self.source.params if has_before else {}
        person = mine.params(self.of_person)
        return {**fixed, **self.conditions.params, **self.search.params, **person}

    @property
    def _table(self) -> str:
        return self.namespace.table(self.source.table)

    def _rows(self, *, is_new: bool, is_far: bool) -> str:
        day = f"f.{quoted(self.source.day)}"
        only_new = f" AND {day} >= CAST(:page_since AS DATE)" if is_new else ""
        cut = self.source.far_cut if is_far else self.source.cut
        sort_keys = self.order.expressions
        keys = [f"s{number}" for number in range(len(sort_keys))]
        page = _sql.fill(
            _FAR_CUT if is_far else _CUT,
            columns=_sql.names(cut.columns),
            sort_names=", ".join(keys),
            sort_keys=", ".join(f"{k} AS {n}" for k, n in zip(sort_keys, keys, strict=True)),
            order_of_names=self.order.by(keys),
            first_key=sort_keys[0],
            first_order=self.order.by_first(keys[:1]),
            table=self._table,
            joins=self._joins([*self._filtered, *self.order.names], self.joint.filter_join),
            condition=f"{self._condition()}{only_new}",
            order=self.order.by(self.order.expressions),
        )
        same = (f"p.{n} <=> {key}" for n, key in zip(keys, sort_keys, strict=True))
        parts = {"page": page, "table": self._table, "is_same": " AND ".join(same)}
        return _sql.render(self.namespace, cut.rows, **parts)

    @property
    def _filtered(self) -> list[str]:
        searched = self.source.searched if self.search.words else ()
        return [*self.conditions.arrays, *self.conditions.dates, *searched]

    def _joins(self, names: Iterable[str], more: str) -> str:
        """Return the joins that these columns, sort keys or joins need, and ``more``."""
        joined, joins = self.source.joined, self.source.joins
        needed = dict.fromkeys(joined.get(n, n) for n in names)
        templates = [joins[name] for name in needed if name in joins]
        owner = f"f.{quoted(self.source.table.owner)}"
        of_person = mine.only_of(self.namespace, self.of_person, owner)
        return _sql.render(self.namespace, "".join([*templates, more])) + of_person

    @property
    def _search(self) -> str:
        return self.search.condition(self.source.searched)

    def _condition(self) -> str:
        return f"({self._search}) AND {condition_of(self.conditions, self.joint)}"
