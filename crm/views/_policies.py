"""The policies of the tables that a change of many rows, or an undo, meets with every sign-in.

Under a shared sign-in a person's own rights know of no policy, but the app's sign-in may meet one.
A form of one record need not ask: it sends only what somebody typed.
"""

from __future__ import annotations

from collections.abc import Iterable

from crm.identity import rights
from crm.model.schema import PLATFORMS_STATUS, TABLES, Table
from crm.request import Request
from crm.warehouse.errors import WarehouseError


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
