from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from crm.model import vocabulary
from crm.model.records import Facet, Overview, Update
from crm.model.schema import UPDATES
from crm.repository import _sql
from crm.warehouse import Warehouse

from ._platform_status import CURRENT_STATUS, PARAMS

# The statuses of use cases that somebody works on now.
ACTIVE = ("Active", "In Progress")
LATEST_UPDATES = 8


def load(wh: Warehouse) -> Overview:
    """Return the start page's figures. One statement. Raises WarehouseError."""
    sql = """
    WITH {current_status}
    latest AS (
      SELECT u.*, a.team
      FROM {updates} AS u LEFT JOIN (
        SELECT bsnid, MAX(team) AS team FROM {accounts} GROUP BY bsnid
      ) AS a ON a.bsnid = u.account_bsnid
      ORDER BY u.date DESC NULLS LAST, u.created_at DESC NULLS LAST, u.id
      LIMIT :latest
    ),
    counts AS (
      SELECT 'adoption' AS name, platform AS value, status, COUNT(*) AS n
      FROM current_status GROUP BY platform, status
      UNION ALL
      SELECT 'pipeline', COALESCE(status, ''), '', COUNT(*) FROM {use_cases} GROUP BY 2
      UNION ALL
      SELECT 'tier', COALESCE(enablement_tier, ''), '', COUNT(*) FROM {use_cases} GROUP BY 2
      UNION ALL
      SELECT 'area', COALESCE(business_area, ''), '', COUNT(*) FROM {accounts} GROUP BY 2
      UNION ALL
      SELECT 'updates', '', '', COUNT(*) FROM {updates}
      WHERE date > DATE_SUB({today}, 30)
    )
    SELECT
      (SELECT COLLECT_LIST(NAMED_STRUCT('name', name, 'value', value, 'status', status, 'n', n))
        FROM counts) AS counts,
      (SELECT COLLECT_LIST({update}) FROM latest AS l) AS updates
    """
    parts = {
        "today": wh.namespace.today,
        "current_status": _sql.render(wh.namespace, CURRENT_STATUS),
        "update": _sql.struct(UPDATES, "l", "'team', l.team"),
    }
    params = {**PARAMS, "latest": LATEST_UPDATES}
    row = wh.query(_sql.render(wh.namespace, sql, **parts), params)[0]
    return _overview(row["counts"], row["updates"])


def _overview(counts: list[dict[str, Any]], updates: list[dict[str, Any]]) -> Overview:
    def named(name: str) -> dict[str, int]:
        return {row["value"]: row["n"] for row in counts if row["name"] == name}

    pipeline, areas = named("pipeline"), named("area")
    return Overview(
        accounts=sum(areas.values()),
        use_cases=sum(pipeline.values()),
        active_use_cases=sum(pipeline.get(status, 0) for status in ACTIVE),
        updates_30_days=named("updates").get("", 0),
        adoption=_adoption(counts),
        pipeline=_ordered(pipeline, vocabulary.use_case_statuses()),
        tiers=_ordered(named("tier"), vocabulary.enablement_tiers()),
        areas=tuple(
            Facet(area, n)
            for area, n in sorted(areas.items(), key=lambda item: (-item[1], item[0].lower()))
        ),
        updates=tuple(_sql.record(Update, row) for row in _sql.newest_first(updates)),
    )


def _adoption(counts: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for row in counts:
        if row["name"] == "adoption":
            found.setdefault(row["value"], {})[row["status"]] = row["n"]
    statuses = vocabulary.onboarding_statuses()
    return {
        platform: _ordered(by_status, statuses)
        for platform, by_status in _ordered(found, vocabulary.platforms()).items()
    }


def _ordered(found: dict[str, Any], words: Iterable[str]) -> dict[str, Any]:
    """Return the dict in the order of the vocabulary; unknown words follow by name."""
    known = {word: found[word] for word in words if word in found}
    return known | {word: found[word] for word in sorted(found) if word not in known}
