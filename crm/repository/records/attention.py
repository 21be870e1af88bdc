"""Records that need attention: accounts, use cases and updates of a few kinds, with counts.

Each kind has the records that a list finds with the filters in ``crm/views/_attention.py``. An
account may be of several kinds.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from crm.model import vocabulary
from crm.model.namespace import Namespace, quoted
from crm.repository import _sql
from crm.repository._sql import Row
from crm.repository.tables import notes
from crm.warehouse import Warehouse

from ._children import ACCOUNT_OF_CHILD
from ._platform_status import PARAMS, RECORDED_STATUS
from .account_filter import ALL, AccountFilter

Count = TypeVar("Count")

NEVER, STALE, NO_PARTNER, FUTURE = "never", "stale", "no partner", "future"
ON_HOLD = "on hold"
# The prefix of the kind of accounts that have had a status for too long; the status follows.
STUCK = "stuck: "
# The columns of accounts by which the counts can be grouped.
GROUPS = ("primary_it_partner", "vp", "business_area")
# The number of rows of each kind to return.
SHOWN = 8

# ``flagged`` has a row for each record of each kind. ``day`` or ``since`` is its date; ``id`` is
# the id of an update or a use case, and ``what`` the beginning of its text.
FLAGGED = """
flagged AS (
  SELECT CASE WHEN w.account_bsnid IS NULL THEN 'never' ELSE 'stale' END AS kind,
    a.bsnid, a.team, a.{by} AS grouped, w.last_update AS day, a.created_at AS since,
    CAST(NULL AS STRING) AS platforms, CAST(NULL AS STRING) AS id, CAST(NULL AS STRING) AS what
  FROM {accounts} AS a LEFT JOIN (
    SELECT account_bsnid, MAX(date) AS last_update FROM {updates} GROUP BY account_bsnid
  ) AS w ON w.account_bsnid = a.bsnid {of_account}
  WHERE w.account_bsnid IS NULL OR w.last_update < CAST(:stale_before AS DATE)
  UNION ALL
  SELECT 'no partner', a.bsnid, a.team, a.{by}, CAST(NULL AS DATE), a.created_at, NULL, NULL, NULL
  FROM {accounts} AS a {of_account} WHERE COALESCE(a.primary_it_partner, '') = ''
  {stuck}
  UNION ALL
  SELECT 'future', u.account_bsnid, {of_child}, u.date, NULL, NULL, u.id, u.what
  FROM (
    SELECT id, account_bsnid, date, SUBSTRING(description, 1, 100) AS what
    FROM {updates} WHERE date >= CAST(:tomorrow AS DATE)
  ) AS u {account_of_child} {chosen}
  {on_hold}
)
"""
# The moment by status from ``Limits``.
STATUS_LIMITS = """(
  SELECT l.status, CAST(l.before AS TIMESTAMP) AS before
  FROM (
    SELECT EXPLODE(FROM_JSON(:limits, 'array<struct<status:string,before:string>>')) AS l
  ) AS l
)"""
_STUCK = """
  UNION ALL
  SELECT CONCAT(:stuck, s.status), a.bsnid, a.team, a.{by}, NULL, s.since, s.platforms, NULL, NULL
  FROM (
    SELECT r.account_bsnid, r.status, MIN(r.since) AS since, LISTAGG(r.platform, ', ') AS platforms
    FROM recorded_status AS r
    JOIN {limits} AS l ON l.status = r.status
    WHERE r.since < l.before
    GROUP BY r.account_bsnid, r.status
  ) AS s JOIN {accounts} AS a ON a.bsnid = s.account_bsnid {of_account}
"""
_ON_HOLD = """
  UNION ALL
  SELECT 'on hold', u.account_bsnid, {of_child}, NULL, u.updated_at, NULL, u.id, u.what
  FROM (
    SELECT c.id, c.account_bsnid, c.updated_at, SUBSTRING(c.problem, 1, 100) AS what
    FROM {use_cases} AS c {reasons}
    WHERE c.status = :on_hold AND COALESCE(o.reason, '') = ''
  ) AS u {account_of_child} {chosen}
"""
_SQL = """
WITH {recorded_status}, {flagged}
SELECT kind, grouped, COUNT(*) AS n,
  COLLECT_LIST(
    CASE WHEN place <= :shown THEN STRUCT(bsnid, team, day, since, platforms, id, what, place) END
  ) AS rows
