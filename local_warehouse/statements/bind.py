"""Filling a prepared statement's holes for one execution."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from pathlib import Path

import pyarrow as pa

from local_warehouse.catalog.objects import Table
from local_warehouse.context import Context
from local_warehouse.delta.change_feed.errors import invalid_timestamp, null_boundary
from local_warehouse.delta.change_feed.range import Point, versions_between
from local_warehouse.errors import SqlError, syntax_error
from local_warehouse.sql.names import PastTable, TableChanges
from local_warehouse.sql.parameters import text_literal
from local_warehouse.sql.template import Hole, Template


def fill(
    template: Template,
    context: Context,
    target: str = "",
    system_table: Callable[[str], Path] | None = None,
) -> str:
    """Engine SQL. ``target`` names the version of a write's target that is to be read;
    ``system_table`` writes a snapshot of a system table and says where. Folders that the SQL names
    stay there until the statement is done (``context.using``)."""
    ranges: dict[Hashable, tuple[int, int]] = {}

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
            case "changes":
                return f"`{_feed_folder(hole.key, ranges, context)}`"
            case "changes_range":
                return "_commit_version BETWEEN {} AND {}".format(*ranges[hole.key])
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
    version, _ = version_of(table, wanted.kind, fill(wanted.expression, context), context)
    return context.using.enter_context(context.parts.past.reading(table, version))


def version_of(table: Table, wanted: str, expression: str, context: Context) -> tuple[int, str]:
    """The version that VERSION or TIMESTAMP (``wanted``) AS OF an expression means, and what was
    given. Raises SqlError."""
    kind = "BIGINT" if wanted == "VERSION" else "TIMESTAMP"
    answer = context.engine.run(
        f"SELECT {expression} AS given, TRY_CAST({expression} AS {kind}) AS point"
    )
    given, point = (answer.column(name)[0].as_py() for name in ("given", "point"))
    if given is None:
        raise SqlError(
            "INVALID_TIME_TRAVEL_TIMESTAMP_EXPR.INPUT",
            f"The time travel {wanted.lower()} expression is NULL.",
            "42K0E",
        )
    is_version = isinstance(given, int) or re.fullmatch(r"\d+", str(given).strip())
    if point is None or (wanted == "VERSION" and not is_version):
        raise _no_point(wanted, given)
    version = point if wanted == "VERSION" else context.parts.past.version_at(table, point)
    return version, str(given)


def _no_point(wanted: str, given: object) -> SqlError:
    if wanted == "TIMESTAMP":
        problem = f"The provided timestamp ({given}) cannot be converted to a valid timestamp."
        return SqlError("DELTA_TIMESTAMP_INVALID", problem, "42816")
    if isinstance(given, str):
        problem = f"The provided version ({given}) is not a valid version."
        return SqlError("DELTA_VERSION_INVALID", problem, "42815")
    return syntax_error(f"at or near '{given}'")


def _feed_folder(wanted: TableChanges, ranges: dict, context: Context) -> Path:
    """The feed's files; the versions that are asked for go into ``ranges``."""
    table = context.catalog.by_id(wanted.table_id)
    parts = context.parts
    ranges[wanted] = versions_between(
        table,
        _point(wanted.start, context),
        None if wanted.end is None else _point(wanted.end, context),
        commits=parts.commits,
        past=parts.past,
        spans=parts.changes.spans,
    )
    return context.using.enter_context(context.parts.changes.reading(table, ranges[wanted][0]))


def _point(template: Template, context: Context) -> Point:
    """A version, or a moment, by the type of the expression."""
    text = fill(template, context)
    if text.isdecimal():
        return int(text)
    value = context.engine.run(f"SELECT {text} AS point").column("point")
    if (given := value[0].as_py()) is None:
        raise null_boundary()
    if pa.types.is_integer(value.type):
        return given
    cast = f"SELECT TRY_CAST({text} AS TIMESTAMP) AS point"
    if (moment := context.engine.run(cast).column("point")[0].as_py()) is None:
        raise invalid_timestamp(str(given))
    return moment
