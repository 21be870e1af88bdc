"""The way of every write to the four tables: never into a schema that a later version made.

Reading goes on there, since later versions add rather than take away; but what a later version
relies on in what is written, this one cannot know.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from crm.model.namespace import Namespace
from crm.model.schema import ACCOUNTS
from crm.warehouse import Warehouse
from crm.warehouse.config import WarehouseConfig
from crm.warehouse.errors import ObjectNotFound, PermissionDenied

from . import ddl
from .errors import NewerSchema

# One statement before a process's first write, and then every ten minutes.
REMEMBERED = 600.0

_lock = threading.Lock()
_known: dict[tuple[WarehouseConfig, Namespace], float] = {}


def write(
    wh: Warehouse, sql: str, params: dict[str, Any] | None = None, *, repeatable: bool
) -> int:
    """``wh.execute``; raises NewerSchema instead, where the tables are of a later version."""
    _require_known_schema(wh)
    return wh.execute(sql, params, repeatable=repeatable)


def forget_all() -> None:
    with _lock:
        _known.clear()


def _require_known_schema(wh: Warehouse) -> None:
    key = (wh.pools.config, wh.namespace)
    with _lock:
        checked = _known.get(key)
    if checked is not None and time.monotonic() - checked < REMEMBERED:
        return
    try:
        version = _version(wh)
    except PermissionDenied:
        version = 0  # whoever may not look into properties may still be allowed to write
    except ObjectNotFound:
        return  # what there is not yet, nobody has made newer; restore makes it anew
    if version > ddl.VERSION:
        raise NewerSchema(f"version {version}; version {ddl.VERSION} is known")
    with _lock:
        _known[key] = time.monotonic()


def _version(wh: Warehouse) -> int:
    for row in wh.query(ddl.show_properties(ACCOUNTS, wh.namespace)):
        if row["key"] == ddl.VERSION_PROPERTY and row["value"].isdecimal():
            return int(row["value"])
    return 0
