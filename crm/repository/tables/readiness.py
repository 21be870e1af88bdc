"""Find out whether the tables can be used, for /readyz, which is asked every few seconds."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass

from cachetools import TTLCache

from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository import _sql, ddl
from crm.warehouse import Warehouse
from crm.warehouse.errors import ColumnNotFound, ObjectNotFound, PermissionDenied

from . import privileges

# Seconds for which a process remembers that the tables can be used, and that they cannot.
REMEMBERED, REMEMBERED_FAILURE = 60.0, 5.0

_READ = "SELECT COUNT(*) AS n FROM (SELECT {columns} FROM {table} WHERE FALSE) AS t"

_lock = threading.Lock()
_known: TTLCache[Hashable, Readiness] = TTLCache(maxsize=200, ttl=REMEMBERED)
_failed: TTLCache[Hashable, Readiness] = TTLCache(maxsize=200, ttl=REMEMBERED_FAILURE)


@dataclass(frozen=True)
class Readiness:
    """``text`` says why the tables cannot be used, or what is limited; it names no data."""

    is_ready: bool
    text: str


def check(wh: Warehouse) -> Readiness:
    """Return whether the tables exist, in this CRM's version, with the rights to use them.

    Three statements, and none while the answer is remembered. Raises WarehouseError where
    the warehouse does not answer.
    """
    with _lock:
        known = _known.get(wh.cache_key) or _failed.get(wh.cache_key)
    if known is None:
        known = _check(wh)
        with _lock:
            (_known if known.is_ready else _failed)[wh.cache_key] = known
    return known


def _check(wh: Warehouse) -> Readiness:
    try:
        version = _version(wh)
        if version is not None and version < ddl.VERSION:
            text = f"the tables are of version {version}, not {ddl.VERSION}: run set_up"
            return Readiness(False, text)
        wh.query(" UNION ALL ".join(_read(wh, table) for table in TABLES))
        may_write = privileges.may_write(wh)
    except ObjectNotFound:
        return Readiness(False, "tables are missing: run set_up")
    except ColumnNotFound:
        return Readiness(False, "a column is missing: run set_up")
    except PermissionDenied:
        return Readiness(False, "the right to read the tables is missing: run print_grants")
    if version is not None and version > ddl.VERSION:
        return Readiness(True, f"read only: the tables are of version {version}")
    return Readiness(True, "" if may_write else "read only: no right to change the tables")


def _version(wh: Warehouse) -> int | None:
    """Return the version of the tables, None if the person may not know it."""
    try:
        rows = wh.query(ddl.show_properties(ACCOUNTS, wh.namespace))
    except PermissionDenied:
        return None
    noted = {row["key"]: row["value"] for row in rows}.get(ddl.VERSION_PROPERTY, "")
    return int(noted) if noted.isdecimal() else 1


def _read(wh: Warehouse, table: Table) -> str:
    """Return a query that reads all columns and no row."""
    columns = _sql.names(column.name for column in table.stored_columns)
    return _sql.render(wh.namespace, _READ, columns=columns, table=wh.namespace.table(table))
