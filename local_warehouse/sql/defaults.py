"""Column defaults: what a write leaves out, or calls DEFAULT, is written into the statement.

https://docs.databricks.com/delta/default-columns
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from local_warehouse.catalog.objects import Column, Table


def of(column: Column) -> exp.Expression:
    return exp.maybe_parse(column.default or "NULL", dialect="databricks")


def instead(value: exp.Expression, column: Column) -> exp.Expression:
    """The column's default where the value is the word DEFAULT; otherwise the value."""
    word = value.this if isinstance(value, exp.Column) and not value.table else value
    is_word = isinstance(word, exp.Var) or (
        isinstance(word, exp.Identifier) and not word.args.get("quoted")
    )
    return of(column) if is_word and word.name.upper() == "DEFAULT" else value


def in_values(source: exp.Expression, target: Table, columns: Sequence[str]) -> None:
    """Fill in DEFAULT in ``VALUES (DEFAULT, …)``, whose columns are these."""
    if not isinstance(source, exp.Values):
        return
    for row in source.expressions:
        if isinstance(row, exp.Tuple) and len(row.expressions) == len(columns):
            row.set("expressions", _filled(row.expressions, target, columns))


def in_when(action: exp.Expression, target: Table) -> None:
    """Fill in DEFAULT in a clause of MERGE, and the defaults of columns that it leaves out."""
    if isinstance(action, exp.Update) and not isinstance(action.expressions[0], exp.Star):
        for each in action.expressions:
            if (column := target.column(each.this.name)) is not None:
                each.set("expression", instead(each.expression, column))
    elif isinstance(action, exp.Insert) and isinstance(action.this, exp.Tuple):
        names = [column.name for column in action.this.expressions]
        values = _filled(action.expression.expressions, target, names)
        given = {name.lower() for name in names}
        left_out = [c for c in target.columns if c.default and c.name.lower() not in given]
        names += [column.name for column in left_out]
        values += [of(column) for column in left_out]
        action.this.set("expressions", [exp.column(name, quoted=True) for name in names])
        action.expression.set("expressions", values)


def _filled(
    values: Sequence[exp.Expression], target: Table, names: Sequence[str]
) -> list[exp.Expression]:
    columns = (target.column(name) for name in names)
    return [
        instead(value, column) if column is not None else value
        for value, column in zip(values, columns, strict=True)
    ]
