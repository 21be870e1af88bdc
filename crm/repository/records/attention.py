"""What needs attention: accounts and updates of a few kinds, counted as the lists count them.

Each kind is what a list finds with filters that ``crm/views/_attention.py`` names. An account may
be of several kinds.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crm.model.namespace import Namespace, quoted
from crm.repository import _sql
from crm.repository._sql import Row
from crm.warehouse import Warehouse

from ._children import ACCOUNT_OF_CHILD
from ._platform_status import PARAMS, RECORDED_STATUS

NEVER, STALE, NO_PARTNER, FUTURE = "never", "stale", "no partner", "future"
# Before a status, in the kind of the accounts that have it for too long.
STUCK = "stuck: "
# What the counts can be grouped by: columns of accounts.
GROUPS = ("primary_it_partner", "vp", "business_area")
# The rows of each kind that come along.
SHOWN = 8

# ``flagged`` has a row for each account or update of each kind. ``day`` and ``since`` say since
# when; ``id`` is that of an update.
FLAGGED = """
flagged AS (
  SELECT CASE WHEN w.account_bsnid IS NULL THEN 'never' ELSE 'stale' END AS kind,
    a.bsnid, a.team, a.{by} AS grouped, w.last_update AS day, a.created_at AS since,
    CAST(NULL AS STRING) AS platforms, CAST(NULL AS STRING) AS id
  FROM {accounts} AS a LEFT JOIN (
    SELECT account_bsnid, MAX(date) AS last_update FROM {updates} GROUP BY account_bsnid
  ) AS w ON w.account_bsnid = a.bsnid
  WHERE w.account_bsnid IS NULL OR w.last_update < CAST(:stale_before AS DATE)
  UNION ALL
  SELECT 'no partner', bsnid, team, {by}, CAST(NULL AS DATE), created_at, NULL, NULL
  FROM {accounts} WHERE COALESCE(primary_it_partner, '') = ''
  UNION ALL
  SELECT CONCAT(:stuck, s.status), a.bsnid, a.team, a.{by}, NULL, s.since, s.platforms, NULL
  FROM (
    SELECT r.account_bsnid, r.status, MIN(r.since) AS since, LISTAGG(r.platform, ', ') AS platforms
    FROM recorded_status AS r
    JOIN (
      SELECT l.status, CAST(l.before AS TIMESTAMP) AS before
      FROM (
        SELECT EXPLODE(FROM_JSON(:limits, 'array<struct<status:string,before:string>>')) AS l
      ) AS l
    ) AS l ON l.status = r.status
    WHERE r.since < l.before
    GROUP BY r.account_bsnid, r.status
  ) AS s JOIN {accounts} AS a ON a.bsnid = s.account_bsnid
  UNION ALL
  SELECT 'future', u.account_bsnid, a.team, a.{by}, u.date, NULL, NULL, u.id
  FROM (
    SELECT id, account_bsnid, date FROM {updates} WHERE date >= CAST(:tomorrow AS DATE)
  ) AS u {account_of_child}
)
"""
_SQL = """
WITH {recorded_status}, {flagged}
SELECT kind, grouped, COUNT(*) AS n,
  COLLECT_LIST(
    CASE WHEN place <= :shown THEN STRUCT(bsnid, team, day, since, platforms, id, place) END
  ) AS rows
FROM (
  SELECT kind, bsnid, team, COALESCE(grouped, '') AS grouped, day, since, platforms, id,
    ROW_NUMBER() OVER (
      PARTITION BY kind ORDER BY day NULLS LAST, since NULLS LAST, bsnid, id
    ) AS place
  FROM flagged
) AS f
GROUP BY kind, grouped
"""


@dataclass(frozen=True)
class Limits:
    """When something needs attention.

    :param stale_before: the latest update of an account is older than this day.
    :param status_before: by status, the moment before which it was set.
    :param tomorrow: an update has this day or a later one.
    """

    stale_before: dt.date
    status_before: Mapping[str, dt.datetime]
    tomorrow: dt.date

    @property
    def kinds(self) -> tuple[str, ...]:
        stuck = (STUCK + status for status in self.status_before)
        return (NEVER, STALE, *stuck, NO_PARTNER, FUTURE)


@dataclass(frozen=True)
class Flagged:
    """An account of a kind, or its update ``id``.

    ``day`` is that of the latest or the future update; ``since`` is when the account was created,
    or its ``platforms`` got their status.
    """

    bsnid: str
    team: str | None = None
    day: dt.date | None = None
    since: dt.datetime | None = None
    platforms: str | None = None
    id: str | None = None


@dataclass(frozen=True)
class Attention:
    """By kind, how many each group has; and the first rows, the oldest first."""

    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    rows: Mapping[str, tuple[Flagged, ...]] = field(default_factory=dict)


def flagged(namespace: Namespace, limits: Limits, by: str) -> tuple[str, dict[str, Any]]:
    """Return the CTE ``flagged``, which needs ``recorded_status``, and its parameters."""
    sql = _sql.render(
        namespace,
        FLAGGED,
        by=quoted(by),
        account_of_child=_sql.render(namespace, ACCOUNT_OF_CHILD),
    )
    limited = [
        {"status": status, "before": before.astimezone(dt.UTC).isoformat()}
        for status, before in limits.status_before.items()
    ]
    params = {
        "stale_before": limits.stale_before,
        "tomorrow": limits.tomorrow,
        "stuck": STUCK,
        "limits": json.dumps(limited, ensure_ascii=False),
    }
    return sql, params


def load(wh: Warehouse, limits: Limits, by: str) -> Attention:
    """Return what needs attention, grouped by a column of ``GROUPS``. One statement.

    Raises WarehouseError.
    """
    sql, params = flagged(wh.namespace, limits, by)
    text = _sql.fill(_SQL, recorded_status=_sql.render(wh.namespace, RECORDED_STATUS), flagged=sql)
    return _attention(wh.query(text, {**PARAMS, **params, "shown": SHOWN}))


def _attention(answer: list[Row]) -> Attention:
    counts: dict[str, dict[str, int]] = {}
    rows: dict[str, list[Row]] = {}
    for row in answer:
        counts.setdefault(row["kind"], {})[row["grouped"]] = row["n"]
        rows.setdefault(row["kind"], []).extend(filter(None, row["rows"]))
    names = Flagged.__dataclass_fields__
    return Attention(
        counts,
        {
            kind: tuple(
                Flagged(**{name: row[name] for name in names})
                for row in sorted(of_kind, key=lambda row: row["place"])
            )
            for kind, of_kind in rows.items()
        },
    )
