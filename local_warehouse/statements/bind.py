"""Bind a prepared statement's markers to the values of one execution."""

from __future__ import annotations

import datetime as dt
import re
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from local_warehouse.catalog.objects import Table
from local_warehouse.context import Context
from local_warehouse.delta.change_feed.errors import invalid_timestamp, null_boundary
from local_warehouse.delta.change_feed.range import Boundary, versions_between
from local_warehouse.errors import SqlError, syntax_error
from local_warehouse.sql.names import TableChanges, TableVersion
from local_warehouse.sql.parameters import text_literal
from local_warehouse.sql.template import Marker, Template

# So many digits are a BIGINT without asking the engine.
_DIGITS = 18
Ranges = dict[TableChanges, tuple[int, int]]


def bind(
    template: Template,
    context: Context,
    target: str = "",
    system_table: Callable[[str], Path] | None = None,
) -> str:
    """Return engine SQL. Raises SqlError.

    ``target`` is the version of a write's target that is to be read, as engine SQL.
    ``system_table`` writes a snapshot of a system table and returns the file's path. What the SQL
    names on disk exists until the statement ends (``context.resources``).
    """
    ranges: Ranges = {}
    now = f"TIMESTAMP_MICROS({time.time_ns() // 1000})"

    def value_of(marker: Marker) -> str:
        match marker:
            case Marker("named", str(name)):
                return context.parameters.named(name)
            case Marker("positional", int(index)):
                return context.parameters.positional(index)
            case Marker("user" | "groups"):
                return _user_or_groups(marker, context)
            case Marker("changes", TableChanges() as changes):
                return f"`{_change_feed_folder(changes, ranges, context)}`"
            case Marker("changes_range", TableChanges() as changes):
                return "_commit_version BETWEEN {} AND {}".format(*ranges[changes])
            case Marker("time_travel", TableVersion() as wanted):
                return f"`{_version_folder(wanted, context)}`"
            case Marker("version"):
                return target
            case Marker("rows", Template() as source):
                return f"`{_write_rows(source.bind(value_of), context)}`"
            case Marker("now"):
                return now
            case Marker("system", str(name)) if system_table:
                return f"`{system_table(name)}`"
        raise SqlError("UNSUPPORTED_FEATURE", "System tables cannot be read here.", "0A000")

    return template.bind(value_of)


def _user_or_groups(marker: Marker, context: Context) -> str:
    """Return the session's user, or the names of the user's groups."""
    user = context.session.user
    names = [user] if marker.kind == "user" else context.parts.identities.groups_of(user)
    return ", ".join(text_literal(name) for name in names)


def _write_rows(sql: str, context: Context) -> Path:
    """Write the rows of a query to a file, and return its path."""
    rows = context.engine.run(sql, context.cancellation)
    path = context.parts.folder / f"snapshot-{uuid.uuid4().hex}.parquet"
    context.resources.callback(path.unlink, missing_ok=True)
    pq.write_table(rows, path)
    return path


def _version_folder(wanted: TableVersion, context: Context) -> Path:
    table = context.catalog.by_id(wanted.table_id)
    version, _ = version_of(table, wanted.kind, bind(wanted.expression, context), context)
    return context.resources.enter_context(context.parts.time_travel.reading(table, version))


def version_of(table: Table, kind: str, expression: str, context: Context) -> tuple[int, str]:
    """Return the version that an expression means, and the expression's value as text.

    ``kind`` is VERSION or TIMESTAMP. Raises SqlError.
    """
    if kind == "VERSION" and expression.isdecimal() and len(expression) <= _DIGITS:
        return int(expression), str(int(expression))
    sql_type = "BIGINT" if kind == "VERSION" else "TIMESTAMP"
    answer = context.engine.run(
        f"SELECT {expression} AS given, TRY_CAST({expression} AS {sql_type}) AS point"
    )
    given, point = (answer.column(name)[0].as_py() for name in ("given", "point"))
    if given is None:
        raise SqlError(
            "INVALID_TIME_TRAVEL_TIMESTAMP_EXPR.INPUT",
            f"The time travel {kind.lower()} expression is NULL.",
            "42K0E",
        )
    is_version = isinstance(given, int) or re.fullmatch(r"\d+", str(given).strip())
    if point is None or (kind == "VERSION" and not is_version):
        raise _invalid_point(kind, given)
    version = point if kind == "VERSION" else context.parts.time_travel.version_at(table, point)
    return version, str(given)


def _invalid_point(kind: str, given: object) -> SqlError:
    if kind == "TIMESTAMP":
        return invalid_timestamp(str(given))
    if isinstance(given, str):
        problem = f"The provided version ({given}) is not a valid version."
        return SqlError("DELTA_VERSION_INVALID", problem, "42815")
    return syntax_error(f"at or near '{given}'")


def _change_feed_folder(wanted: TableChanges, ranges: Ranges, context: Context) -> Path:
    """Return the folder of the feed's files; put the range of versions into ``ranges``."""
    table = context.catalog.by_id(wanted.table_id)
    parts = context.parts
    ranges[wanted] = versions_between(
        table,
        _boundary(wanted.start, context),
        None if wanted.end is None else _boundary(wanted.end, context),
        commits=parts.commits,
        time_travel=parts.time_travel,
        spans=parts.change_feed.spans,
    )
    return context.resources.enter_context(parts.change_feed.reading(table, ranges[wanted][0]))


def _boundary(template: Template, context: Context) -> Boundary:
    """Return a version, or a moment, by the type of the expression."""
    text = bind(template, context)
    if text.isdecimal():
        return int(text)
    value = context.engine.run(f"SELECT {text} AS point").column("point")
    given: Any = value[0].as_py()
    if given is None:
        raise null_boundary()
    if pa.types.is_integer(value.type):
        return int(given)
    cast = f"SELECT TRY_CAST({text} AS TIMESTAMP) AS point"
    moment: dt.datetime | None = context.engine.run(cast).column("point")[0].as_py()
    if moment is None:
        raise invalid_timestamp(str(given))
    return moment
