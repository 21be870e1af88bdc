"""The current status of each account on each platform: CTEs for the list and the overview."""

from __future__ import annotations

from crm.model.vocabulary import NOT_STARTED

# ``recorded_status`` has the newest of an account's rows for a platform, since keys are not
# enforced. ``current_status`` has Not Started, and ``is_recorded`` false, for an account without a
# row for a platform that others use.
CURRENT_STATUS = """
recorded_status AS (
  SELECT
    account_bsnid,
    platform,
    COALESCE(
      NULLIF(MAX_BY(status, COALESCE(updated_at, TIMESTAMP '1970-01-01 00:00:00')), ''),
      CAST(:not_started AS STRING)
    ) AS status
  FROM {platforms_status}
  WHERE platform <> ''
  GROUP BY account_bsnid, platform
),
current_status AS (
  SELECT
    a.bsnid AS account_bsnid,
    p.platform,
    COALESCE(s.status, CAST(:not_started AS STRING)) AS status,
    s.status IS NOT NULL AS is_recorded
  FROM {accounts} AS a
  CROSS JOIN (SELECT DISTINCT platform FROM recorded_status) AS p
  LEFT JOIN recorded_status AS s ON s.account_bsnid = a.bsnid AND s.platform = p.platform
),
"""
PARAMS = {"not_started": NOT_STARTED}
