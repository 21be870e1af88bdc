"""Runs every write to the four tables, but refuses to write to tables that a later version of the
CRM changed.

Such tables can still be read, because later versions only add columns. But this version does not
know what values a later one requires in a row.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Any

from cachetools import TTLCache

from crm.model.schema import ACCOUNTS, Table
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, PermissionDenied

from . import ddl, properties
from .errors import NewerSchema

# Seconds. A process checks the version before its first write, and then every ten minutes.
CHECKED_EVERY = 600.0

_lock = threading.Lock()
# Whether the tables can be in transactions.
_checked: TTLCache[Hashable, bool] = TTLCache(maxsize=200, ttl=CHECKED_EVERY)


def write(
    wh: Warehouse, sql: str, params: dict[str, Any] | None = None, *, repeatable: bool
) -> int:
    """Run ``wh.execute``. Raises NewerSchema, and writes nothing, if the tables are newer."""
    _require_known_schema(wh)
    return wh.execute(sql, params, repeatable=repeatable)


def write_block(wh: Warehouse, sql: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    """Run statements that are safe to repeat as one, and return its answer. Raises as write."""
    _require_known_schema(wh)
    return wh.execute_and_read(sql, params, repeatable=True)


def has_transactions(wh: Warehouse) -> bool:
    """Return whether the accounts table, and so all tables of the CRM, can be in transactions.

    Runs the statement that ``write`` would run. Raises as ``write`` does.
    """
    _require_known_schema(wh)
    with _lock:
        return _checked.get(wh.cache_key[:2], False)


def is_catalog_managed(wh: Warehouse, table: Table) -> bool:
    """Return whether the table has the feature that transactions need. One statement."""
    return _is_catalog_managed(properties.read(wh, table))


def forget_all() -> None:
    with _lock:
        _checked.clear()


def _require_known_schema(wh: Warehouse) -> None:
    # The key leaves the identity out: the version is no secret.
    key = wh.cache_key[:2]
    with _lock:
        if key in _checked:
            return
    try:
        found = properties.read(wh, ACCOUNTS)
    except PermissionDenied:
        found = {}  # a person who may not read properties may still be allowed to write
    except ObjectNotFound:
        return  # restore_tables creates the table anew
    version = _version(found)
    if version > ddl.VERSION:
        raise NewerSchema(version, ddl.VERSION)
    with _lock:
        _checked[key] = _is_catalog_managed(found)


def _version(found: dict[str, str]) -> int:
    """Return 0 where no version is noted."""
    value = found.get(ddl.VERSION_PROPERTY, "")
    return int(value) if value.isdecimal() else 0


def _is_catalog_managed(found: dict[str, str]) -> bool:
    name, value = ddl.CATALOG_MANAGED
    return found.get(name, "").lower() == value
