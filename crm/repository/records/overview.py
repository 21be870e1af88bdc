from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from crm.model import vocabulary
from crm.model.records import Facet, Overview, Update
from crm.model.schema import UPDATES
from crm.model.vocabulary import NOT_STARTED
from crm.repository import _sql
from crm.repository._sql import Row
from crm.repository.tables import notes
from crm.warehouse import Warehouse

from . import _newest, attention
from ._platform_status import PARAMS, RECORDED_STATUS
from .attention import Limits

# The statuses of use cases in progress.
ACTIVE = ("Active", "In Progress")
LATEST_UPDATES = 8
RECENT = dt.timedelta(days=30)

# The statuses of an account become one text of words: platform and status, and the status alone if
# it has had that for too long on any platform. So statuses are read once for both figures, and
# equal texts are counted before they are split. A platform that occurs only in rows without an
# account also counts, with 0 accounts.
_COUNTED_WORDS = """
  SELECT EXPLODE(ARRAY_DISTINCT(SPLIT(words, '{between}'))) AS word, n
  FROM (
    SELECT s.words, COUNT(a.bsnid) AS n
    FROM (
      SELECT r.account_bsnid, LISTAGG(
        CONCAT(r.platform, '{within}', r.status,
          CASE WHEN r.since < l.before THEN CONCAT('{between}{within}', r.status) ELSE '' END),
        '{between}'
      ) AS words
      FROM recorded_status AS r LEFT JOIN {limits} AS l ON l.status = r.status
      GROUP BY r.account_bsnid
    ) AS s LEFT JOIN {accounts} AS a ON a.bsnid = s.account_bsnid
    GROUP BY s.words
  ) AS c
"""
_BETWEEN, _WITHIN = "\x1e", "\x1f"
_SQL = """
WITH {recorded_status},
{flagged},
latest AS (
  SELECT u.*, ROW_NUMBER() OVER (ORDER BY date DESC NULLS LAST) AS rn
  FROM (
    SELECT {columns} FROM {updates} WHERE {is_new}
    ORDER BY date DESC NULLS LAST, created_at DESC NULLS LAST, id LIMIT :latest
  ) AS u
),
counts AS (
  SELECT 'statuses' AS name, word AS value, SUM(n) AS n FROM ({counted_words}) AS w GROUP BY word
  UNION ALL
  SELECT CASE WHEN status IS NULL THEN 'tier' ELSE 'pipeline' END,
    COALESCE(status, tier), COUNT(*)
  FROM (
    SELECT COALESCE(status, '') AS status, COALESCE(enablement_tier, '') AS tier
    FROM {use_cases}
  ) AS c
  GROUP BY GROUPING SETS ((status), (tier))
  UNION ALL
  SELECT 'area', COALESCE(business_area, ''), COUNT(*) FROM {accounts} GROUP BY 2
  UNION ALL
  SELECT 'updates', '', COUNT(*) FROM {updates} WHERE date > :since
  UNION ALL
  SELECT 'attention', kind, COUNT(*) FROM flagged GROUP BY kind
)
SELECT
  (SELECT COLLECT_LIST(STRUCT(c.*)) FROM counts AS c) AS counts,
  (SELECT COLLECT_LIST(STRUCT(l.*)) FROM (
    SELECT u.rn, {update}, MAX(a.team) AS team
    FROM latest AS u LEFT JOIN {accounts} AS a ON a.bsnid = u.account_bsnid
    GROUP BY u.rn
  ) AS l) AS updates
"""


def load(wh: Warehouse, limits: Limits) -> Overview:
    """Return the start page's figures. One statement. Raises WarehouseError.

    ``limits`` define which records need attention.
    """
    since = wh.namespace.today - RECENT
    parts = {
        "recorded_status": _sql.render(wh.namespace, RECORDED_STATUS),
        "counted_words": _sql.render(
            wh.namespace,
            _COUNTED_WORDS,
            between=_BETWEEN,
            within=_WITHIN,
            limits=attention.STATUS_LIMITS,
        ),
        "columns": _sql.names(UPDATES.names),
        "update": _sql.any_values(UPDATES.names, "u"),
    }

    def read(has_notes: bool) -> Overview:
        flagged, limited = attention.flagged(
            wh.namespace, limits, has_notes=has_notes, has_stuck=False
        )
        params = {**PARAMS, **limited, "latest": LATEST_UPDATES, "since": since}

        def ask(day: dt.date | None) -> Row:
            is_new = "date >= CAST(:latest_since AS DATE)" if day else "TRUE"
            sql = _sql.render(wh.namespace, _SQL, flagged=flagged, is_new=is_new, **parts)
            return wh.query(sql, params | ({"latest_since": day} if day else {}))[0]

        key = (wh.cache_key, "overview")
        row = _newest.read(key, LATEST_UPDATES, ask, _days)
        found = _overview(row["counts"], row["updates"])
        counts = attention.with_reasons(found.attention, 0, has_notes)
        return replace(found, attention=counts)

    return notes.read(wh, read)


def _days(row: Row) -> list[dt.date | None]:
    return [update["date"] for update in row["updates"]]


def _overview(counts: list[dict[str, Any]], updates: list[dict[str, Any]]) -> Overview:
    def named(name: str) -> dict[str, int]:
        return {row["value"]: row["n"] for row in counts if row["name"] == name}

    pipeline, areas = named("pipeline"), named("area")
    adoption, stuck = _of_statuses(named("statuses"))
    return Overview(
        accounts=sum(areas.values()),
        use_cases=sum(pipeline.values()),
        active_use_cases=sum(pipeline.get(status, 0) for status in ACTIVE),
        updates_30_days=named("updates").get("", 0),
        adoption=_with_absent(adoption, sum(areas.values())),
        pipeline=_ordered(pipeline, vocabulary.use_case_statuses()),
        tiers=_ordered(named("tier"), vocabulary.enablement_tiers()),
        areas=tuple(
            Facet(area, n)
            for area, n in sorted(areas.items(), key=lambda item: (-item[1], item[0].lower()))
        ),
        attention=named("attention") | stuck,
        updates=tuple(_sql.record(Update, row) for row in _sql.newest_first(updates)),
    )


def _of_statuses(words: dict[str, int]) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """Return the number of accounts by platform and status, and by kind those with a status for
    too long."""
    found: dict[str, dict[str, int]] = {}
    stuck: dict[str, int] = {}
    for word, n in words.items():
        platform, _, status = word.partition(_WITHIN)
        if platform:
            found.setdefault(platform, {})[status] = n
        elif n:
            stuck[f"{attention.STUCK}{status}"] = n
    return found, stuck


def _with_absent(found: dict[str, dict[str, int]], accounts: int) -> dict[str, dict[str, int]]:
    """Return the number of accounts by status; accounts without a row count as Not Started."""
    for by_status in found.values():
        absent = accounts - sum(by_status.values())
        by_status[NOT_STARTED] = by_status.get(NOT_STARTED, 0) + absent
    statuses = vocabulary.onboarding_statuses()
    return {
        platform: _ordered({status: n for status, n in by_status.items() if n}, statuses)
        for platform, by_status in _ordered(found, vocabulary.platforms()).items()
    }


def _ordered(found: dict[str, Any], words: Iterable[str]) -> dict[str, Any]:
    """Return the dict in the order of the vocabulary; unknown words follow by name."""
    known = {word: found[word] for word in words if word in found}
    return known | {word: found[word] for word in sorted(found) if word not in known}
