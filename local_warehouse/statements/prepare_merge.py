"""MERGE, prepared for the engine."""

from __future__ import annotations

from sqlglot import exp

from local_warehouse.catalog.objects import Table
from local_warehouse.sql import check_constraints, defaults
from local_warehouse.sql.expand import expand, policy_caller
from local_warehouse.sql.names import Resolver
from local_warehouse.sql.policies import Shield
from local_warehouse.sql.template import Markers

from .write import Write, assign, assignments, filtered_first, some_version

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
    seeing = [when for when in whens if when.args.get("matched") or when.args.get("source")]
    shield = Shield(target, alias, resolver, policy_caller(resolver, markers))
    shield.mark(tree.args["on"], *(part for when in seeing for part in _read_by(when)))
    tables = expand(tree, resolver, markers, tree.this)
    shield.raise_over(tree)
    tree.set("on", shield.only_visible(tree.args["on"]))
    if isinstance(using := tree.args["using"], exp.Subquery):
        using.set("this", filtered_first(using.this, target))
    for when in seeing:
        if not when.args.get("matched"):
            when.set("condition", shield.only_visible(when.args.get("condition")))
    for when in whens:
        _guard_when(when, target, alias, source_alias)
    touched = (
        exp.select(f"`{alias}`.*", dialect="databricks")
        .from_(some_version(tree.this, markers))
        .join(tree.args["using"].copy(), on=tree.args["on"].copy(), join_type="LEFT SEMI")
    )
    return Write(
        target,
        markers.template(tree),
        (target, *tables),
        _MERGE,
        tuple(resolver.needs),
        target.epoch,
        markers.template(touched),
    )


def _read_by(when: exp.When) -> list[exp.Expression | None]:
    """What a WHEN clause computes from the target's rows."""
    action = when.args["then"]
    values = action.expressions if isinstance(action, exp.Update) else []
    assigned = [each.expression for each in values if isinstance(each, exp.EQ)]
    return [when.args.get("condition"), *assigned]


def _guard_when(when: exp.When, target: Table, alias: str, source_alias: str) -> None:
    """Write the target's CHECK constraints into one WHEN clause."""
    action = when.args["then"]
    if isinstance(action, exp.Var):
        return
    defaults.in_when(action, target)
    if not target.checks:
        return
    star = {
        column.name: exp.column(column.name, table=source_alias, quoted=True)
        for column in target.columns
    }
    if isinstance(action, exp.Update):
        is_star = isinstance(action.expressions[0], exp.Star)
        assigned = star if is_star else assignments(action.expressions, target)
        guarded = check_constraints.guard(target, assigned, alias)
        action.set("expressions", [assign(name, value) for name, value in guarded.items()])
    elif isinstance(action, exp.Insert):
        if isinstance(action.this, exp.Tuple):
            names = [column.name for column in action.this.expressions]
            given = dict(zip(names, action.expression.expressions, strict=True))
        else:
            given = star
        values = {c.name: defaults.of(c) for c in target.columns} | given
        guarded = check_constraints.guard(target, values)
        action.set("this", exp.Tuple(expressions=[exp.column(n, quoted=True) for n in guarded]))
        action.set("expression", exp.Tuple(expressions=list(guarded.values())))
