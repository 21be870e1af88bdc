"""The weekly growth of adoption, updates and use cases, in one statement.

The number of accounts with a status at the end of an earlier week is computed from today's counts
and the changes in the feed of platform statuses since then. If a row filter or a mask blocks the
feed, there are no earlier counts.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from crm.model.namespace import PastNamespace, quoted
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS
from crm.model.vocabulary import COMPLETED, REQUESTED
from crm.repository import _sql, versions
from crm.repository._sql import Row
from crm.repository.records._platform_status import PARAMS, RECORDED_STATUS
from crm.repository.tables import change_feed
from crm.repository.versions import Commit
from crm.warehouse import Warehouse
from crm.warehouse.errors import StatementFailed

GROUPS = ("business_area", "vp", "primary_it_partner")
WEEK = dt.timedelta(weeks=1)

# Orphans and statuses without a platform are not counted, as on the overview.
_NOW = """
SELECT 'status' AS name, COALESCE(a.{by}, '') AS value, s.platform, s.status,
  CAST(NULL AS BIGINT) AS week, COUNT(*) AS n, CAST(NULL AS DOUBLE) AS days
FROM recorded_status AS s JOIN {accounts} AS a ON a.bsnid = s.account_bsnid
GROUP BY 2, 3, 4
UNION ALL
SELECT 'accounts', COALESCE({by}, ''), '', '', NULL, COUNT(*), NULL FROM {accounts} GROUP BY 2
UNION ALL
SELECT 'updates', '', '', '', week, COUNT(*), NULL
FROM (
  SELECT CAST(FLOOR(DATEDIFF(date, CAST(:first_day AS DATE)) / 7) AS BIGINT) AS week
  FROM {updates} WHERE date >= :first_day AND date < :end_day
) AS u GROUP BY week
UNION ALL
SELECT 'use cases', '', '', '', week, COUNT(*), NULL
FROM (SELECT {week_of_creation} AS week FROM {use_cases} WHERE created_at >= :first) AS c
GROUP BY week
"""
_CHANGES = """
UNION ALL
SELECT 'change', '', platform, status, week, SUM(n), NULL
FROM (
  SELECT platform, {status} AS status, {week_of_commit} AS week,
    CASE WHEN _change_type IN ('insert', 'update_postimage') THEN 1 ELSE -1 END AS n
  FROM {feed} WHERE _commit_version > :version AND platform <> ''
) AS f
GROUP BY platform, status, week HAVING SUM(n) <> 0
UNION ALL
SELECT 'lead time', '', platform, '', NULL, COUNT(*), MEDIAN(seconds / 86400)
FROM (
  SELECT platform, MAX_BY(status, version) AS latest,
    MIN(CASE WHEN status = :completed THEN at END)
      - MIN(CASE WHEN status = :requested THEN at END) AS seconds
  FROM (
    SELECT {key} AS key, platform, status, _commit_version AS version,
      UNIX_SECONDS(_commit_timestamp) AS at
    FROM {feed}
    WHERE _commit_version > :version AND platform <> ''
      AND _change_type IN ('insert', 'update_postimage')
  ) AS r
  GROUP BY key, platform
) AS r
WHERE seconds >= 0 AND latest = :completed GROUP BY platform
"""
_STATUS = "COALESCE(NULLIF(status, ''), CAST(:not_started AS STRING))"
_WEEK_OF = "CAST(FLOOR((UNIX_SECONDS({moment}) - UNIX_SECONDS(:first)) / 604800) AS BIGINT)"

Statuses = Mapping[str, Counter[str]]


@dataclass
class Group:
    """The accounts of one business area, VP or IT partner; ``statuses`` as in Trends."""

    value: str
    accounts: int = 0
    statuses: dict[str, Counter[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class LeadTime:
    """The median number of days from Requested to Completed, and the number of onboardings."""

    count: int
    days: float


@dataclass(frozen=True)
class Trends:
    """The figures of the last weeks, oldest first.

    :param weeks: the Mondays on which the weeks begin, in the reader's zone.
    :param statuses: for each week, by platform, the number of accounts with each status at its
        end. None if unknown: before the feed begins, or without a feed.
    :param is_refused: whether a row filter or a mask prevents reading the feed.
    """

    weeks: tuple[dt.datetime, ...]
    groups: tuple[Group, ...]
    statuses: tuple[Statuses | None, ...]
    updates: tuple[int, ...]
    use_cases: tuple[int, ...]
    lead_times: Mapping[str, LeadTime]
    is_refused: bool


def load(wh: Warehouse, by: str, weeks: tuple[dt.datetime, ...]) -> Trends:
    """Return the figures; the last week is the present one. ``by`` is one of ``GROUPS``.

    One statement, and one per table if Delta's history was not read for an hour. Raises
    WarehouseError.
    """
    present = wh.at(wh.namespace.present)
    try:
        commits = versions.known(present).commits[PLATFORMS_STATUS]
        return change_feed.read(
            present, lambda starts: _read(wh, by, weeks, commits, starts[PLATFORMS_STATUS.name])
        )
    except StatementFailed as error:
        if not error.is_refused_by_policy:
            raise
        return _trends(weeks, _query(wh, by, weeks), None)


def _read(
    wh: Warehouse,
    by: str,
    weeks: tuple[dt.datetime, ...],
    commits: tuple[Commit, ...],
    first: int,
) -> Trends:
    known = next((c for c in commits if c.version >= first), commits[-1])
    earlier = (c.version for c in commits if c.moment < weeks[0])
    then = max(known.version if known.version else -1, max(earlier, default=-1))
    latest = _latest(wh, commits)
    start = max(first, min(then + 1, latest))
    parts = {
        "feed": wh.namespace.change_feed(PLATFORMS_STATUS, start),
        "key": quoted(PLATFORMS_STATUS.key),
        "status": _STATUS,
        "week_of_commit": _sql.fill(_WEEK_OF, moment="_commit_timestamp"),
    }
    params = {"version": then, "completed": COMPLETED, "requested": REQUESTED}
    rows = _query(wh, by, weeks, _sql.fill(_CHANGES, **parts), params)
    return _trends(weeks, rows, known.moment)


def _latest(wh: Warehouse, commits: tuple[Commit, ...]) -> int:
    if isinstance(wh.namespace, PastNamespace):
        return dict(wh.namespace.versions)[PLATFORMS_STATUS.name]
    return commits[-1].version


def _query(
    wh: Warehouse,
    by: str,
    weeks: tuple[dt.datetime, ...],
    changes: str = "",
    params: Mapping[str, object] | None = None,
) -> list[Row]:
    assert by in GROUPS
    week_of_creation = _sql.fill(_WEEK_OF, moment="created_at")
    parts = {"by": quoted(ACCOUNTS.column(by).name), "week_of_creation": week_of_creation}
    sql = f"WITH {RECORDED_STATUS}" + _NOW
    days = {"first_day": weeks[0].date(), "end_day": (weeks[-1] + WEEK).date()}
    text = _sql.render(wh.namespace, sql, **parts) + changes
    return wh.query(text, {**PARAMS, **days, "first": weeks[0], **(params or {})})


def _trends(weeks: tuple[dt.datetime, ...], rows: list[Row], known: dt.datetime | None) -> Trends:
    groups = _groups(rows)
    leads = (row for row in rows if row["name"] == "lead time")
    return Trends(
        weeks=weeks,
        groups=groups,
        statuses=tuple(_backwards(weeks, groups, rows, known)),
        updates=_by_week(rows, "updates", len(weeks)),
        use_cases=_by_week(rows, "use cases", len(weeks)),
        lead_times={row["platform"]: LeadTime(row["n"], round(row["days"], 1)) for row in leads},
        is_refused=known is None,
    )


def _groups(rows: list[Row]) -> tuple[Group, ...]:
    found: dict[str, Group] = {}
    for row in rows:
        if row["name"] in ("accounts", "status"):
            group = found.setdefault(row["value"], Group(row["value"]))
            if row["name"] == "accounts":
                group.accounts = row["n"]
            else:
                group.statuses.setdefault(row["platform"], Counter())[row["status"]] += row["n"]
    return tuple(sorted(found.values(), key=lambda g: (not g.value, g.value.lower(), g.value)))


def _by_week(rows: list[Row], name: str, weeks: int) -> tuple[int, ...]:
    found = {row["week"]: row["n"] for row in rows if row["name"] == name}
    return tuple(found.get(week, 0) for week in range(weeks))


def _backwards(
    weeks: tuple[dt.datetime, ...],
    groups: tuple[Group, ...],
    rows: list[Row],
    known: dt.datetime | None,
) -> Iterator[Statuses | None]:
    """Yield the counts at the end of each week: today's counts minus the changes since."""
    changes: dict[int, list[Row]] = {}
    for row in rows:
        if row["name"] == "change":
            changes.setdefault(row["week"], []).append(row)
    for number, week in enumerate(weeks):
        is_now = number == len(weeks) - 1
        if is_now or (known is not None and known < week + WEEK):
            later = (row for n, of_week in changes.items() if n > number for row in of_week)
            yield _without(groups, later)
        else:
            yield None


def _without(groups: tuple[Group, ...], changes: Iterator[Row]) -> Statuses:
    found: dict[str, Counter[str]] = {}
    for group in groups:
        for platform, counts in group.statuses.items():
            found.setdefault(platform, Counter()).update(counts)
    for row in changes:
        found.setdefault(row["platform"], Counter())[row["status"]] -= row["n"]
    return found
