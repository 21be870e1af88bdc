"""From the tables as they are to the tables as this version of the CRM needs them.

Small numbered steps. Each compares what is there with what ought to be and runs only what is
missing, so that a step that died half-way, or that somebody else is running at this moment,
is simply run again. The number of the last step done is kept in the warehouse, as a property
of the accounts table.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from crm import ddl
from crm.schema import ACCOUNTS, AUDIT_COLUMNS, TABLES, Namespace, Table
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, StatementFailed, WriteConflict

logger = logging.getLogger("crm.evolution")

ATTEMPTS = 5
# What the warehouse says when somebody else was first.
_DONE_MEANWHILE = ("FIELD_ALREADY_EXISTS", "DELTA_ADD_COLUMN_ALREADY_EXISTS")


class NoTables(Exception):
    """There is nothing to change: the tables have to be created first."""


class Newer(Exception):
    """The tables are of a later version than this CRM knows."""


@dataclass(frozen=True)
class Found:
    """The tables as they are: columns, properties and clustering, by the table's own name."""

    columns: dict[str, frozenset[str]]
    properties: dict[str, dict[str, str]]
    clustering: dict[str, tuple[str, ...]]

    @property
    def version(self) -> int:
        """The last step done; 1, the plain tables, where nothing was noted."""
        return int(self.properties[ACCOUNTS.name].get(ddl.VERSION_PROPERTY, 1))


@dataclass(frozen=True)
class Step:
    """``missing`` gives the statements that are still needed, in order."""

    number: int
    name: str
    missing: Callable[[Found, Namespace, int], Iterator[str]]


def _audit_columns(found: Found, namespace: Namespace, history_days: int) -> Iterator[str]:
    for table in TABLES:
        there = found.columns[table.name]
        missing = tuple(column for column in AUDIT_COLUMNS if column.name not in there)
        if missing:
            yield ddl.add_columns(table, missing, namespace)


def _properties(found: Found, namespace: Namespace, history_days: int) -> Iterator[str]:
    for table in TABLES:
        there = found.properties[table.name]
        wanted = {
            name: value
            for name, value in ddl.properties(history_days).items()
            # How long history is kept may have been chosen otherwise: that is respected.
            if name not in there
        }
        if wanted:
            yield ddl.set_properties(table, wanted, namespace)


def _clustering(found: Found, namespace: Namespace, history_days: int) -> Iterator[str]:
    for table in TABLES:
        if found.clustering[table.name] != table.cluster_by:
            yield ddl.cluster_by(table, namespace)


STEPS = (
    Step(1, "the plain tables", lambda *_: iter(())),
    Step(2, "who created and who changed each row", _audit_columns),
    Step(3, "change data feed, and history kept for longer", _properties),
    Step(4, "clustering by the columns that reads use", _clustering),
)
assert STEPS[-1].number == ddl.VERSION


def look(wh: Warehouse) -> Found:
    """Raises NoTables, and Newer for tables of a later version."""
    columns: dict[str, set[str]] = {}
    names = {f"{wh.namespace.prefix}{table.name}".lower(): table.name for table in TABLES}
    for row in wh.query(*ddl.list_columns(wh.namespace)):
        if name := names.get(row["table_name"].lower()):
            columns.setdefault(name, set()).add(row["column_name"].lower())
    missing = [table.name for table in TABLES if table.name not in columns]
    if missing:
        raise NoTables(f"{', '.join(missing)} not found; run create_tables first.")
    found = Found(
        {name: frozenset(found) for name, found in columns.items()},
        {table.name: _read_properties(wh, table) for table in TABLES},
        {table.name: _read_clustering(wh, table) for table in TABLES},
    )
    if found.version > ddl.VERSION:
        raise Newer(
            f"The tables are of version {found.version}; this CRM knows versions up to "
            f"{ddl.VERSION}. Deploy the CRM that changed them, or a later one."
        )
    return found


def _read_properties(wh: Warehouse, table: Table) -> dict[str, str]:
    rows = wh.query(ddl.show_properties(table, wh.namespace))
    return {row["key"]: row["value"] for row in rows}


def _read_clustering(wh: Warehouse, table: Table) -> tuple[str, ...]:
    rows = wh.query(ddl.describe_detail(table, wh.namespace))
    return tuple(rows[0].get("clusteringColumns") or ())


def plan(wh: Warehouse, to: int, history_days: int) -> list[tuple[Step, list[str]]]:
    """The steps up to ``to`` that are not noted as done, with what each still has to run."""
    found = look(wh)
    return [
        (step, list(step.missing(found, wh.namespace, history_days)))
        for step in STEPS
        if found.version < step.number <= to
    ]


def run(wh: Warehouse, to: int, history_days: int) -> Iterator[Step]:
    """Take the steps, and yield each when it is done and noted. Safe to run again, and
    beside another run."""
    while steps := plan(wh, to, history_days):
        step, _ = steps[0]
        _take(wh, step, history_days)
        values = {ddl.VERSION_PROPERTY: str(step.number)}
        wh.execute(ddl.set_properties(ACCOUNTS, values, wh.namespace), repeatable=True)
        yield step


def _take(wh: Warehouse, step: Step, history_days: int) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        statements = list(step.missing(look(wh), wh.namespace, history_days))
        try:
            for statement in statements:
                wh.execute(statement, repeatable=False)
            return
        except (WriteConflict, StatementFailed, ObjectNotFound) as error:
            meanwhile = isinstance(error, WriteConflict) or error.error_class in _DONE_MEANWHILE
            if not meanwhile or attempt == ATTEMPTS:
                raise
            logger.info("step %d met another run (%s); looking again", step.number, error)
            time.sleep(0.1 * attempt)
