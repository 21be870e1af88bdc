"""Prepare INSERT, UPDATE, DELETE and MERGE for the engine, and run them one at a time.

Where the engine lacks a feature, the statement is completed: it gets values for columns that an
INSERT leaves out, and CHECK constraints. A write that conflicts with another (conflicts.py) is
refused, as with Delta's row-level concurrency.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
from sqlglot import exp

from local_warehouse.catalog.objects import Table
from local_warehouse.context import Context
from local_warehouse.delta import log
from local_warehouse.errors import (
    EngineEnded,
    SqlError,
    column_not_found,
    concurrent_write,
    metadata_changed,
    unsupported,
)
from local_warehouse.result import Result
from local_warehouse.sql import check_constraints, defaults
from local_warehouse.sql.expand import expand, policy_caller
from local_warehouse.sql.names import Resolver
from local_warehouse.sql.policies import TargetPolicies
from local_warehouse.sql.template import DIALECT, Markers, engine_name

from . import conflicts, prepare_merge
from .bind import bind
from .write import (
    Write,
    assign,
    assignments,
    at_bound_version,
    filter_before_insert,
)

# Result columns as Databricks returns them -> the engine's metric in the commit.
_INSERT = {"num_affected_rows": "numOutputRows", "num_inserted_rows": "numOutputRows"}
_MERGED = {"num_inserted_rows": "numOutputRows"}
_UPDATE = {"num_affected_rows": "numUpdatedRows"}
_DELETE = {"num_affected_rows": "numDeletedRows"}


def prepare(tree: exp.Expr, resolver: Resolver, markers: Markers) -> Write:
    """Prepare a write. Raises SqlError for unknown names and unsupported SQL."""
    if isinstance(tree, exp.Insert):
        return _prepare_insert(tree, resolver, markers)
    if isinstance(tree, exp.Merge):
        return prepare_merge.prepare(tree, resolver, markers)
    if isinstance(tree, exp.Update | exp.Delete):
        return _prepare_change(tree, resolver, markers)
    raise unsupported(f"this statement ({type(tree).__name__.upper()})")


def run(write: Write, context: Context) -> Result:
    """Execute and commit a write. Raises SqlError; conflicts have SQLSTATE 2D521."""
    commits, table = context.commits, write.target
    seen_version = commits.version(table)
    template, target, counts, merged = write.template, "", write.counts, None
    if insert := write.insert:
        template, target, counts = insert.template, engine_name(table.id), _MERGED
        merged = bind(insert.condition, context)
    with commits.exclusively(table, context.cancellation):
        if table.epoch != write.epoch:
            raise metadata_changed(table.full_name)
        before = commits.version(table)
        if before != seen_version and conflicts.has_conflict(write, context, seen_version, before):
            if commits.inserts_conflict or insert is None:
                raise concurrent_write(table.full_name)
            # As if the version that it saw were the latest.
            reading = context.parts.time_travel.reading(table, seen_version)
            target = f"delta.`{context.resources.enter_context(reading)}`"
        with context.parts.transactions.publication.reading():
            sql = bind(template, context, target=target)
            result = execute(counts, sql, context.catalog.location(table), context)
        if (after := commits.version(table)) > before:
            commits.record(table, after, context.session.user, context.statement_id, merged)
    return result


def execute(counts: Mapping[str, str], sql: str, location: Path, context: Context) -> Result:
    """Run a write to the table at ``location``, which no other writes to meanwhile.

    If the engine's process ends, the log shows whether the write was committed before. If not, it
    runs once more.
    """
    before = log.latest_version(location)
    for is_last in (False, True):
        try:
            context.engine.run(sql, context.cancellation, is_read=False)
            break
        except EngineEnded:
            if log.latest_version(location, before) > before:
                break
            if is_last:
                raise
    after = log.latest_version(location, before)
    info = log.commit_info(location, after) if after > before else {}
    return _result(counts, info.get("operationMetrics", {}))


def _result(counts: Mapping[str, str], metrics: Mapping[str, int | str]) -> Result:
    numbers = {name: int(metrics.get(metric, 0)) for name, metric in counts.items()}
    affected = numbers.get("num_affected_rows", sum(numbers.values()))
    row = {"num_affected_rows": affected, **numbers}
    return Result(pa.table({k: pa.array([v], pa.int64()) for k, v in row.items()}), affected)


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
    defaults.replace_in_values(source, target, columns)
    expand(source, resolver, markers)
    sql = _insert_sql(target, columns, source)
    return Write(target, markers.split(sql), _INSERT, tuple(resolver.needs), target.epoch)


def _insert_sql(target: Table, columns: list[str], source: exp.Expr) -> str:
    position = {name.lower(): f"s.c{i}" for i, name in enumerate(columns)}
    values = {
        column.name: exp.cast(
            exp.maybe_parse(
                position.get(column.name.lower(), column.default or "NULL"), dialect=DIALECT
            ),
            column.type,
            dialect=DIALECT,
        )
        for column in target.columns
    }
    checked = check_constraints.add_checks(target, values)
    projection = ", ".join(
        f"{value.sql(dialect=DIALECT)} AS `{name}`" for name, value in checked.items()
    )
    aliases = ", ".join(f"c{i}" for i in range(len(columns)))
    body = filter_before_insert(source, target).sql(dialect=DIALECT, copy=False)
    return (
        f"INSERT INTO {engine_name(target.id)} SELECT {projection} FROM ({body}) AS s({aliases})"
    )


def _width(source: exp.Expr) -> int | None:
    """Return the number of the source's columns; None if a star hides it."""
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
    policies = TargetPolicies(target, alias, resolver, policy_caller(resolver, markers))
    condition = where and where.this
    values = [each.expression for each in tree.expressions]
    policies.mark(condition, *values)
    expand(tree, resolver, markers, node)
    policies.protect(tree)
    if (condition := policies.add_row_filter(where and where.this)) is not None:
        where = exp.Where(this=condition)
        tree.set("where", where)
    if isinstance(tree, exp.Delete) and where is not None:
        where = where.transform(_without_coalesce)
        tree.set("where", where)
    if isinstance(tree, exp.Delete) and where is not None and where.find(exp.Query):
        raise unsupported("subqueries in the condition of DELETE, or in a row filter there")
    if isinstance(tree, exp.Update):
        assigned = assignments(tree.expressions, target)
        checked = check_constraints.add_checks(target, assigned, alias)
        tree.set("expressions", [assign(name, value) for name, value in checked.items()])
    reads = exp.select("*").from_(at_bound_version(node, markers))
    if where is not None:
        reads = reads.where(where.this.copy())
    return Write(
        target,
        keys=conflicts.keys_in(where, target, alias, markers),
        reads=markers.template(reads),
        template=markers.template(tree),
        counts=_UPDATE if isinstance(tree, exp.Update) else _DELETE,
        needs=tuple(resolver.needs),
        epoch=target.epoch,
    )


def _change_privileges(tree: exp.Update | exp.Delete) -> tuple[str, ...]:
    """Return MODIFY, and SELECT as well if the change reads the table."""
    return ("MODIFY", "SELECT") if tree.find(exp.Column, exp.Query) else ("MODIFY",)


def _without_coalesce(node: exp.Expr) -> exp.Expr:
    """The engine (0.7.2) cannot run coalesce in the condition of a DELETE, nor array_contains, in
    which it uses coalesce itself."""
    if isinstance(node, exp.ArrayContains):
        array, value = (each.transform(_without_coalesce) for each in (node.this, node.expression))
        place = exp.ArrayPosition(this=array, expression=value)
        return exp.paren(exp.GT(this=place, expression=exp.Literal.number(0)))
    if not isinstance(node, exp.Coalesce):
        return node
    *others, last = (each.transform(_without_coalesce) for each in (node.this, *node.expressions))
    case = exp.Case(default=last)
    for value in others:
        case = case.when(value.is_(exp.null()).not_(), value.copy())
    return exp.paren(case)
