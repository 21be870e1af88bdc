"""From the tables as they are to the tables as this version of the CRM needs them.

Small numbered steps. Each compares what is there with what ought to be and runs only what is
missing, so that a step that died half-way, or that somebody else is running at this moment,
is simply run again. The number of the last step done is kept in the warehouse, as a property
of the accounts table.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from crm.model.namespace import Namespace
from crm.model.schema import (
    ACCOUNTS,
    TABLES,
    Column,
    Table,
)
from crm.repository import ddl
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, StatementFailed, WriteConflict

logger = logging.getLogger("crm.repository.tables.migrations")

ATTEMPTS = 5


class NotNow(Exception):
    """Nothing can be changed as things are; the text says why."""


class NoTables(NotNow):
    """There is nothing to change: the tables have to be created first."""


class Newer(NotNow):
    """The tables are of a later version than this CRM knows."""


class Unsound(NotNow):
    """Rows stand in the way of a step."""


@dataclass(frozen=True)
class Found:
    """The tables as they are, by the table's own name. ``required`` and ``described``: the
    columns that are NOT NULL, and that have a comment; ``keys``: type and column of each."""

    columns: dict[str, frozenset[str]]
    properties: dict[str, dict[str, str]]
    clustering: dict[str, tuple[str, ...]]
    required: dict[str, frozenset[str]]
    described: dict[str, frozenset[str]]
    comments: dict[str, str]
    keys: dict[str, frozenset[tuple[str, str]]]

    @property
    def version(self) -> int:
        """The last step done; 1, the plain tables, where nothing (or no number) was noted."""
        noted = self.properties[ACCOUNTS.name].get(ddl.VERSION_PROPERTY, "")
        return int(noted) if noted.isdecimal() else 1


@dataclass(frozen=True)
class Step:
    """``missing`` gives the statements that are still needed, in order. ``again``: also where
    the step is noted as done, since restoring an older version undoes it. ``require`` raises
    Unsound."""

    number: int
    name: str
    missing: Callable[[Found, Namespace, int], Iterator[str]]
    again: bool = False
    require: Callable[[Warehouse, Found], None] = lambda wh, found: None


def _columns_of_schema(found: Found, namespace: Namespace, history_days: int) -> Iterator[str]:
    for table in TABLES:
        existing = found.columns[table.name]
        missing = tuple(column for column in table.columns if column.name not in existing)
        if missing:
            yield ddl.add_columns(table, missing, namespace)


def _properties(found: Found, namespace: Namespace, history_days: int) -> Iterator[str]:
    for table in TABLES:
        there = found.properties[table.name]
        wanted = {
            name: value
            for name, value in ddl.properties(history_days).items()
            # How long history is kept may have been chosen otherwise: that is respected, and
            # create_tables changes it. Without the feed, which is on or off, there is none.
            if name not in there or (value == "true" and there[name].lower() != value)
        }
        if wanted:
            yield ddl.set_properties(table, wanted, namespace)


def _clustering(found: Found, namespace: Namespace, history_days: int) -> Iterator[str]:
    for table in TABLES:
        if found.clustering[table.name] != table.cluster_by:
            yield ddl.cluster_by(table, namespace)


def _nullable_keys(found: Found) -> Iterator[tuple[Table, Column]]:
    for table in TABLES:
        for column in table.columns:
            if column.not_null and column.name not in found.required[table.name]:
                yield table, column


def _require_keys(wh: Warehouse, found: Found) -> None:
    for table, column in _nullable_keys(found):
        if count := wh.query(ddl.count_nulls(table, column, wh.namespace))[0]["n"]:
            raise Unsound(
                f"{count} rows of {table.name} have no {column.name}, which each row needs. "
                "check_integrity shows them, and repairs what it can; run this again afterwards."
            )


def _keys(found: Found, namespace: Namespace, history_days: int) -> Iterator[str]:
    """No foreign key before the primary key that it refers to: accounts come first."""
    for table, column in _nullable_keys(found):
        yield ddl.not_null(table, column, namespace)
    for table in TABLES:
        there = found.keys[table.name]
        if not any(kind == "PRIMARY KEY" for kind, _ in there):
            yield ddl.primary_key(table, namespace)
        if table.parent_key and ("FOREIGN KEY", table.parent_key) not in there:
            yield ddl.foreign_key(table, namespace)


def _descriptions(found: Found, namespace: Namespace, history_days: int) -> Iterator[str]:
    """Where there is none: somebody may have found better words."""
    for table in TABLES:
        if not found.comments.get(table.name):
            yield ddl.describe_table(table, namespace)
        for column in table.columns:
            if column.name not in found.described[table.name]:
                yield ddl.describe_column(table, column, namespace)


def _keys_and_descriptions(found: Found, namespace: Namespace, history_days: int) -> Iterator[str]:
    yield from _keys(found, namespace, history_days)
    yield from _descriptions(found, namespace, history_days)


STEPS = (
    Step(1, "the plain tables", lambda *_: iter(())),
    Step(2, "every column that the CRM knows", _columns_of_schema, again=True),
    Step(3, "change data feed, and history kept for longer", _properties, again=True),
    # Once only: whoever clusters otherwise, or lets Databricks choose, has reasons.
    Step(4, "clustering by the columns that reads use", _clustering),
    Step(
        5,
        "keys, and what each table and column is",
        _keys_and_descriptions,
        again=True,
        require=_require_keys,
    ),
)
assert STEPS[-1].number == ddl.VERSION


def look(wh: Warehouse) -> Found:
    """Raises NoTables, and Newer for tables of a later version."""
    names = {f"{wh.namespace.prefix}{table.name}".lower(): table.name for table in TABLES}
    columns = _by_table(wh.query(*ddl.list_columns(wh.namespace)), names)
    missing = [name for name, rows in columns.items() if not rows]
    if missing:
        raise NoTables(f"{', '.join(missing)} not found; run create_tables first.")
    keys = _by_table(wh.query(*ddl.list_keys(wh.namespace)), names)
    comments = _by_table(wh.query(*ddl.list_tables(wh.namespace)), names)
    found = Found(
        {name: _columns(rows) for name, rows in columns.items()},
        {table.name: _read_properties(wh, table) for table in TABLES},
        {table.name: _read_clustering(wh, table) for table in TABLES},
        {n: _columns(r for r in rows if r["is_nullable"] == "NO") for n, rows in columns.items()},
        {n: _columns(r for r in rows if r["comment"]) for n, rows in columns.items()},
        {name: rows[0]["comment"] or "" for name, rows in comments.items() if rows},
        {
            name: frozenset((row["constraint_type"], row["column_name"].lower()) for row in rows)
            for name, rows in keys.items()
        },
    )
    if found.version > ddl.VERSION:
        raise Newer(
            f"The tables are of version {found.version}; this CRM knows versions up to "
            f"{ddl.VERSION}. Deploy the CRM that changed them, or a later one."
        )
    return found


def _by_table(rows: list[dict], names: dict[str, str]) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {name: [] for name in names.values()}
    for row in rows:
        if name := names.get(row["table_name"].lower()):
            found[name].append(row)
    return found


def _columns(rows: Iterable[dict]) -> frozenset[str]:
    return frozenset(row["column_name"].lower() for row in rows)


def _read_properties(wh: Warehouse, table: Table) -> dict[str, str]:
    rows = wh.query(ddl.show_properties(table, wh.namespace))
    return {row["key"]: row["value"] for row in rows}


def _read_clustering(wh: Warehouse, table: Table) -> tuple[str, ...]:
    rows = wh.query(ddl.describe_detail(table, wh.namespace))
    return tuple(rows[0].get("clusteringColumns") or ())


def plan(wh: Warehouse, to: int, history_days: int) -> list[tuple[Step, list[str]]]:
    """The steps up to ``to`` that are not done, with what each still has to run."""
    return _steps(look(wh), wh.namespace, to, history_days)


def _steps(
    found: Found, namespace: Namespace, to: int, history_days: int
) -> list[tuple[Step, list[str]]]:
    steps = [
        (step, list(step.missing(found, namespace, history_days)))
        for step in STEPS
        if step.number <= to and (step.again or found.version < step.number)
    ]
    return [(step, needs) for step, needs in steps if needs or found.version < step.number]


def run(wh: Warehouse, to: int, history_days: int) -> Iterator[Step]:
    """Take the steps, and yield each when it is done and noted. Safe to run again, and
    beside another run. Raises Unsound."""
    last = 0
    while True:
        found = look(wh)
        # What was taken is not taken again, should the warehouse's own description lag behind.
        steps = [s for s, _ in _steps(found, wh.namespace, to, history_days) if s.number > last]
        if not steps:
            return
        step = steps[0]
        _take(wh, step, history_days)
        if found.version < step.number:
            values = {ddl.VERSION_PROPERTY: str(step.number)}
            wh.execute(ddl.set_properties(ACCOUNTS, values, wh.namespace), repeatable=True)
        last = step.number
        yield step


def _take(wh: Warehouse, step: Step, history_days: int) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        found = look(wh)
        step.require(wh, found)
        try:
            for statement in step.missing(found, wh.namespace, history_days):
                wh.execute(statement, repeatable=False)
            return
        except (WriteConflict, StatementFailed, ObjectNotFound) as error:
            # Columns and keys that somebody else has added meanwhile are there already.
            is_there = "ALREADY_EXISTS" in (error.error_class or "")
            if not (is_there or isinstance(error, WriteConflict)) or attempt == ATTEMPTS:
                raise
            logger.info("step %d met another run (%s); looking again", step.number, error)
            time.sleep(0.1 * attempt)
