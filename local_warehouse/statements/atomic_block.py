"""Prepare and run ``BEGIN ATOMIC … END``.

Its statements run one after the other on staged tables (delta/staging.py), so that each sees what
those before it did, and nobody else does. The tables stay held until all is committed. A block
that writes to a table conflicts with every other write to that table since it arrived.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace

from local_warehouse.catalog import properties
from local_warehouse.catalog.objects import Table
from local_warehouse.catalog.securables import Need
from local_warehouse.context import Context
from local_warehouse.delta.staging import Staged, staged
from local_warehouse.delta.transactions import TableCommit
from local_warehouse.errors import concurrent_transaction, metadata_changed
from local_warehouse.result import NOTHING, Result
from local_warehouse.sql import atomic_block
from local_warehouse.sql.names import Catalog
from local_warehouse.sql.policies import is_protected
from local_warehouse.sql.template import engine_name

from . import prepare_write
from .bind import bind
from .query import Query
from .write import Write

CATALOG_MANAGED = "delta.feature.catalogmanaged"


@dataclass(frozen=True)
class Block:
    """A prepared block; ``tables`` are all that it reads or writes."""

    statements: tuple[Query | Write, ...]
    tables: tuple[Table, ...]
    needs: tuple[Need, ...]

    @property
    def targets(self) -> dict[str, Table]:
        """The tables that it writes, by their ids."""
        writes = (each for each in self.statements if isinstance(each, Write))
        return {write.target.id: write.target for write in writes}


def prepare(statements: Iterable[tuple[Query | Write, int]], catalog: Catalog) -> Block:
    """Make a block of statements and the number of unnamed parameters before each.

    Raises SqlError for tables that no transaction may use.
    """
    moved = tuple(
        replace(each, template=atomic_block.after_parameters(each.template, parameters))
        for each, parameters in statements
    )
    needs = tuple(need for each in moved for need in each.needs)
    paths = (need.securable for need in needs if need.securable.kind == "TABLE")
    found = (catalog.find(*securable.path) for securable in paths)
    block = Block(moved, tuple({t.id: t for t in found if t is not None}.values()), needs)
    for table in block.tables:
        if is_protected(table):
            raise atomic_block.refused(
                "ACCESS_DELTA_TABLE_WITH_RLS_CM",
                f"Table {table.full_name} has row filters and/or column masks configured, which "
                "are not supported in a transaction. You can run the statement outside of "
                "transaction block instead.",
            )
    for table in block.targets.values():
        if (properties.value(table, CATALOG_MANAGED) or "").lower() != "supported":
            raise atomic_block.refused(
                "WRITE_NON_CATALOG_MANAGED_TABLE",
                f"Table {table.full_name} does not have the table feature catalogManaged. Only "
                "tables with it can be written in a transaction.",
            )
    return block


def run(block: Block, context: Context) -> Result:
    """Execute and commit a block; return the result of its last statement.

    Raises SqlError, and commits nothing; conflicts have SQLSTATE 2D521.
    """
    commits = context.commits
    seen = {table.id: commits.version(table) for table in block.tables}
    with ExitStack() as stack:
        # One order for all, so that no two statements wait for each other.
        for table in sorted(block.tables, key=lambda table: table.id):
            stack.enter_context(commits.exclusively(table, context.cancellation))
        for table in block.targets.values():
            if commits.version(table) != seen[table.id]:
                raise concurrent_transaction(table.full_name)
        copies = {
            table.id: stack.enter_context(
                staged(
                    table,
                    context.catalog.location(table),
                    seen[table.id],
                    context.parts.folder / "staged",
                    context.engine,
                )
            )
            for table in block.targets.values()
        }
        result = NOTHING
        for statement in block.statements:
            result = _run_one(statement, copies, context)
        _commit([copy for copy in copies.values() if copy.latest()], context)
    return result


def _run_one(statement: Query | Write, copies: dict[str, Staged], context: Context) -> Result:
    names = {engine_name(id): engine_name(copy.id) for id, copy in copies.items()}
    sql = bind(atomic_block.with_names(statement.template, names), context)
    if isinstance(statement, Query):
        return Result(context.engine.run(sql, context.cancellation))
    if statement.target.epoch != statement.epoch:
        raise metadata_changed(statement.target.full_name)
    copy = copies[statement.target.id]
    return prepare_write.execute(statement.counts, sql, copy.location, context)


def _commit(copies: list[Staged], context: Context) -> None:
    """Commit what the copies say to the real tables, which are held."""
    parts = []
    for copy in copies:
        copy.link_new_files(context.catalog.location(copy.table))
        part = TableCommit(
            copy.table.id, copy.version + 1, context.session.user, context.statement_id
        )
        parts.append((part, copy.actions()))
    if parts:
        context.parts.transactions.commit(parts)
