"""The figures of the status page: the tables, and the cost of the CRM's statements."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.utils import timezone

from crm.model.namespace import Namespace
from crm.repository.tables import backups, figures
from crm.repository.tables.backups import Backup
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, WarehouseError

from ._failures import failure_of

Found = TypeVar("Found")


def context(wh: Warehouse) -> dict[str, Any]:
    """Return the figures; a part that cannot be read has the reason instead."""
    now = timezone.now()
    midnight = dt.datetime.combine(now.date(), dt.time(), dt.UTC)
    reasons: dict[str, str] = {}

    def read(name: str, load: Callable[[], Found]) -> Found | None:
        try:
            return load()
        except WarehouseError as error:
            reasons[name] = failure_of(error).title
            return None

    made = read("backups", lambda: _backups(wh))
    return {
        "tables": read("tables", lambda: figures.of_tables(wh)),
        "cost": read("history", lambda: figures.cost_since(wh, midnight)),
        "checked_at": read("history", lambda: figures.last_check(wh, now)),
        "backup": made[0] if made else None,
        "reasons": reasons,
    }


def _backups(wh: Warehouse) -> list[Backup]:
    try:
        return backups.list_backups(wh, backup_home(wh.namespace))
    except ObjectNotFound:
        return []  # the first backup creates the table that lists them


def backup_home(namespace: Namespace) -> Namespace:
    """Return the schema in which the command ``backup`` creates its clones."""
    name = settings.EDIP_BACKUP_SCHEMA or f"{namespace.schema}_backups"
    catalog, _, schema = name.rpartition(".")
    return Namespace(catalog or namespace.catalog, schema, namespace.prefix)
