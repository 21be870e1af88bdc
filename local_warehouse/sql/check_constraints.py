"""CHECK constraints, enforced by the write itself.

Delta checks them on every write, the engine only on INSERT. So each write to a table with CHECK
constraints computes the row that it would leave, and raises Delta's error if the row violates one.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from local_warehouse.catalog.objects import Table

from .parsing import parse_condition


def add_checks(
    table: Table, values: Mapping[str, exp.Expr], alias: str | None = None
) -> dict[str, exp.Expr]:
    """Return ``values`` (column -> new value), whose first value raises if a check fails.

    A column without a new value keeps its value, which is read under ``alias``. An INSERT has no
    alias and gives every column a value.
    """
    if not table.checks or not values:
        return dict(values)
    first, *_ = values
    checked = values[first]
    for name, text in table.checks.items():
        condition = _with_new_values(parse_condition(text), values, alias)
        raised = exp.func("raise_error", _violation(table, name, text))
        checked = (
            exp.Case()
            .when(exp.func("coalesce", condition.copy(), exp.false()), checked.copy())
            .else_(raised)
        )
    return {**values, first: checked}


def _with_new_values(
    condition: exp.Expr, values: Mapping[str, exp.Expr], alias: str | None
) -> exp.Expr:
    by_name = {name.lower(): value for name, value in values.items()}

    def new_value(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Column):
            return node
        if (value := by_name.get(node.name.lower())) is not None:
            return exp.paren(value.copy())
        return exp.column(node.name, table=alias, quoted=True)

    return exp.paren(condition.transform(new_value))


def _violation(table: Table, name: str, text: str) -> exp.Expr:
    return exp.Literal.string(
        f"[DELTA_VIOLATE_CONSTRAINT_WITH_VALUES] CHECK constraint {name} ({text}) violated by "
        f"a row of {table.full_name}. SQLSTATE: 23001"
    )
