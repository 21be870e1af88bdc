"""CHECK constraints, enforced by writing them into the statement.

The engine checks them on INSERT only, Delta on every write. So each guarded write computes
the row it would leave, and raises Delta's error where a constraint is not true of it.
"""

from __future__ import annotations

from sqlglot import exp

from local_warehouse.catalog.objects import Table

from .parsing import parse


def guard(
    table: Table, values: dict[str, exp.Expression], alias: str | None = None
) -> dict[str, exp.Expression]:
    """``values`` (column -> new value), the first of them guarded by the table's checks.

    A column that is not assigned keeps its value, found under ``alias``; without an alias
    (INSERT) every column is assigned.
    """
    if not table.checks or not values:
        return values
    first, *_ = values
    guarded = values[first]
    for name, text in table.checks.items():
        condition = _substitute(parse_condition(text), values, alias)
        raised = exp.func("raise_error", _message(table, name, text))
        guarded = (
            exp.Case()
            .when(exp.func("coalesce", condition.copy(), exp.false()), guarded.copy())
            .else_(raised)
        )
    return {**values, first: guarded}


def parse_condition(text: str) -> exp.Expression:
    return parse(f"SELECT 1 WHERE {text}").args["where"].this


def _substitute(
    condition: exp.Expression, values: dict[str, exp.Expression], alias: str | None
) -> exp.Expression:
    by_name = {name.lower(): value for name, value in values.items()}

    def new_value(node: exp.Expression) -> exp.Expression:
        if not isinstance(node, exp.Column):
            return node
        if (value := by_name.get(node.name.lower())) is not None:
            return exp.paren(value.copy())
        return exp.column(node.name, table=alias, quoted=True)

    return exp.paren(condition.transform(new_value))


def _message(table: Table, name: str, text: str) -> exp.Expression:
    return exp.Literal.string(
        f"[DELTA_VIOLATE_CONSTRAINT_WITH_VALUES] CHECK constraint {name} ({text}) violated by "
        f"a row of {table.full_name}. SQLSTATE: 23001"
    )
