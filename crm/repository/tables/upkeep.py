"""Compact the tables' files, and delete files that no version within the retention needs.

Versions within ``delta.deletedFileRetentionDuration`` (EDIP_HISTORY_DAYS) stay readable, because
VACUUM is called without another period.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from crm.model.own_tables import ALL_TABLES, OWN_TABLES
from crm.model.schema import Table
from crm.repository import _sql
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, PermissionDenied, StatementFailed

from . import figures
from .figures import TableFigures

_OPTIMIZE = "OPTIMIZE {table}"
_VACUUM = "VACUUM {table}"
_DELETED = "numDeletedFiles"


@dataclass(frozen=True)
class Upkeep:
    """The result for a table. ``problem`` is the reason of a failure, else empty; what was done
    before it stays. ``deleted`` counts files; None if the warehouse does not report it."""

    table: Table
    before: TableFigures | None = None
    after: TableFigures | None = None
    deleted: int | None = None
    problem: str = ""
    is_forbidden: bool = False

    @property
    def is_left_out(self) -> bool:
        """Whether the table does not exist, and the CRM works without it."""
        return self.before is None and not self.problem


def tend(wh: Warehouse) -> Iterator[Upkeep]:
    """Compact and clean each table, and yield its result. At most seven statements for each.

    Raises WarehouseError unless the warehouse refuses the statement itself.
    """
    for table in ALL_TABLES:
        try:
            yield _tend(wh, table)
        except PermissionDenied as error:
            yield Upkeep(table, problem=str(error), is_forbidden=True)
        except (ObjectNotFound, StatementFailed) as error:
            yield Upkeep(table, problem=str(error))


def _tend(wh: Warehouse, table: Table) -> Upkeep:
    before = figures.of_table(wh, table)
    if before is None and table in OWN_TABLES:
        return Upkeep(table)
    place = wh.namespace.table(table)
    # Both are safe to repeat: they change no row.
    wh.execute(_sql.render(wh.namespace, _OPTIMIZE, table=place), repeatable=True)
    optimized = figures.last_commit(wh, table)
    wh.execute(_sql.render(wh.namespace, _VACUUM, table=place), repeatable=True)
    vacuumed = figures.last_commit(wh, table)
    deleted: int | None = 0
    if vacuumed["version"] > optimized["version"]:
        metrics = dict(vacuumed["operationMetrics"] or {})
        deleted = int(metrics[_DELETED]) if _DELETED in metrics else None
    return Upkeep(table, before, figures.of_table(wh, table), deleted)
