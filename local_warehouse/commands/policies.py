"""ALTER TABLE … SET ROW FILTER and ALTER TABLE … ALTER COLUMN … SET MASK."""

from __future__ import annotations

import copy
from collections.abc import Callable

from sqlglot import exp

from local_warehouse.catalog.objects import Function, Policy, Table
from local_warehouse.catalog.securables import securable_of
from local_warehouse.context import Context
from local_warehouse.errors import SqlError, routine_not_found, wrong_number_of_arguments
from local_warehouse.result import NOTHING, Result
from local_warehouse.sql.expand import policy_caller
from local_warehouse.sql.parsing import Words
from local_warehouse.sql.policies import visible_rows
from local_warehouse.sql.template import Markers, engine_name
from local_warehouse.statements.bind import bind

from .functions import find


def alter(words: Words, table: Table, context: Context) -> Result | None:
    """Run the rest of an ALTER TABLE if it changes a row filter or a mask; otherwise return
    None."""
    if words.accept("SET", "ROW", "FILTER"):
        return _set_filter(words, table, context)
    if words.accept("DROP", "ROW", "FILTER"):
        words.end()
        return _change(table, context, lambda draft: setattr(draft, "row_filter", None))
    if words.accept("ALTER", "COLUMN") or words.accept("ALTER"):
        return _alter_column(words, table, context)
    return None


def require_columns(table: Table, draft: Table) -> None:
    """Raise SqlError if the draft lacks columns that the table's row filter or masks use."""
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
    names = words.name()
    words.expect("ON")
    columns = _columns(words, table)
    words.end()
    function = _function(names, len(columns), context)
    if function.returns != "BOOLEAN":
        raise SqlError(
            "INVALID_ROW_FILTER_FUNCTION",
            f"The function {function.full_name} does not return BOOLEAN.",
            "42K0E",
        )
    policy = _policy(function, columns)
    return _change(table, context, lambda draft: setattr(draft, "row_filter", policy))


def _alter_column(words: Words, table: Table, context: Context) -> Result | None:
    name = words.value()
    if words.accept("DROP", "MASK"):
        words.end()
        policy: Policy | None = None
    elif words.accept("SET", "MASK"):
        names = words.name()
        columns = _columns(words, table) if words.accept("USING", "COLUMNS") else []
        words.end()
        policy = _policy(_function(names, 1 + len(columns), context), columns)
    else:
        return None
    table.require_column(name)
    return _change(
        table, context, lambda draft: setattr(draft.require_column(name), "mask", policy)
    )


def _columns(words: Words, table: Table) -> list[str]:
    words.expect("(")
    names: list[str] = []
    while not words.accept(")"):
        if names:
            words.expect(",")
        names.append(table.require_column(words.value()).name)
    return names


def _function(names: list[str], arguments: int, context: Context) -> Function:
    """Return a function that takes so many arguments and that the user may execute."""
    function = find(names, context)
    if function is None:
        raise routine_not_found(names)
    context.access.require("EXECUTE", securable_of(function))
    wanted = len(function.parameters)
    if wanted != arguments:
        raise wrong_number_of_arguments(function.name, wanted, arguments)
    return function


def _policy(function: Function, columns: list[str]) -> Policy:
    return Policy([function.catalog, function.schema, function.name], columns)


def _change(table: Table, context: Context, edit: Callable[[Table], None]) -> Result:
    """Change the table's row filter or masks. They are in the catalog, not in the log.

    Raises SqlError if the table could not be read with them.
    """
    with context.commits.exclusively(table, context.cancellation):
        draft = copy.deepcopy(table)
        edit(draft)
        _require_readable(draft, context)
        table.row_filter, table.columns = draft.row_filter, draft.columns
        context.catalog.changed(table)
    return NOTHING


def _require_readable(draft: Table, context: Context) -> None:
    """Raise SqlError if the engine cannot read the table with the draft's policies."""
    markers = Markers()
    database, name = engine_name(draft.id).split(".")
    source = exp.Table(this=exp.to_identifier(name), db=exp.to_identifier(database))
    query = visible_rows(draft, source, policy_caller(context.resolver, markers))
    template = markers.template(exp.select("*").from_(query.subquery("t")).limit(0))
    context.engine.run(bind(template, context), context.cancellation)
