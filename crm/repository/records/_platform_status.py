"""Where each account stands on each platform: one CTE for the list and the overview."""

from __future__ import annotations

from crm.model.vocabulary import NOT_STARTED

# An account without a row for a platform that somebody uses stands at Not Started there, with
# ``stated`` false. Of several rows for one platform (keys are not enforced) the newest counts.
STANDING = (
    """
stated AS (
  SELECT
    account_bsnid,
    platform,
    COALESCE(
      NULLIF(MAX_BY(status, COALESCE(updated_at, TIMESTAMP '1970-01-01 00:00:00')), ''),
      '<not started>'
    ) AS status
  FROM {platforms_status}
  WHERE platform <> ''
  GROUP BY account_bsnid, platform
),
standing AS (
  SELECT
    a.bsnid AS account_bsnid,
    p.platform,
    COALESCE(s.status, '<not started>') AS status,
    s.status IS NOT NULL AS stated
  FROM {accounts} AS a
  CROSS JOIN (SELECT DISTINCT platform FROM stated) AS p
  LEFT JOIN stated AS s ON s.account_bsnid = a.bsnid AND s.platform = p.platform
),
"""
).replace("<not started>", NOT_STARTED)
