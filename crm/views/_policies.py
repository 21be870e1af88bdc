"""The columns that policies mask and the tables that row filters protect, with every sign-in.

Changes of many rows and undos ask here. ``request.person`` knows of no policy under a shared
sign-in, although that sign-in may meet some. A form of one record need not ask: it sends only what
somebody typed.
"""

from __future__ import annotations

from collections.abc import Iterable

from crm.identity import rights
from crm.model.schema import PLATFORMS_STATUS, TABLES, Table
from crm.request import Request
from crm.warehouse.errors import WarehouseError

from ._wording import NO_UNDO


def masked(request: Request, table: Table) -> frozenset[str]:
    """Return the table's columns that a policy masks: no change of many rows writes them."""
    return rights.masked_columns(request.warehouse).get(table.name, frozenset())


def masks_statuses(request: Request) -> bool:
    """Return whether a policy masks a column that setting a status needs."""
    return not masked(request, PLATFORMS_STATUS).isdisjoint({"platform", "status"})


def filtered(request: Request, tables: Iterable[Table]) -> list[Table]:
    """Return those of the tables in which a row filter may hide rows; none if that is unknown."""
    try:
        names = rights.filtered_tables(request.warehouse)
    except WarehouseError:
        return []
    return [table for table in tables if table.name in names]


def is_undoable(request: Request, tables: Iterable[Table] = TABLES) -> bool:
    """Return False if row filters or masks prevent the app from reading these tables' past."""
    wh = request.warehouse
    try:
        protected = rights.masked_columns(wh).keys() | rights.filtered_tables(wh)
    except WarehouseError:
        return True
    return protected.isdisjoint(table.name for table in tables)


def no_undo(request: Request) -> str:
    """Say before a change that it cannot be undone here; empty if it can."""
    return "" if is_undoable(request) else NO_UNDO
