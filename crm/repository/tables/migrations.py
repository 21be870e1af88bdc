"""Migrate existing tables to the schema that this version of the CRM needs.

A migration has small numbered steps. Each step compares the tables with crm/model/schema.py and
runs only the missing statements. A step is safe to run again, even if it failed or somebody else
is running it now. A property of the accounts table has the number of the last finished step.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from crm.model.namespace import Namespace
from crm.model.own_tables import OWN_TABLES
from crm.model.schema import ACCOUNTS, TABLES, Column, Table
from crm.repository import ddl, properties
from crm.repository._sql import Row
from crm.repository.errors import NewerSchema
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, StatementFailed, WriteConflict

logger = logging.getLogger("crm.repository.tables.migrations")

ATTEMPTS = 5


class CannotMigrate(Exception):
    """The tables cannot be migrated; the text says why."""


class NoTables(CannotMigrate):
    """The tables have to be created first."""


class RowsInTheWay(CannotMigrate):
    """Rows have to be repaired before a step can run."""


@dataclass(frozen=True)
class SchemaState:
    """The tables as they are, by table name.

    :param required: the columns that are NOT NULL.
    :param described: the columns that have a comment.
    :param comments: the tables' comments.
    :param keys: type and column of each key.
    :param own: the names of the CRM's own tables that exist.
    """

    columns: dict[str, frozenset[str]]
    properties: dict[str, dict[str, str]]
    clustering: dict[str, tuple[str, ...]]
    required: dict[str, frozenset[str]]
    described: dict[str, frozenset[str]]
    comments: dict[str, str]
    keys: dict[str, frozenset[tuple[str, str]]]
    own: frozenset[str]

    @property
    def version(self) -> int:
        """Return the noted number of the last step; 1, for the first tables, if none is noted."""
        noted = self.properties[ACCOUNTS.name].get(ddl.VERSION_PROPERTY, "")
        return int(noted) if noted.isdecimal() else 1


@dataclass(frozen=True)
class Step:
    """One step.

    :param missing: yields the statements that the tables still need, in order.
    :param again: whether the step runs even if its number is noted, because a restore of an older
        version undoes the step.
    :param require: checks the rows first; raises RowsInTheWay.
    """

    number: int
    name: str
    missing: Callable[[SchemaState, Namespace, int], Iterator[str]]
    again: bool = False
    require: Callable[[Warehouse, SchemaState], None] = lambda wh, state: None


def _columns_of_schema(
    state: SchemaState, namespace: Namespace, history_days: int
) -> Iterator[str]:
    for table in TABLES:
        existing = state.columns[table.name]
        missing = tuple(column for column in table.stored_columns if column.name not in existing)
        if missing:
            yield ddl.add_columns(table, missing, namespace)


def _own_tables(*names: str) -> Callable[[SchemaState, Namespace, int], Iterator[str]]:
    """Return a function that yields the statements creating the CRM's missing own tables."""

    def missing(state: SchemaState, namespace: Namespace, history_days: int) -> Iterator[str]:
        for table in OWN_TABLES:
            if table.name in names and table.name not in state.own:
                yield ddl.create_table(table, namespace, history_days)

    return missing


def _properties(state: SchemaState, namespace: Namespace, history_days: int) -> Iterator[str]:
    for table in TABLES:
        existing = state.properties[table.name]
        wanted = {
            name: value
            for name, value in ddl.properties(history_days).items()
            # A retention that somebody has set stays; create_tables changes it. The feed has to be
            # on.
            if name not in existing or (value == "true" and existing[name].lower() != value)
        }
        if wanted:
            yield ddl.set_properties(table, wanted, namespace)


def _clustering(state: SchemaState, namespace: Namespace, history_days: int) -> Iterator[str]:
    for table in TABLES:
        if state.clustering[table.name] != table.cluster_by:
            yield ddl.cluster_by(table, namespace)


def _nullable_keys(state: SchemaState) -> Iterator[tuple[Table, Column]]:
    for table in TABLES:
        for column in table.stored_columns:
            if column.not_null and column.name not in state.required[table.name]:
                yield table, column


def _require_keys(wh: Warehouse, state: SchemaState) -> None:
    for table, column in _nullable_keys(state):
        if count := wh.query(ddl.count_nulls(table, column, wh.namespace))[0]["n"]:
            raise RowsInTheWay(
                f"{count} rows of {table.name} have no {column.name}, which each row needs. "
                "check_integrity shows them, and repairs what it can; run this again afterwards."
            )


def _keys(state: SchemaState, namespace: Namespace, history_days: int) -> Iterator[str]:
    """Yield the missing keys. Accounts come first: a foreign key needs the primary key."""
    for table, column in _nullable_keys(state):
        yield ddl.not_null(table, column, namespace)
    for table in TABLES:
        existing = state.keys[table.name]
        if not any(kind == "PRIMARY KEY" for kind, _ in existing):
            yield ddl.primary_key(table, namespace)
        if table.parent_key and ("FOREIGN KEY", table.parent_key) not in existing:
            yield ddl.foreign_key(table, namespace)


def _descriptions(state: SchemaState, namespace: Namespace, history_days: int) -> Iterator[str]:
    """Yield comments for tables and columns without one: somebody may have written better ones."""
    for table in TABLES:
        if not state.comments.get(table.name):
            yield ddl.describe_table(table, namespace)
        for column in table.stored_columns:
            if column.name not in state.described[table.name]:
                yield ddl.describe_column(table, column, namespace)


