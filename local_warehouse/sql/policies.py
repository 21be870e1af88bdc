"""Row filters and column masks, written into whatever reads or changes a table.

A reader gets a query in the table's place. A change works on the table itself, so there every
column that the statement names is shielded: in a row that the filter hides it is NULL.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from local_warehouse.catalog.objects import Policy, Table
from local_warehouse.errors import unsupported

from .functions import in_subquery
from .names import Resolver

# The engine moves conditions towards the data, where they would meet rows that the filter
# hides (and tell of them in errors); but never beyond a LIMIT.
NO_LIMIT = 2**63 - 1
_SHIELD = "shield"
Call = Callable[[Policy, list[exp.Expression]], exp.Expression]


def is_protected(table: Table) -> bool:
    return table.row_filter is not None or any(column.mask for column in table.columns)


def visible(table: Table, node: exp.Table, call: Call) -> exp.Select:
    """What there is to be seen of ``table``, which ``node`` reads."""
    alias = f"guarded_{table.id}"
    node.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    if any(column.mask for column in table.columns):
        values = [_value(table, column.name, alias, call) for column in table.columns]
        named = zip(values, table.columns, strict=True)
        select = exp.select(*(exp.alias_(v, c.name, quoted=True) for v, c in named))
    else:
        select = exp.select("*")
    select = select.from_(node)
    if table.row_filter is None:
        return select
    return select.where(_filter(table, alias, call)).limit(NO_LIMIT)


def _filter(table: Table, alias: str, call: Call) -> exp.Expression:
    columns = [_column(name, alias) for name in table.row_filter.columns]
    return call(table.row_filter, columns)


def _value(table: Table, name: str, alias: str, call: Call) -> exp.Expression:
    mask = table.column(name).mask
    if mask is None:
        return _column(name, alias)
    return call(mask, [_column(each, alias) for each in (name, *mask.columns)])


def _column(name: str, alias: str) -> exp.Column:
    return exp.column(name, table=alias, quoted=True)


class Shield:
    """What keeps a change of a table from rows and values that its user may not see.

    ``mark`` is to be called before a statement is expanded, while its names mean what they
    say, ``raise_over`` after it.
    """

    def __init__(self, table: Table, alias: str, resolver: Resolver, call: Call) -> None:
        self._table = table
        self._alias = alias
        self._resolver = resolver
        self._call = call
        self._on = is_protected(table)

    def mark(self, *expressions: exp.Expression | None) -> None:
        for expression in expressions if self._on else ():
            for column in expression.find_all(exp.Column) if expression else ():
                if self._is_targets(column, expression):
                    column.meta[_SHIELD] = True

    def raise_over(self, *expressions: exp.Expression | None) -> None:
        """Replace the marked columns, in place."""
        for expression in expressions if self._on else ():
            for column in list(expression.find_all(exp.Column)) if expression else ():
                if column.meta.get(_SHIELD):
                    column.replace(self._shielded(column.name))

    def only_visible(self, condition: exp.Expression | None) -> exp.Expression | None:
        """The condition, and that the row may be seen."""
        if self._table.row_filter is None:
            return condition
        seen = _filter(self._table, self._alias, self._call)
        return seen if condition is None else exp.and_(seen, condition.copy())

    def _shielded(self, name: str) -> exp.Expression:
        column = self._table.column(name)
        if column is None:
            return _column(name, self._alias)
        value = _value(self._table, column.name, self._alias, self._call)
        if self._table.row_filter is None:
            return exp.paren(value)
        seen = _filter(self._table, self._alias, self._call)
        return exp.paren(exp.Case().when(seen, value))

    def _is_targets(self, column: exp.Column, root: exp.Expression) -> bool:
        if isinstance(column.this, exp.Star):
            raise unsupported("* in a change of a table with a row filter or column mask")
        if column.table:
            return column.table.lower() == self._alias.lower()
        if self._table.column(column.name) is None:
            return False
        return not in_subquery(column, root, self._resolver)
