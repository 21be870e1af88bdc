"""INSERT, UPDATE, DELETE and MERGE: prepared for the engine, committed one at a time.

What the engine lacks is written into the statement: columns that an INSERT leaves out, CHECK
constraints on every write. Conflicts are refused as Delta's row-level concurrency would: only
where a commit since the statement's arrival changed rows that the statement reads.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp

from . import checks, defaults, images
from .catalog import Table
from .context import Context, Result
from .engine import engine_name
from .errors import SqlError, column_not_found, concurrent_write, metadata_changed, unsupported
from .expand import expand, policy_caller
from .fill import fill
from .names import Resolver
from .policies import Shield
from .privileges import Need
from .template import Markers, Template

_NEVER_REACHED = 10**15

# Result columns as Databricks returns them -> the engine's metric in the commit.
_INSERT = {"num_affected_rows": "numOutputRows", "num_inserted_rows": "numOutputRows"}
_UPDATE = {"num_affected_rows": "numUpdatedRows"}
_DELETE = {"num_affected_rows": "numDeletedRows"}
_MERGE = {
    "num_updated_rows": "numTargetRowsUpdated",
    "num_deleted_rows": "numTargetRowsDeleted",
    "num_inserted_rows": "numTargetRowsInserted",
}


@dataclass(frozen=True)
class Write:
    """A prepared write; ``touched`` selects the target rows that it reads, of one version."""

    target: Table
    template: Template
    tables: tuple[Table, ...]
    counts: dict[str, str]
    needs: tuple[Need, ...]
    epoch: int
    touched: Template | None = None


def prepare(tree: exp.Expression, resolver: Resolver, markers: Markers) -> Write:
    """Raises SqlError for what is unknown or not supported."""
    if isinstance(tree, exp.Insert):
        return _prepare_insert(tree, resolver, markers)
    if isinstance(tree, exp.Merge):
        return _prepare_merge(tree, resolver, markers)
    return _prepare_change(tree, resolver, markers)


def run(write: Write, context: Context) -> Result:
    """Execute and commit; raises SqlError (conflicts have SQLSTATE 2D521)."""
    commits, table = context.commits, write.target
    seen_version = commits.version(table)
    sql = fill(write.template, context)
    with commits.exclusively(table, context.cancellation):
        if table.epoch != write.epoch:
            raise metadata_changed(table.full_name)
        before = commits.version(table)
        if before != seen_version and _conflicts(write, context, seen_version, before):
            raise concurrent_write(table.full_name)
        context.engine.run(sql, context.cancellation)
        after = commits.version(table)
        metrics = commits.info(table, after).get("operationMetrics", {}) if after > before else {}
        if after > before:
            commits.record(table, after, context.session.user, context.statement_id)
    return _result(write.counts, metrics)


def _result(counts: dict[str, str], metrics: dict) -> Result:
    numbers = {name: int(metrics.get(metric, 0)) for name, metric in counts.items()}
    affected = numbers.get("num_affected_rows", sum(numbers.values()))
    row = {"num_affected_rows": affected, **numbers}
    return Result(pa.table({k: pa.array([v], pa.int64()) for k, v in row.items()}), affected)


def _conflicts(write: Write, context: Context, seen: int, now: int) -> bool:
    """Whether a commit after version ``seen``, up to ``now``, changed rows that it reads."""
    if write.touched is None:
        return False
    infos = (context.commits.info(write.target, version) for version in range(seen + 1, now + 1))
    if all(info.get("isBlindAppend") or info.get("operation") == "OPTIMIZE" for info in infos):
        return False
    past = context.parts.past.lay_out(write.target, seen)
    then = fill(write.touched, context, target=f"delta.`{past}`")
    today = fill(write.touched, context, target=engine_name(write.target.id))
    # Compared here: two EXCEPTs take the engine four times as long as reading the rows.
    return images.differ(*(context.engine.run(sql, context.cancellation) for sql in (then, today)))


def _prepare_insert(tree: exp.Insert, resolver: Resolver, markers: Markers) -> Write:
    for option in ("overwrite", "where", "partition", "conflict", "returning"):
        if tree.args.get(option):
            raise unsupported(f"INSERT with {option.upper()}")
    into, source = tree.this, tree.expression
    listed = into.expressions if isinstance(into, exp.Schema) else []
    node = into.this if isinstance(into, exp.Schema) else into
    target = resolver.table(node, "MODIFY")
    if with_ := tree.args.get("with_"):
        source.set("with_", with_)
    width = _width(source)
    if tree.args.get("by_name"):
        columns = list(source.named_selects)
    else:
        columns = [c.name for c in listed] or [c.name for c in target.columns[: width or None]]
    for column in columns:
        if target.column(column) is None:
            raise column_not_found(f"`{column}`")
    if (
        width is not None
        and width != len(columns)
        or (not listed and not tree.args.get("by_name") and len(columns) < len(target.columns))
    ):
        raise _arity(target, len(columns) if listed else len(target.columns), width)
    defaults.in_values(source, target, columns)
    tables = expand(source, resolver, markers)
    sql = _insert_sql(target, columns, source)
    return Write(
        target, markers.split(sql), (target, *tables), _INSERT, tuple(resolver.needs), target.epoch
    )


def _insert_sql(target: Table, columns: list[str], source: exp.Expression) -> str:
    position = {name.lower(): f"s.c{i}" for i, name in enumerate(columns)}
    values = {
        column.name: exp.cast(
            exp.maybe_parse(
                position.get(column.name.lower(), column.default or "NULL"), dialect="databricks"
            ),
            column.type,
            dialect="databricks",
        )
        for column in target.columns
    }
    checked = checks.guard(target, values)
    projection = ", ".join(
        f"{value.sql(dialect='databricks')} AS `{name}`" for name, value in checked.items()
    )
    aliases = ", ".join(f"c{i}" for i in range(len(columns)))
    body = _filtered_first(source, target).sql(dialect="databricks")
    return (
        f"INSERT INTO {engine_name(target.id)} SELECT {projection} FROM ({body}) AS s({aliases})"
    )


def _width(source: exp.Expression) -> int | None:
    """How many columns the source has; None where a star hides it."""
    if isinstance(source, exp.Values):
        first = source.expressions[0]
        return len(first.expressions) if isinstance(first, exp.Tuple) else 1
    selects = source.selects if isinstance(source, exp.Query) else []
    if not selects or any(select.is_star for select in selects):
        return None
    return len(selects)


def _arity(target: Table, wanted: int, given: int | None) -> SqlError:
    problem = "NOT_ENOUGH" if (given or 0) < wanted else "TOO_MANY"
    return SqlError(
        f"INSERT_COLUMN_ARITY_MISMATCH.{problem}_DATA_COLUMNS",
        f"Cannot write to {target.full_name}: {wanted} columns are expected, {given} are given.",
        "21S01",
    )


def _prepare_change(tree: exp.Update | exp.Delete, resolver: Resolver, markers: Markers) -> Write:
    node = tree.this
    if not isinstance(node, exp.Table):
        raise unsupported("this form of DELETE")
    target = resolver.table(node, *_change_privileges(tree))
    alias = node.alias or node.name
    where = tree.args.get("where")
    shield = Shield(target, alias, resolver, policy_caller(resolver, markers))
    condition = where and where.this
    values = [each.expression for each in tree.expressions]
    shield.mark(condition, *values)
    tables = expand(tree, resolver, markers, node)
    shield.raise_over(tree)
    if (condition := shield.only_visible(where and where.this)) is not None:
        where = exp.Where(this=condition)
        tree.set("where", where)
    if isinstance(tree, exp.Delete) and where is not None:
        where = where.transform(_without_coalesce)
        tree.set("where", where)
    if isinstance(tree, exp.Delete) and where is not None and where.find(exp.Query):
        raise unsupported("subqueries in the condition of DELETE, or in a row filter there")
    if isinstance(tree, exp.Update):
        assignments = _assignments(tree.expressions, target)
        guarded = checks.guard(target, assignments, alias)
        tree.set("expressions", [_assign(name, value) for name, value in guarded.items()])
    touched = exp.select("*").from_(_some_version(node, markers))
    if where is not None:
        touched = touched.where(where.this.copy())
    counts = _UPDATE if isinstance(tree, exp.Update) else _DELETE
    return Write(
        target,
        markers.template(tree),
        (target, *tables),
        counts,
        tuple(resolver.needs),
        target.epoch,
        markers.template(touched),
    )


def _change_privileges(tree: exp.Update | exp.Delete) -> tuple[str, ...]:
    """MODIFY; SELECT as well, where the change depends on what is there."""
    return ("MODIFY", "SELECT") if tree.find(exp.Column, exp.Query) else ("MODIFY",)


def _prepare_merge(tree: exp.Merge, resolver: Resolver, markers: Markers) -> Write:
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
        using.set("this", _filtered_first(using.this, target))
    for when in seeing:
        if not when.args.get("matched"):
            when.set("condition", shield.only_visible(when.args.get("condition")))
    for when in whens:
        _guard_when(when, target, alias, source_alias)
    touched = (
        exp.select(f"`{alias}`.*", dialect="databricks")
        .from_(_some_version(tree.this, markers))
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


def _filtered_first(source: exp.Expression, target: Table) -> exp.Expression:
    """The engine (0.7.2) checks NOT NULL on rows, too, that the source's own conditions leave out;
    a limit that is never reached keeps it from doing so."""
    if all(column.nullable for column in target.columns) or not source.find(exp.Where, exp.Join):
        return source
    inner = exp.Subquery(this=source.copy(), alias=exp.TableAlias(this=exp.to_identifier("src")))
    return exp.select("*").from_(inner).limit(_NEVER_REACHED)


def _without_coalesce(node: exp.Expression) -> exp.Expression:
    """The engine (0.7.2) cannot run coalesce in the condition of a DELETE."""
    if not isinstance(node, exp.Coalesce):
        return node
    *others, last = [node.this, *node.expressions]
    case = exp.Case(default=last.copy())
    for value in others:
        case = case.when(value.is_(exp.null()).not_(), value.copy())
    return exp.paren(case)


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
        assigned = star if is_star else _assignments(action.expressions, target)
        guarded = checks.guard(target, assigned, alias)
        action.set("expressions", [_assign(name, value) for name, value in guarded.items()])
    elif isinstance(action, exp.Insert):
        if isinstance(action.this, exp.Tuple):
            names = [column.name for column in action.this.expressions]
            given = dict(zip(names, action.expression.expressions, strict=True))
        else:
            given = star
        values = {c.name: defaults.of(c) for c in target.columns} | given
        guarded = checks.guard(target, values)
        action.set("this", exp.Tuple(expressions=[exp.column(n, quoted=True) for n in guarded]))
        action.set("expression", exp.Tuple(expressions=list(guarded.values())))


def _assignments(expressions: list[exp.Expression], target: Table) -> dict[str, exp.Expression]:
    assigned = {}
    for assignment in expressions:
        column = target.column(assignment.this.name)
        if column is None:
            raise column_not_found(f"`{assignment.this.name}`")
        assigned[column.name] = defaults.instead(assignment.expression, column)
    return assigned


def _assign(name: str, value: exp.Expression) -> exp.EQ:
    return exp.EQ(this=exp.column(name, quoted=True), expression=value)


def _some_version(node: exp.Table, markers: Markers) -> exp.Table:
    """The target's reference, to be pointed at a version when the statement runs."""
    table = node.copy()
    table.set("this", markers.identifier("version", ""))
    table.set("db", None)
    return table