FROM (
  SELECT kind, bsnid, team, COALESCE(grouped, '') AS grouped, day, since, platforms, id, what,
    ROW_NUMBER() OVER (
      PARTITION BY kind ORDER BY day NULLS LAST, since NULLS LAST, bsnid, id
    ) AS place
  FROM flagged
) AS f
GROUP BY kind, grouped
"""


@dataclass(frozen=True)
class Limits:
    """The limits from which on a record needs attention.

    :param stale_before: the day from which on an account's latest update is recent enough.
    :param status_before: by status, the moment from which on its setting is recent enough.
    :param tomorrow: the first day that is in the future for an update.
    """

    stale_before: dt.date
    status_before: Mapping[str, dt.datetime]
    tomorrow: dt.date


@dataclass(frozen=True)
class Flagged:
    """An account of a kind, or its update or use case ``id``; ``what`` is the beginning of its
    text.

    ``day`` is the day of the latest or the future update. ``since`` is the moment when the account
    was created, its ``platforms`` got their status, or the use case changed.
    """

    bsnid: str
    team: str | None = None
    day: dt.date | None = None
    since: dt.datetime | None = None
    platforms: str | None = None
    id: str | None = None
    what: str | None = None


@dataclass(frozen=True)
class Attention:
    """By kind, the number in each group, and the first rows, the oldest first.

    If the reasons of statuses cannot be read, ``counts`` has no ``ON_HOLD``.
    """

    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    rows: Mapping[str, tuple[Flagged, ...]] = field(default_factory=dict)


def flagged(
    namespace: Namespace,
    limits: Limits,
    by: str = "",
    accounts: AccountFilter = ALL,
    *,
    has_notes: bool,
    has_stuck: bool = True,
) -> tuple[str, dict[str, Any]]:
    """Return the CTE ``flagged`` and its parameters.

    :param by: the column to group by; without one, children have no team.
    :param accounts: the filter of accounts.
    :param has_notes: whether the reasons of statuses can be read. ``ON_HOLD`` needs them.
    :param has_stuck: whether to find accounts that have had a status for too long, which needs
        ``recorded_status``.
    """
    column = quoted(by) if by else "bsnid"
    parts = {
        "by": column,
        "of_account": accounts.only("a.bsnid", namespace),
        "of_child": f"a.team, a.{column}" if by else "CAST(NULL AS STRING), CAST(NULL AS STRING)",
        "account_of_child": _sql.render(namespace, ACCOUNT_OF_CHILD) if by else "",
        "chosen": accounts.only("u.account_bsnid", namespace),
        "limits": STATUS_LIMITS,
        "reasons": notes.reasons(namespace, "c", has_notes=has_notes)[1],
    }
    stuck = _sql.render(namespace, _STUCK, **parts) if has_stuck else ""
    on_hold = _sql.render(namespace, _ON_HOLD, **parts) if has_notes else ""
    sql = _sql.render(namespace, FLAGGED, stuck=stuck, on_hold=on_hold, **parts)
    params = {
        **accounts.params,
        **({"on_hold": vocabulary.ON_HOLD} if has_notes else {}),
        "stale_before": limits.stale_before,
        "tomorrow": limits.tomorrow,
        **({"stuck": STUCK} if has_stuck else {}),
        "limits": _status_limits(limits),
    }
    return sql, params


def _status_limits(limits: Limits) -> str:
    limited = [
        {"status": status, "before": before.astimezone(dt.UTC).isoformat()}
        for status, before in limits.status_before.items()
    ]
    return json.dumps(limited, ensure_ascii=False)


def load(wh: Warehouse, limits: Limits, by: str, accounts: AccountFilter = ALL) -> Attention:
    """Return the records of these accounts that need attention, grouped by a column of ``GROUPS``.

    One statement. Raises WarehouseError.
    """

    def read(has_notes: bool) -> Attention:
        sql, params = flagged(wh.namespace, limits, by, accounts, has_notes=has_notes)
        statuses = _sql.render(wh.namespace, RECORDED_STATUS)
        text = _sql.fill(_SQL, recorded_status=statuses, flagged=sql)
        found = _attention(wh.query(text, {**PARAMS, **params, "shown": SHOWN}))
        return replace(found, counts=with_reasons(found.counts, {}, has_notes))

    return notes.read(wh, read)


def with_reasons(counts: Mapping[str, Count], none: Count, has_notes: bool) -> Mapping[str, Count]:
    """Return the counts by kind; with notes ``ON_HOLD`` is always present, at least as
    ``none``."""
    return {ON_HOLD: none, **counts} if has_notes else counts


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
