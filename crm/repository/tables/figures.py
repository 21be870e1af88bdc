"""Figures for the status page: the size of the tables, and the cost of this CRM's statements.

The statements are found in ``system.query.history`` by their query tags.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from crm.model.own_tables import ALL_TABLES
from crm.model.schema import Table
from crm.repository import _sql, ddl
from crm.repository._sql import Row
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound
from crm.warehouse.usage import APP

_TODAY = """
SELECT statement_id, start_time, total_duration_ms, query_tags['page'] AS page,
  COUNT(*) OVER () AS statements, SUM(total_duration_ms) OVER () AS milliseconds
FROM system.query.history
WHERE query_tags['app'] = :app AND CONTAINS(statement_text, :place) AND start_time >= :since
ORDER BY total_duration_ms DESC NULLS LAST LIMIT 10
"""
# The page and the command that run checks; their reads of rights do not count as checks.
_LAST_CHECK = """
SELECT MAX(end_time) AS ended FROM system.query.history
WHERE query_tags['app'] = :app AND query_tags['page'] IN ('integrity', 'check_integrity')
  AND CONTAINS(statement_text, :place) AND start_time >= :since
  AND execution_status = 'FINISHED' AND statement_type IN ('SELECT', 'WITH')
"""
_CHECKS_SOUGHT = dt.timedelta(days=90)


@dataclass(frozen=True)
class TableFigures:
    """The figures of a table. ``kept`` is its retention of old versions, as in its properties."""

    table: Table
    files: int
    bytes: int
    version: int
    changed_at: dt.datetime
    kept: str


@dataclass(frozen=True)
class Cost:
    """The statements of a day: their number, their total seconds, and the slowest ones."""

    statements: int
    seconds: float
    slowest: tuple[Row, ...]


def of_tables(wh: Warehouse) -> list[TableFigures]:
    """Return the figures of each table that exists: two statements for each."""
    return [found for table in ALL_TABLES if (found := of_table(wh, table))]


def of_table(wh: Warehouse, table: Table) -> TableFigures | None:
    """Return the figures of a table; None if it does not exist. Two statements."""
    try:
        (detail,) = wh.query(ddl.describe_detail(table, wh.namespace))
        commit = last_commit(wh, table)
    except ObjectNotFound:
        return None
    properties: Mapping[str, str] = dict(detail["properties"] or {})
    return TableFigures(
        table,
        detail["numFiles"],
        detail["sizeInBytes"],
        commit["version"],
        commit["timestamp"],
        properties.get("delta.deletedFileRetentionDuration", "interval 7 days")
        .removeprefix("interval ")
        .lower(),
    )


def last_commit(wh: Warehouse, table: Table) -> Row:
    """Return the latest version in the table's history. Raises ObjectNotFound."""
    place = wh.namespace.table(table)
    (commit,) = wh.query(_sql.render(wh.namespace, _sql.NEWEST_COMMIT, table=place))
    return commit


def cost_since(wh: Warehouse, since: dt.datetime) -> Cost:
    """Return the cost of the statements on these tables since then."""
    rows = wh.query(_TODAY, _found_by(wh, since))
    first = rows[0] if rows else {"statements": 0, "milliseconds": 0}
    return Cost(first["statements"], (first["milliseconds"] or 0) / 1000, tuple(rows))


def last_check(wh: Warehouse, now: dt.datetime) -> dt.datetime | None:
    """Return when the integrity of the tables was last checked; None if not for 90 days."""
    (row,) = wh.query(_LAST_CHECK, _found_by(wh, now - _CHECKS_SOUGHT))
    ended: dt.datetime | None = row["ended"]
    return ended


def _found_by(wh: Warehouse, since: dt.datetime) -> dict[str, object]:
    return {"app": APP, "place": wh.namespace.quoted_schema, "since": since}
