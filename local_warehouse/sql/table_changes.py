"""``table_changes(table, start [, end])``: read the change data feed of a table.

https://docs.databricks.com/sql/language-manual/functions/table_changes
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from local_warehouse.errors import no_time_travel, syntax_error

from .names import Resolver, TableChanges
from .parsing import text_of
from .policies import is_protected
from .template import DIALECT, Markers


def is_call(node: exp.Table) -> bool:
    function = node.this
    return isinstance(function, exp.Anonymous) and function.name.lower() == "table_changes"


def replace_call(node: exp.Table, resolver: Resolver, markers: Markers) -> None:
    """Replace the call by a query of the feed's files. Raises SqlError."""
    named, *boundaries = node.this.expressions or [None]
    if named is None or not 1 <= len(boundaries) <= 2:
        raise syntax_error("at or near 'table_changes': a table, a start and maybe an end")
    table = resolver.table(_table(named), "SELECT")
    if is_protected(table):
        raise no_time_travel(table.full_name)
    templates = [markers.template(boundary) for boundary in boundaries]
    key = TableChanges(table.id, templates[0], templates[1] if len(templates) > 1 else None)
    source = exp.Table(this=markers.identifier("changes", key), db=exp.to_identifier("parquet"))
    query = exp.select("*").from_(source).where(markers.value("changes_range", key))
    alias = node.args.get("alias") or exp.TableAlias(this=exp.to_identifier("table_changes"))
    node.replace(exp.Subquery(this=query, alias=alias))


def _table(named: exp.Expr) -> exp.Table:
    """Return the table that is named by a string literal or by an identifier."""
    if isinstance(named, exp.Literal):
        try:
            return exp.to_table(text_of(named), dialect=DIALECT)
        except SqlglotError as error:
            raise syntax_error(f"at or near '{named.this}': a table's name is expected") from error
    try:
        return sqlglot.parse_one(named.sql(dialect=DIALECT), dialect=DIALECT, into=exp.Table)
    except SqlglotError as error:
        raise syntax_error("at or near 'table_changes': a table's name is expected") from error
