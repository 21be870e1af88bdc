"""Column defaults, written into INSERT, UPDATE and MERGE by the warehouse.

A column's default stands for the word DEFAULT, and for a column that an INSERT leaves out.
https://docs.databricks.com/delta/default-columns
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from local_warehouse.catalog.objects import Column, Table

from .template import DIALECT


def default_of(column: Column) -> exp.Expr:
    return exp.maybe_parse(column.default or "NULL", dialect=DIALECT)


def replace_default(value: exp.Expr, column: Column) -> exp.Expr:
    """Return the column's default if the value is the word DEFAULT; otherwise the value."""
    word = value.this if isinstance(value, exp.Column) and not value.table else value
    is_word = isinstance(word, exp.Var) or (
        isinstance(word, exp.Identifier) and not word.args.get("quoted")
    )
    return default_of(column) if is_word and word.name.upper() == "DEFAULT" else value


def replace_in_values(source: exp.Expr, target: Table, columns: Sequence[str]) -> None:
    """Replace DEFAULT in ``VALUES (DEFAULT, …)``; ``columns`` are the names of its columns."""
    if not isinstance(source, exp.Values):
        return
    for row in source.expressions:
        if isinstance(row, exp.Tuple) and len(row.expressions) == len(columns):
            row.set("expressions", _with_defaults(row.expressions, target, columns))


def replace_in_merge(action: exp.Expr, target: Table) -> None:
    """Replace DEFAULT in a clause of MERGE, and add the columns that its INSERT leaves out."""
    if isinstance(action, exp.Update) and not isinstance(action.expressions[0], exp.Star):
        for assignment in action.expressions:
            if (column := target.column(assignment.this.name)) is not None:
                assignment.set("expression", replace_default(assignment.expression, column))
    elif isinstance(action, exp.Insert) and isinstance(action.this, exp.Tuple):
        names = [column.name for column in action.this.expressions]
        values = _with_defaults(action.expression.expressions, target, names)
        given = {name.lower() for name in names}
        left_out = [c for c in target.columns if c.default and c.name.lower() not in given]
        names += [column.name for column in left_out]
        values += [default_of(column) for column in left_out]
        action.this.set("expressions", [exp.column(name, quoted=True) for name in names])
        action.expression.set("expressions", values)


def _with_defaults(
    values: Sequence[exp.Expr], target: Table, names: Sequence[str]
) -> list[exp.Expr]:
    columns = (target.column(name) for name in names)
    return [
        replace_default(value, column) if column is not None else value
        for value, column in zip(values, columns, strict=True)
    ]