def _keys_and_descriptions(
    state: SchemaState, namespace: Namespace, history_days: int
) -> Iterator[str]:
    yield from _keys(state, namespace, history_days)
    yield from _descriptions(state, namespace, history_days)


STEPS = (
    Step(1, "the plain tables", lambda *_: iter(())),
    Step(2, "every column that the CRM knows", _columns_of_schema, again=True),
    Step(3, "change data feed, and history kept for longer", _properties, again=True),
    # Not repeated: somebody may have changed the clustering on purpose since.
    Step(4, "clustering by the columns that reads use", _clustering),
    Step(
        5,
        "keys, and comments on tables and columns",
        _keys_and_descriptions,
        again=True,
        require=_require_keys,
    ),
    # Step 2 adds the column, because step 5 may need repairs first, which write it.
    Step(6, "change_id, the operation that wrote a row", lambda *_: iter(())),
    Step(7, "the table of operations", _own_tables("operations"), again=True),
    Step(8, "the tables of people and follows", _own_tables("people", "follows"), again=True),
    Step(9, "the table of import mappings", _own_tables("import_mappings"), again=True),
    Step(10, "the tables of saved views", _own_tables("saved_views", "default_views"), again=True),
    Step(11, "the table of digests", _own_tables("digests"), again=True),
)
assert STEPS[-1].number == ddl.VERSION


def read_schema_state(wh: Warehouse) -> SchemaState:
    """Return the state of the tables. Raises NoTables, and NewerSchema for later versions."""
    names = {f"{wh.namespace.prefix}{table.name}".lower(): table.name for table in TABLES}
    columns = _by_table(wh.query(*ddl.list_columns(wh.namespace)), names)
    missing = [name for name, rows in columns.items() if not rows]
    if missing:
        raise NoTables(f"{', '.join(missing)} not found; run create_tables first.")
    keys = _by_table(wh.query(*ddl.list_keys(wh.namespace)), names)
    tables = wh.query(*ddl.list_tables(wh.namespace))
    comments = _by_table(tables, names)
    own = {f"{wh.namespace.prefix}{table.name}".lower(): table.name for table in OWN_TABLES}
    state = SchemaState(
        {name: _columns(rows) for name, rows in columns.items()},
        {table.name: properties.read(wh, table) for table in TABLES},
        {table.name: _read_clustering(wh, table) for table in TABLES},
        {n: _columns(r for r in rows if r["is_nullable"] == "NO") for n, rows in columns.items()},
        {n: _columns(r for r in rows if r["comment"]) for n, rows in columns.items()},
        {name: rows[0]["comment"] or "" for name, rows in comments.items() if rows},
        {
            name: frozenset((row["constraint_type"], row["column_name"].lower()) for row in rows)
            for name, rows in keys.items()
        },
        frozenset(own[name] for row in tables if (name := row["table_name"].lower()) in own),
    )
    if state.version > ddl.VERSION:
        raise NewerSchema(state.version, ddl.VERSION)
    return state


def _by_table(rows: list[Row], names: dict[str, str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {name: [] for name in names.values()}
    for row in rows:
        if name := names.get(row["table_name"].lower()):
            found[name].append(row)
    return found


def _columns(rows: Iterable[Row]) -> frozenset[str]:
    return frozenset(row["column_name"].lower() for row in rows)


def _read_clustering(wh: Warehouse, table: Table) -> tuple[str, ...]:
    rows = wh.query(ddl.describe_detail(table, wh.namespace))
    return tuple(rows[0].get("clusteringColumns") or ())


def plan(wh: Warehouse, to: int, history_days: int) -> list[tuple[Step, list[str]]]:
    """Return the steps up to ``to`` that are not done, each with its missing statements."""
    return _steps(read_schema_state(wh), wh.namespace, to, history_days)


def _steps(
    state: SchemaState, namespace: Namespace, to: int, history_days: int
) -> list[tuple[Step, list[str]]]:
    steps = [
        (step, list(step.missing(state, namespace, history_days)))
        for step in STEPS
        if step.number <= to and (step.again or state.version < step.number)
    ]
    return [(step, needs) for step, needs in steps if needs or state.version < step.number]


def run(wh: Warehouse, to: int, history_days: int) -> Iterator[Step]:
    """Run the steps up to ``to``, and yield each when it is done and noted.

    Safe to run again, and while somebody else runs it. Raises CannotMigrate, NewerSchema.
    """
    last = 0
    while True:
        state = read_schema_state(wh)
        # No step runs twice, even if the warehouse's description of the tables is not up to date.
        steps = [s for s, _ in _steps(state, wh.namespace, to, history_days) if s.number > last]
        if not steps:
            return
        step = steps[0]
        _run_step(wh, step, state, history_days)
        if state.version < step.number:
            values = {ddl.VERSION_PROPERTY: str(step.number)}
            wh.execute(ddl.set_properties(ACCOUNTS, values, wh.namespace), repeatable=True)
        last = step.number
        yield step


def _run_step(wh: Warehouse, step: Step, state: SchemaState, history_days: int) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        step.require(wh, state)
        try:
            for statement in step.missing(state, wh.namespace, history_days):
                wh.execute(statement, repeatable=False)
            return
        except (WriteConflict, StatementFailed, ObjectNotFound) as error:
            # Somebody else may have added a column or key since the state was read.
            exists = "ALREADY_EXISTS" in (error.error_class or "")
            if not (exists or isinstance(error, WriteConflict)) or attempt == ATTEMPTS:
                raise
            logger.info("step %d met another run (%s); trying again", step.number, error)
            time.sleep(0.1 * attempt)
            state = read_schema_state(wh)
