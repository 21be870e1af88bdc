"""A prepared write, and what preparing one kind has in common with another."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from local_warehouse.catalog.objects import Table
from local_warehouse.catalog.securables import Need
from local_warehouse.errors import column_not_found
from local_warehouse.sql import defaults
from local_warehouse.sql.template import Markers, Template

_NEVER_REACHED = 10**15

Keys = tuple[tuple[str, Template], ...]  # columns and their values


@dataclass(frozen=True)
class Write:
    """A prepared write; ``touched`` selects the target rows that it reads, of one version, and all
    of those have the values ``keys``."""

    target: Table
    template: Template
    tables: tuple[Table, ...]
    counts: dict[str, str]
    needs: tuple[Need, ...]
    epoch: int
    touched: Template | None = None
    keys: Keys = ()


def filtered_first(source: exp.Expression, target: Table) -> exp.Expression:
    """The engine (0.7.2) checks NOT NULL on rows, too, that the source's own conditions leave out;
    a limit that is never reached keeps it from doing so."""
    if all(column.nullable for column in target.columns) or not source.find(exp.Where, exp.Join):
        return source
    inner = exp.Subquery(this=source.copy(), alias=exp.TableAlias(this=exp.to_identifier("src")))
    return exp.select("*").from_(inner).limit(_NEVER_REACHED)


def assignments(expressions: list[exp.Expression], target: Table) -> dict[str, exp.Expression]:
    assigned = {}
    for assignment in expressions:
        column = target.column(assignment.this.name)
        if column is None:
            raise column_not_found(f"`{assignment.this.name}`")
        assigned[column.name] = defaults.instead(assignment.expression, column)
    return assigned


def assign(name: str, value: exp.Expression) -> exp.EQ:
    return exp.EQ(this=exp.column(name, quoted=True), expression=value)


def some_version(node: exp.Table, markers: Markers) -> exp.Table:
    """The target's reference, to be pointed at a version when the statement runs."""
    table = node.copy()
    table.set("this", markers.identifier("version", ""))
    table.set("db", None)
    return table
