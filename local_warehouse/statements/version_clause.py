"""Read ``VERSION AS OF n`` or ``TIMESTAMP AS OF expression`` at the end of a command."""

from __future__ import annotations

from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from local_warehouse.catalog.objects import Table
from local_warehouse.context import Context
from local_warehouse.errors import syntax_error
from local_warehouse.sql.markers import mark_values
from local_warehouse.sql.parsing import Words
from local_warehouse.sql.template import DIALECT, Markers

from .bind import bind, version_of


@dataclass(frozen=True)
class NamedVersion:
    """A version, and the parameters with which DESCRIBE HISTORY shows how it was named."""

    version: int
    parameters: dict[str, str | None]


def read(words: Words, table: Table, context: Context, end: tuple[str, ...] = ()) -> NamedVersion:
    """Read the version that the command names, up to one of the words in ``end``.

    Raises SqlError, also if the table has no such version.
    """
    kind = "VERSION" if words.accept("VERSION", "AS", "OF") else "TIMESTAMP"
    if kind == "TIMESTAMP":
        words.expect("TIMESTAMP", "AS", "OF")
    text = words.until(*end)
    version, given = version_of(table, kind, _value(text, context), context)
    context.parts.time_travel.require(table, version)
    return NamedVersion(version, {"version": None, "timestamp": None, kind.lower(): given})


def _value(text: str, context: Context) -> str:
    """Return the expression as engine SQL."""
    try:
        tree = sqlglot.parse_one(f"SELECT {text}", dialect=DIALECT)
    except SqlglotError as error:
        raise syntax_error(f"at or near {text}") from error
    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1 or tree.find(exp.From):
        raise syntax_error(f"at or near {text}")
    markers = Markers()
    mark_values(tree, context.resolver, markers)
    return bind(markers.template(tree.expressions[0]), context)
