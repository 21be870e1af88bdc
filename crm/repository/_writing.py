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

from crm.model.schema import ACCOUNTS
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, PermissionDenied

from . import ddl
from .errors import NewerSchema

# Seconds. A process checks the version before its first write, and then every ten minutes.
CHECKED_EVERY = 600.0

_lock = threading.Lock()
_checked: TTLCache[Hashable, bool] = TTLCache(maxsize=200, ttl=CHECKED_EVERY)


def write(
    wh: Warehouse, sql: str, params: dict[str, Any] | None = None, *, repeatable: bool
) -> int:
    """Run ``wh.execute``. Raises NewerSchema, and writes nothing, if the tables are newer."""
    _require_known_schema(wh)
    return wh.execute(sql, params, repeatable=repeatable)


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
        version = _version(wh)
    except PermissionDenied:
        version = 0  # a person who may not read properties may still be allowed to write
    except ObjectNotFound:
        return  # restore_tables creates the table anew
    if version > ddl.VERSION:
        raise NewerSchema(version, ddl.VERSION)
    with _lock:
        _checked[key] = True


def _version(wh: Warehouse) -> int:
    """Return 0 where no version is noted."""
    for row in wh.query(ddl.show_properties(ACCOUNTS, wh.namespace)):
        if row["key"] == ddl.VERSION_PROPERTY and row["value"].isdecimal():
            return int(row["value"])
    return 0
