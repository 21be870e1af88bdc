"""A prepared write, and the steps that INSERT, UPDATE, DELETE and MERGE share."""

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
class InsertMissing:
    """A MERGE that only inserts, as an INSERT, which costs the engine half of a MERGE.

    ``template`` inserts the rows that the bound version of the target lacks; ``condition`` is the
    MERGE's.
    """

    template: Template
    condition: Template


@dataclass(frozen=True)
class Write:
    """A prepared write.

    ``counts`` maps the returned columns to the engine's metrics; ``epoch`` is the target's when
    the write was prepared. ``reads`` is a query of the rows that the write reads in one version of
    the target; these rows have the values ``keys``. ``insert`` is set for a MERGE that only
    inserts.
    """

    target: Table
    template: Template
    counts: dict[str, str]
    needs: tuple[Need, ...]
    epoch: int
    reads: Template | None = None
    keys: Keys = ()
    insert: InsertMissing | None = None


def filter_before_insert(source: exp.Expr, target: Table) -> exp.Expr:
    """Return the source so that its conditions are evaluated before NOT NULL is checked.

    The engine (0.7.2) would check NOT NULL on rows that the conditions exclude, too; it does not
    if the source has a limit, here one that is never reached.
    """
    if all(column.nullable for column in target.columns) or not source.find(exp.Where, exp.Join):
        return source
    inner = exp.Subquery(this=source.copy(), alias=exp.TableAlias(this=exp.to_identifier("src")))
    return exp.select("*").from_(inner).limit(_NEVER_REACHED)


def assignments(expressions: list[exp.Expr], target: Table) -> dict[str, exp.Expr]:
    """Return column -> new value of ``SET column = value, …``. Raises SqlError."""
    assigned = {}
    for assignment in expressions:
        column = target.column(assignment.this.name)
        if column is None:
            raise column_not_found(f"`{assignment.this.name}`")
        assigned[column.name] = defaults.replace_default(assignment.expression, column)
    return assigned


def assign(name: str, value: exp.Expr) -> exp.EQ:
    return exp.EQ(this=exp.column(name, quoted=True), expression=value)


def at_bound_version(node: exp.Table, markers: Markers) -> exp.Table:
    """Return the reference to the target with a marker for the version that is to be read."""
    table = node.copy()
    table.set("this", markers.identifier("version", ""))
    table.set("db", None)
    return table
