"""ALTER TABLE … ROW FILTER, ALTER TABLE … ALTER COLUMN … MASK."""

from __future__ import annotations

import copy

from sqlglot import exp

from local_warehouse.catalog.objects import Column, Policy, Table
from local_warehouse.catalog.securables import object_
from local_warehouse.context import Context
from local_warehouse.errors import SqlError, column_not_found, routine_not_found
from local_warehouse.result import NOTHING, Result
from local_warehouse.sql.expand import policy_caller
from local_warehouse.sql.parsing import Words
from local_warehouse.sql.policies import visible
from local_warehouse.sql.template import Markers, engine_name
from local_warehouse.statements.bind import fill

from .functions import find


def alter(words: Words, table: Table, context: Context) -> Result | None:
    """The rest of an ALTER TABLE, where it is about policies; otherwise None."""
    if words.accept("SET", "ROW", "FILTER"):
        return _set_filter(words, table, context)
    if words.accept("DROP", "ROW", "FILTER"):
        words.end()
        return _change(table, context, lambda draft: setattr(draft, "row_filter", None))
    if words.accept("ALTER", "COLUMN") or words.accept("ALTER"):
        return _alter_column(words, table, context)
    return None


def require_columns(table: Table, draft: Table) -> None:
    """Raises SqlError where the draft lacks columns that the table's policies need."""
    masked = [column for column in table.columns if column.mask]
    needed = [column.name for column in masked]
    for policy in (table.row_filter, *(column.mask for column in masked)):
        needed += policy.columns if policy else []
    missing = [name for name in needed if draft.column(name) is None]
    if missing:
        raise SqlError(
            "UC_DEPENDENCY_EXISTS",
            f"A row filter or mask of {table.full_name} uses {', '.join(missing)}, which would be "
            "gone.",
            "42K09",
        )


def _set_filter(words: Words, table: Table, context: Context) -> Result:
    function = words.name()
    words.expect("ON")
    columns = _columns(words, table)
    words.end()
    policy = _policy(function, columns, len(columns), context)
    if context.catalog.find_function(*policy.function).returns != "BOOLEAN":
        raise SqlError(
            "INVALID_ROW_FILTER_FUNCTION",
            f"The function {'.'.join(policy.function)} does not return BOOLEAN.",
            "42K0E",
        )
    return _change(table, context, lambda draft: setattr(draft, "row_filter", policy))


def _alter_column(words: Words, table: Table, context: Context) -> Result | None:
    name = words.value()
    if words.accept("DROP", "MASK"):
        words.end()
        policy = None
    elif words.accept("SET", "MASK"):
        function = words.name()
        columns = _columns(words, table) if words.accept("USING", "COLUMNS") else []
        words.end()
        policy = _policy(function, columns, 1 + len(columns), context)
    else:
        return None
    _column(name, table)
    return _change(table, context, lambda draft: setattr(_column(name, draft), "mask", policy))


def _columns(words: Words, table: Table) -> list[str]:
    words.expect("(")
    names: list[str] = []
    while not words.accept(")"):
        if names:
            words.expect(",")
        names.append(_column(words.value(), table).name)
    return names


def _column(name: str, table: Table) -> Column:
    column = table.column(name)
    if column is None:
        raise column_not_found(f"`{name}`")
    return column


def _policy(names: list[str], columns: list[str], given: int, context: Context) -> Policy:
    function = find(names, context)
    if function is None:
        raise routine_not_found(names)
    context.access.require("EXECUTE", object_(function))
    if len(function.parameters) != given:
        raise SqlError(
            "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
            f"The `{function.name}` requires {len(function.parameters)} parameters but the "
            f"actual number is {given}.",
            "42605",
        )
    return Policy([function.catalog, function.schema, function.name], columns)


def _change(table: Table, context: Context, edit) -> Result:
    """Change the table's policies, if it can still be read then; no commit in its log."""
    with context.commits.exclusively(table, context.cancellation):
        draft = copy.deepcopy(table)
        edit(draft)
        _try(draft, context)
        table.row_filter, table.columns = draft.row_filter, draft.columns
        context.catalog.changed(table)
    return NOTHING


def _try(draft: Table, context: Context) -> None:
    """Raises SqlError where the table could not be read so."""
    markers = Markers()
    database, name = engine_name(draft.id).split(".")
    source = exp.Table(this=exp.to_identifier(name), db=exp.to_identifier(database))
    query = visible(draft, source, policy_caller(context.resolver, markers))
    template = markers.template(exp.select("*").from_(query.subquery("t")).limit(0))
    context.engine.run(fill(template, context), context.cancellation)
