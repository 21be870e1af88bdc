"""The current status of each account on each platform: SQL for the list and the overview."""

from __future__ import annotations

from crm.model.vocabulary import NOT_STARTED

# ``recorded_status`` has the newest of an account's rows for a platform, since keys are not
# enforced. An account without a row for a platform that others use counts as Not Started there.
RECORDED_STATUS = """
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
)
"""
PARAMS = {"not_started": NOT_STARTED}
