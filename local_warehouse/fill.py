"""Filling a prepared statement's holes for one execution."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .catalog import Table
from .context import Context
from .errors import SqlError
from .names import PastTable
from .parameters import text_literal
from .template import Hole, Template


def fill(
    template: Template,
    context: Context,
    target: str = "",
    system_table: Callable[[str], Path] | None = None,
) -> str:
    """Engine SQL. ``target`` names the version of a write's target that is to be read;
    ``system_table`` writes a snapshot of a system table and says where."""

    def value_of(hole: Hole) -> str:
        match hole.kind:
            case "named":
                return context.parameters.named(str(hole.key))
            case "positional":
                return context.parameters.positional(int(hole.key))
            case "user":
                return text_literal(context.session.user)
            case "groups":
                groups = context.parts.identities.groups_of(context.session.user)
                return ", ".join(text_literal(group) for group in groups)
            case "past":
                return f"`{_past_table(hole.key, context)}`"
            case "version":
                return target
            case "system" if system_table:
                return f"`{system_table(str(hole.key))}`"
        raise SqlError("UNSUPPORTED_FEATURE", "System tables cannot be read here.", "0A000")

    return template.fill(value_of)


def _past_table(wanted: PastTable, context: Context) -> Path:
    table = context.catalog.by_id(wanted.table_id)
    version = version_of(table, wanted.kind, fill(wanted.expression, context), context)
    return context.parts.past.lay_out(table, version)


def version_of(table: Table, wanted: str, expression: str, context: Context) -> int:
    """The version that VERSION or TIMESTAMP (``wanted``) AS OF an expression means."""
    kind = "BIGINT" if wanted == "VERSION" else "TIMESTAMP"
    answer = context.engine.run(f"SELECT CAST({expression} AS {kind}) AS point")
    point = answer.column("point")[0].as_py()
    if point is None:
        raise SqlError(
            "INVALID_TIME_TRAVEL_TIMESTAMP_EXPR.INPUT",
            f"The time travel {wanted.lower()} expression is NULL.",
            "42K0E",
        )
    return point if kind == "BIGINT" else context.parts.past.version_at(table, point)
