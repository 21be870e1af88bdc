"""Replace names of a person or a business area in all rows, with a new name or one spelling.

As with other bulk changes, a preview reads the rows with their versions, and the operation skips
rows that have changed since. It runs one statement per table, and each is safe to repeat.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from crm.model.namespace import Namespace, quoted
from crm.model.schema import Table
from crm.repository import _sql, operations
from crm.repository.errors import TooMany
from crm.repository.operations import Operation
from crm.repository.steps import NOTHING, Earlier, Step, run_steps
from crm.warehouse import Warehouse

from .selection import KEY_BYTES, MOST
from .written import count_written

# A row's key and version.
Seen = tuple[str, int | None]

_FIND = """
SELECT '{name}' AS kind, {key} AS key, UNIX_MICROS(updated_at) AS version,
  CURRENT_TIMESTAMP() AS moment, CONCAT_WS(',', {found}) AS found
FROM {table} WHERE {condition}
"""
_FOUND = "CASE WHEN {has} THEN '{column}' END"
_HAS = "COALESCE(ARRAY_CONTAINS({old}, {column}), FALSE)"
_RENAME = """
MERGE INTO {table} AS t
USING (
  SELECT r.* FROM (
    SELECT EXPLODE(FROM_JSON(:rows, 'array<struct<k: string, s: bigint>>')) AS r
  ) AS j
) AS s
ON t.{key} = s.k AND UNIX_MICROS(t.updated_at) <=> s.s AND ({condition})
WHEN MATCHED THEN UPDATE SET
  {assignments}, updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
"""
_ASSIGNMENT = "{column} = CASE WHEN {has} THEN :new ELSE t.{column} END"


@dataclass(frozen=True)
class Rename:
    """A rename of the names ``old`` to ``new`` in these columns."""

    columns: tuple[tuple[Table, str], ...]
    old: tuple[str, ...]
    new: str

    @property
    def tables(self) -> list[Table]:
        return list(dict.fromkeys(table for table, _ in self.columns))

    def of(self, table: Table) -> list[str]:
        return [column for each, column in self.columns if each is table]

    @property
    def replaced(self) -> tuple[str, ...]:
        return tuple(name for name in self.old if name != self.new)


@dataclass(frozen=True)
class RenamePreview:
    """The rows to change by table, and the number of rows with the name by column.

    Several rows of one key may have one version: each is listed.
    """

    rows: Mapping[Table, tuple[Seen, ...]]
    counts: Mapping[tuple[Table, str], int]
    moment: dt.datetime | None

    @property
    def count(self) -> int:
        return sum(map(len, self.rows.values()))


def preview(wh: Warehouse, rename: Rename) -> RenamePreview:
    """Return the effect of the rename. One statement. Raises TooMany."""
    old, params = _sql.text_array("old", rename.replaced)
    each = [_find(wh.namespace, rename, table, old) for table in rename.tables]
    sql = _sql.fill(
        "SELECT * FROM ({each}) AS n LIMIT {most}", each="UNION ALL".join(each), most=str(MOST + 1)
    )
    found = wh.query(sql, params)
    tables = {table.name: table for table in rename.tables}
    rows: dict[Table, list[Seen]] = {}
    counts: Counter[tuple[Table, str]] = Counter()
    for row in found:
        table = tables[row["kind"]]
        rows.setdefault(table, []).append((row["key"], row["version"]))
        counts.update((table, column) for column in row["found"].split(","))
    size = sum(len(row["key"].encode()) for row in found)
    if len(found) > MOST or size > KEY_BYTES:
        raise TooMany(MOST)
    moment = found[0]["moment"] if found else None
    return RenamePreview(
        {table: tuple(rows[table]) for table in rename.tables if table in rows},
        {each: counts[each] for each in rename.columns if counts[each]},
        moment,
    )


def write(
    wh: Warehouse,
    operation: Operation,
    rename: Rename,
    rows: Mapping[Table, Sequence[Seen]],
    earlier: Earlier = NOTHING,
) -> int:
    """Change the name in these rows, except for rows that changed since the preview.

    Return the number of rows that the operation has written, now or in ``earlier`` attempts. One
    statement per table, those after the first at the same time. If some rows were skipped, one
    more per table, and up to four for the versions of the tables. Safe to repeat. Raises
    ValueError for a column that a policy masks, WarehouseError, and HalfDone if one table was
    written and another was not.
    """
    for table, column in rename.columns:
        if column in operation.masked(table):
            raise ValueError(f"{table.name}: {column} is masked")
    counts = [earlier.changed]

    def rename_in(table: Table, seen: Sequence[Seen]) -> int:
        count = _write(wh, operation, rename, table, seen)
        counts.append(count)
        return count

    def count_all() -> int:
        if sum(counts) < sum(map(len, rows.values())):
            found = (count_written(wh, operation, table, table.key) for table in rows)
            counts[:] = [max(sum(counts), sum(sum(each.values()) for each in found))]
        return 0

    steps = [
        Step(f"Rename in the {table.plural}", partial(rename_in, table, seen), parallel=True)
        for table, seen in rows.items()
    ]
    steps.append(Step("Count what was renamed", count_all))
    run_steps(wh, operation, steps, done=earlier.done)
    return sum(counts)


def _find(namespace: Namespace, rename: Rename, table: Table, old: str) -> str:
    has = {name: _sql.fill(_HAS, old=old, column=quoted(name)) for name in rename.of(table)}
    found = (_sql.fill(_FOUND, has=each, column=name) for name, each in has.items())
    return _sql.render(
        namespace,
        _FIND,
        name=table.name,
        key=quoted(table.key),
        table=namespace.table(table),
        found=", ".join(found),
        condition=" OR ".join(has.values()),
    )


def _write(
    wh: Warehouse, operation: Operation, rename: Rename, table: Table, rows: Sequence[Seen]
) -> int:
    old, params = _sql.text_array("old", rename.replaced)
    names = [quoted(name) for name in rename.of(table)]
    has = [_sql.fill(_HAS, old=old, column=f"t.{name}") for name in names]
    sql = _sql.render(
        wh.namespace,
        _RENAME,
        table=wh.namespace.table(table),
        key=quoted(table.key),
        condition=" OR ".join(has),
        assignments=", ".join(
            _sql.fill(_ASSIGNMENT, column=name, has=each)
            for name, each in zip(names, has, strict=True)
        ),
    )
    given = [{"k": key, "s": seen} for key, seen in dict.fromkeys(rows)]
    text = json.dumps(given, ensure_ascii=False, separators=(",", ":"))
    return operations.run(
        wh, operation, sql, {**params, "new": rename.new, "rows": text}, repeatable=True
    )
