"""Row-level concurrency: decide whether a write conflicts with commits of others.

A write conflicts if a row that it reads was changed, added or removed after the write arrived. So
only the rows that differ between the two versions matter, and most of these have another key than
the write asks for, which needs no query to find out.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from local_warehouse.catalog.objects import Table
from local_warehouse.context import Context
from local_warehouse.sql.parameters import text_literal
from local_warehouse.sql.template import Markers, Template

from .bind import bind
from .write import Keys, Write

_MAX_COMPARED = 5000  # rows; with more, the engine is faster


def keys_in(where: exp.Where | None, target: Table, alias: str, markers: Markers) -> Keys:
    """Return the parts ``column = text`` of a condition; each of them must hold."""
    return tuple(_keys_in(where, target, alias, markers)) if where is not None else ()


def _keys_in(
    where: exp.Where, target: Table, alias: str, markers: Markers
) -> Iterator[tuple[str, Template]]:
    condition = where.this.unnest()
    parts = condition.flatten() if isinstance(condition, exp.And) else [condition]
    for part in parts:
        if not isinstance(part, exp.EQ):
            continue
        for one, other in ((part.this, part.expression), (part.expression, part.this)):
            column = _text_column(one, target, alias)
            # The engine may read escapes in a literal differently.
            if column and other.is_string and "\\" not in other.name:
                yield column, Template((text_literal(other.name),))
            elif column and (value := markers.template(other.copy())).is_single_marker:
                yield column, value


def _text_column(node: exp.Expr, target: Table, alias: str) -> str | None:
    if not isinstance(node, exp.Column) or node.table.lower() not in ("", alias.lower()):
        return None
    column = target.column(node.name)
    return column.name if column and column.type == "STRING" else None


def has_conflict(write: Write, context: Context, seen: int, now: int) -> bool:
    """Whether a commit after version ``seen``, up to ``now``, changed rows of the write."""
    if write.reads is None:
        return False
    try:
        rows = context.parts.row_differences.between(write.target, seen, now)
    except FileNotFoundError:
        return True  # VACUUM deleted files that would be needed to find out
    rows = _with_keys(rows, write.keys, context)
    if not rows.num_rows:
        return False
    with _as_file(rows, context.parts.folder) as path:
        sql = bind(write.reads, context, target=f"parquet.`{path}`")
        return bool(context.engine.run(sql, context.cancellation).num_rows)


def _with_keys(rows: pa.Table, keys: Keys, context: Context) -> pa.Table:
    """Return the rows whose key columns have the values that the write asks for."""
    if rows.num_rows > _MAX_COMPARED:
        return rows
    for column, template in keys:
        wanted = bind(template, context)
        if wanted.startswith("'"):
            values = rows.column(column).to_pylist()
            mask = [value is not None and text_literal(value) == wanted for value in values]
            rows = rows.filter(pa.array(mask, pa.bool_()))
    return rows


@contextmanager
def _as_file(rows: pa.Table, folder: Path) -> Iterator[Path]:
    path = folder / f"snapshot-{uuid.uuid4().hex}.parquet"
    pq.write_table(rows, path)
    try:
        yield path
    finally:
        path.unlink()
