"""Prepare MERGE for the engine."""

from __future__ import annotations

from sqlglot import exp

from local_warehouse.catalog.objects import Table
from local_warehouse.errors import column_not_found
from local_warehouse.sql import check_constraints, defaults
from local_warehouse.sql.expand import expand, policy_caller
from local_warehouse.sql.names import Resolver
from local_warehouse.sql.policies import TargetPolicies
from local_warehouse.sql.template import DIALECT, Markers, engine_name

from .write import (
    InsertMissing,
    Write,
    assign,
    assignments,
    at_bound_version,
    filter_before_insert,
)

# What makes the source of a MERGE dear.
_DEAR = (exp.Subquery, exp.Join, exp.Window, exp.Group)
_MERGE = {
    "num_updated_rows": "numTargetRowsUpdated",
    "num_deleted_rows": "numTargetRowsDeleted",
    "num_inserted_rows": "numTargetRowsInserted",
}


def prepare(tree: exp.Merge, resolver: Resolver, markers: Markers) -> Write:
    target = resolver.table(tree.this, "MODIFY", "SELECT")
    alias = tree.this.alias or tree.this.name
    source_alias = tree.args["using"].alias_or_name
    whens = tree.args["whens"].expressions
    reading = [when for when in whens if when.args.get("matched") or when.args.get("source")]
    policies = TargetPolicies(target, alias, resolver, policy_caller(resolver, markers))
    policies.mark(tree.args["on"], *(part for when in reading for part in _read_by(when)))
    expand(tree, resolver, markers, tree.this)
    policies.protect(tree)
    tree.set("on", policies.add_row_filter(tree.args["on"]))
    if isinstance(using := tree.args["using"], exp.Subquery):
        using.set("this", filter_before_insert(using.this, target))
    for when in reading:
        if not when.args.get("matched"):
            when.set("condition", policies.add_row_filter(when.args.get("condition")))
    for when in whens:
        _complete_when(when, target, alias, source_alias)
    insert = _as_insert(tree, target, markers)
    if insert is None:
        _read_source_first(tree, markers)
    reads = (
        exp.select(f"`{alias}`.*", dialect=DIALECT)
        .from_(at_bound_version(tree.this, markers))
        .join(tree.args["using"].copy(), on=tree.args["on"].copy(), join_type="LEFT SEMI")
    )
    return Write(
        target,
        insert=insert,
        reads=markers.template(reads),
        template=markers.template(tree),
        counts=_MERGE,
        needs=tuple(resolver.needs),
        epoch=target.epoch,
    )


def _read_source_first(tree: exp.Merge, markers: Markers) -> None:
    """Let the engine read the source from a file with its rows, which is written before.

    The engine (0.7.2) plans and runs the source of a MERGE several times.
    """
    using = tree.args["using"]
    is_dear = isinstance(using, exp.Subquery) and using.this.find(*_DEAR)
    if not is_dear:
        return
    # One moment for both statements.
    for node in list(tree.find_all(exp.CurrentTimestamp)):
        node.replace(markers.value("now", ""))
    rows = markers.identifier("rows", markers.template(using.this))
    using.set("this", exp.select("*").from_(exp.Table(this=rows, db=exp.to_identifier("parquet"))))


def _as_insert(tree: exp.Merge, target: Table, markers: Markers) -> InsertMissing | None:
    """Return a MERGE that only inserts as an INSERT of what one version lacks, else None."""
    [when, *others] = tree.args["whens"].expressions
    action = when.args["then"]
    is_only_insert = not when.args.get("matched") and isinstance(action, exp.Insert)
    if others or not is_only_insert or not isinstance(action.this, exp.Tuple):
        return None
    values = {column.name: defaults.default_of(column) for column in target.columns}
    for name, value in zip(action.this.expressions, action.expression.expressions, strict=True):
        if (column := target.column(name.name)) is None:
            raise column_not_found(f"`{name.name}`")
        values[column.name] = value.copy()
    selected = (
        exp.alias_(
            exp.cast(values[column.name], column.type, dialect=DIALECT), column.name, quoted=True
        )
        for column in target.columns
    )
    rows = (
        exp.select(*selected)
        .from_(tree.args["using"].copy())
        .join(
            at_bound_version(tree.this, markers), on=tree.args["on"].copy(), join_type="LEFT ANTI"
        )
    )
    if (condition := when.args.get("condition")) is not None:
        rows = rows.where(condition.copy())
    sql = f"INSERT INTO {engine_name(target.id)} {rows.sql(dialect=DIALECT, copy=False)}"
    return InsertMissing(markers.split(sql), markers.template(tree.args["on"].copy()))


def _read_by(when: exp.When) -> list[exp.Expr | None]:
    """Return the expressions of a WHEN clause that may read the target's rows."""
    action = when.args["then"]
    values = action.expressions if isinstance(action, exp.Update) else []
    assigned = [each.expression for each in values if isinstance(each, exp.EQ)]
    return [when.args.get("condition"), *assigned]


def _complete_when(when: exp.When, target: Table, alias: str, source_alias: str) -> None:
    """Add the target's defaults and CHECK constraints to one WHEN clause."""
    action = when.args["then"]
    if isinstance(action, exp.Var):
        return
    defaults.replace_in_merge(action, target)
    if not target.checks:
        return
    star: dict[str, exp.Expr] = {
        column.name: exp.column(column.name, table=source_alias, quoted=True)
        for column in target.columns
    }
    if isinstance(action, exp.Update):
        is_star = isinstance(action.expressions[0], exp.Star)
        assigned = star if is_star else assignments(action.expressions, target)
        checked = check_constraints.add_checks(target, assigned, alias)
        action.set("expressions", [assign(name, value) for name, value in checked.items()])
    elif isinstance(action, exp.Insert):
        if isinstance(action.this, exp.Tuple):
            names = [column.name for column in action.this.expressions]
            given = dict(zip(names, action.expression.expressions, strict=True))
        else:
            given = star
        values = {c.name: defaults.default_of(c) for c in target.columns} | given
        checked = check_constraints.add_checks(target, values)
        action.set("this", exp.Tuple(expressions=[exp.column(n, quoted=True) for n in checked]))
        action.set("expression", exp.Tuple(expressions=list(checked.values())))
