"""Runs every write to the four tables, but refuses to write to tables that a later version of the
CRM changed.

Such tables can still be read, because later versions only add columns. But this version does not
know which values a later version requires in a row.
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
# Whether the tables have the feature that transactions need.
_checked: TTLCache[Hashable, bool] = TTLCache(maxsize=200, ttl=CHECKED_EVERY)


def write(
    wh: Warehouse, sql: str, params: dict[str, Any] | None = None, *, repeatable: bool
) -> int:
    """Run ``wh.execute``. If the tables are of a later version, raise NewerSchema and write
    nothing."""
    _require_known_schema(wh)
    return wh.execute(sql, params, repeatable=repeatable)


def write_block(wh: Warehouse, sql: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a block of statements that is safe to repeat; return its answer. Raises as ``write``."""
    _require_known_schema(wh)
    return wh.execute_and_read(sql, params, repeatable=True)


def has_transactions(wh: Warehouse) -> bool:
    """Return whether the accounts table has the feature that transactions need.

    All tables of the CRM get the feature together. Runs the statement that ``write`` would run,
    and raises what ``write`` raises.
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
    # The key does not contain the identity, because the version is no secret.
    key = wh.cache_key[:2]
    with _lock:
        if key in _checked:
            return
    try:
        found = properties.read(wh, ACCOUNTS)
    except PermissionDenied:
        found = {}  # a person who may not read properties may still be allowed to write
    except ObjectNotFound:
        return  # restore_tables creates the table
    version = _version(found)
    if version > ddl.VERSION:
        raise NewerSchema(version, ddl.VERSION)
    with _lock:
        _checked[key] = _is_catalog_managed(found)


def _version(found: dict[str, str]) -> int:
    """Return the noted version, 0 if there is none."""
    value = found.get(ddl.VERSION_PROPERTY, "")
    return int(value) if value.isdecimal() else 0


def _is_catalog_managed(found: dict[str, str]) -> bool:
    name, value = ddl.CATALOG_MANAGED
    return found.get(name, "").lower() == value
