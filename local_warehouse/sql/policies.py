"""Row filters and column masks, written into the statements that read or change a table.

A statement that reads the table gets a subquery in its place. A statement that changes it works
on the table itself; so each column of the table that the statement names becomes an expression:
the masked value, and NULL in rows that the row filter hides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from local_warehouse.catalog.objects import Column, Policy, Table
from local_warehouse.errors import unsupported

from .functions import in_subquery
from .names import Resolver

# The engine evaluates conditions as early as it can. Without a LIMIT it would evaluate the
# statement's conditions on rows that the filter hides, and error messages would reveal them.
NO_LIMIT = 2**63 - 1
_PROTECTED = "protected"
# Returns the call of a policy's function with these arguments.
PolicyCall = Callable[[Policy, Sequence[exp.Expr]], exp.Expr]


def is_protected(table: Table) -> bool:
    """Whether the table has a row filter or a column mask."""
    return table.row_filter is not None or any(column.mask for column in table.columns)


def visible_rows(table: Table, node: exp.Table, call: PolicyCall) -> exp.Select:
    """Return a query of ``table`` with only the rows and values that the user may see.

    ``node`` is the engine's name of the table.
    """
    alias = f"guarded_{table.id}"
    node.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    if any(column.mask for column in table.columns):
        select = exp.select(
            *(
                exp.alias_(_readable(column, alias, call), column.name, quoted=True)
                for column in table.columns
            )
        )
    else:
        select = exp.select("*")
    select = select.from_(node)
    if table.row_filter is None:
        return select
    # A bare comparison with a constant misleads the engine (0.7.2) about the order of a UNION.
    condition = exp.paren(_condition(table.row_filter, alias, call)).is_(exp.true())
    return select.where(condition).limit(NO_LIMIT)


def _condition(row_filter: Policy, alias: str, call: PolicyCall) -> exp.Expr:
    return call(row_filter, [_column(name, alias) for name in row_filter.columns])


def _readable(column: Column, alias: str, call: PolicyCall) -> exp.Expr:
    """Return the value that a reader may see.

    A mask may show this user one constant. The engine (0.7.2) then takes the column for one
    without NULL, and fails to collect no rows into a list of structs with it. So each masked
    value is in a CASE that the engine cannot evaluate beforehand.
    """
    value = _masked_value(column, alias, call)
    if column.mask is None:
        return value
    text = exp.Coalesce(
        this=exp.cast(_column(column.name, alias), "STRING"), expressions=[exp.Literal.string("")]
    )
    return exp.Case().when(
        exp.GTE(this=exp.Length(this=text), expression=exp.Literal.number(0)), value
    )


def _masked_value(column: Column, alias: str, call: PolicyCall) -> exp.Expr:
    if column.mask is None:
        return _column(column.name, alias)
    names = (column.name, *column.mask.columns)
    return call(column.mask, [_column(name, alias) for name in names])


def _column(name: str, alias: str) -> exp.Column:
    return exp.column(name, table=alias, quoted=True)


class TargetPolicies:
    """The row filter and column masks of a table that a statement changes.

    Call ``mark`` before the statement is expanded, while its names are still those that the user
    wrote, and ``protect`` afterwards.
    """

    def __init__(self, table: Table, alias: str, resolver: Resolver, call: PolicyCall) -> None:
        self._table = table
        self._alias = alias
        self._resolver = resolver
        self._call = call
        self._is_protected = is_protected(table)

    def mark(self, *expressions: exp.Expr | None) -> None:
        """Mark the columns of the table in these expressions. Raises SqlError for ``*``."""
        for expression in self._given(expressions):
            for column in expression.find_all(exp.Column):
                if self._is_target_column(column, expression):
                    column.meta[_PROTECTED] = True

    def protect(self, *expressions: exp.Expr | None) -> None:
        """Replace the marked columns by the values that the user may see, in place."""
        for expression in self._given(expressions):
            for column in list(expression.find_all(exp.Column)):
                if column.meta.get(_PROTECTED):
                    column.replace(self._visible_value(column.name))

    def add_row_filter(self, condition: exp.Expr | None) -> exp.Expr | None:
        """Return the condition, restricted to rows that the user may see."""
        if self._table.row_filter is None:
            return condition
        is_visible = _condition(self._table.row_filter, self._alias, self._call)
        return is_visible if condition is None else exp.and_(is_visible, condition.copy())

    def _given(self, expressions: Sequence[exp.Expr | None]) -> list[exp.Expr]:
        if not self._is_protected:
            return []
        return [expression for expression in expressions if expression is not None]

    def _visible_value(self, name: str) -> exp.Expr:
        column = self._table.column(name)
        if column is None:
            return _column(name, self._alias)
        value = _masked_value(column, self._alias, self._call)
        if self._table.row_filter is None:
            return exp.paren(value)
        is_visible = _condition(self._table.row_filter, self._alias, self._call)
        return exp.paren(exp.Case().when(is_visible, value))

    def _is_target_column(self, column: exp.Column, root: exp.Expr) -> bool:
        if isinstance(column.this, exp.Star):
            raise unsupported("* in a change of a table with a row filter or column mask")
        if column.table:
            return column.table.lower() == self._alias.lower()
        if self._table.column(column.name) is None:
            return False
        return not in_subquery(column, root, self._resolver)
