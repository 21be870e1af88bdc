"""Filling a prepared statement's holes for one execution."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from .catalog import Table
from .changes import missing_changes, renamed_columns, vacuumed_changes
from .context import Context
from .errors import SqlError, syntax_error
from .names import PastTable, TableChanges
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
            case "changes":
                return f"`{_feed_folder(hole.key, context)}`"
            case "changes_range":
                return _feed_range(hole.key, context)
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
    return context.parts.past.lay_out(table, version)


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


def _feed_folder(wanted: TableChanges, context: Context) -> Path:
    return context.parts.changes.folder(context.catalog.by_id(wanted.table_id))


def _feed_range(wanted: TableChanges, context: Context) -> str:
    """A condition on the versions that are asked for."""
    table = context.catalog.by_id(wanted.table_id)
    latest, since = context.commits.version(table), context.parts.changes.since(table)
    start = _first(table, _point(wanted.start, context), context)
    if start > latest:
        raise SqlError(
            "DELTA_CDC_START_VERSION_AFTER_LATEST",
            f"Start version {start} for change data feed exceeds the latest table version "
            f"{latest}.",
            "22003",
        )
    end = latest
    if wanted.end is not None:
        point = _point(wanted.end, context)
        end = point if isinstance(point, int) else context.parts.past.version_at(table, point)
        context.parts.past.require(table, end)
    if end < start:
        raise SqlError(
            "DELTA_INVALID_CDC_RANGE",
            f"CDC range from start {start} to end {end} was invalid. End cannot be before start.",
            "22003",
        )
    if start < since:
        raise missing_changes(start, end, start)
    if start < table.schema_since:
        raise renamed_columns(start, end, table.schema_since)
    if start <= table.vacuumed_to:
        raise vacuumed_changes(start)
    return f"_commit_version BETWEEN {start} AND {end}"


def _first(table: Table, point: int | dt.datetime, context: Context) -> int:
    """The first version at or after a moment; a moment before all of them means the first."""
    return point if isinstance(point, int) else context.parts.past.version_from(table, point)


def _point(template: Template, context: Context) -> int | dt.datetime:
    """A version, or a moment, by the type of the expression."""
    text = fill(template, context)
    if text.isdecimal():
        return int(text)
    value = context.engine.run(f"SELECT {text} AS point").column("point")
    if not pa.types.is_integer(value.type):
        value = context.engine.run(f"SELECT CAST({text} AS TIMESTAMP) AS point").column("point")
    if (found := value[0].as_py()) is None:
        raise SqlError(
            "DELTA_CDC_READ_NULL_RANGE_BOUNDARY",
            "CDC read start/end parameters cannot be null. Please provide a valid version or "
            "timestamp.",
            "22004",
        )
    return found
