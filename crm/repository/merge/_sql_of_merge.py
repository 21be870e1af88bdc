"""The statements of a merge of two accounts, each safe to repeat."""

from __future__ import annotations

# Nothing is written unless both accounts are as the person saw them. If several rows have one key,
# the latest decides.
TAKE = """
MERGE INTO {accounts} AS t
USING (
  SELECT g.* FROM (
    SELECT CAST(:kept AS STRING) AS bsnid, CAST(:kept_seen AS BIGINT) AS seen, TRUE AS is_kept
    UNION ALL
    SELECT CAST(:other AS STRING), CAST(:other_seen AS BIGINT), FALSE
  ) AS g CROSS JOIN (
    SELECT COUNT(*) AS n FROM (
      SELECT bsnid, MAX(UNIX_MICROS(updated_at)) AS latest FROM {accounts}
      WHERE bsnid IN (:kept, :other) GROUP BY bsnid
    ) AS v
    WHERE (v.bsnid = :kept AND v.latest <=> CAST(:kept_seen AS BIGINT))
      OR (v.bsnid = :other AND v.latest <=> CAST(:other_seen AS BIGINT))
  ) AS unchanged
  WHERE unchanged.n = 2
) AS s
ON t.bsnid = s.bsnid
WHEN MATCHED AND s.is_kept AND UNIX_MICROS(t.updated_at) <=> s.seen AND NOT ({same})
THEN UPDATE SET
  {assignments}updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
WHEN MATCHED AND NOT s.is_kept AND NOT (t.change_id <=> :change_id) THEN UPDATE SET
  updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
"""
# Rows move only to an account that exists, and from one that nobody has changed since TAKE.
KEPT = """
SELECT DISTINCT k.bsnid, o.bsnid AS other FROM {accounts} AS k CROSS JOIN {accounts} AS o
WHERE k.bsnid = :kept AND o.bsnid = :other AND o.change_id = :change_id
"""
# After the other account was deleted.
ONLY_KEPT = """
SELECT DISTINCT bsnid, CAST(:other AS STRING) AS other FROM {accounts} WHERE bsnid = :kept
"""
SET_STATUSES = """
MERGE INTO {platforms_status} AS t
USING (
  SELECT r.i AS id, k.bsnid AS account_bsnid, r.p AS platform, r.s AS status, r.v AS seen,
    CURRENT_TIMESTAMP() AS now, CAST(:actor AS STRING) AS actor,
    CAST(:change_id AS STRING) AS change_id
  FROM (
    SELECT EXPLODE(FROM_JSON(:statuses,
      'array<struct<i: string, p: string, s: string, v: bigint>>')) AS r
  ) AS g CROSS JOIN ({kept}) AS k
) AS s
ON t.account_bsnid = s.account_bsnid AND t.platform = s.platform
WHEN MATCHED AND UNIX_MICROS(t.updated_at) <=> s.seen AND NOT (t.status <=> s.status)
THEN UPDATE SET
  status = s.status, updated_at = s.now, updated_by = s.actor, change_id = s.change_id
WHEN NOT MATCHED THEN INSERT
  (id, account_bsnid, platform, status, created_at, updated_at, created_by, updated_by, change_id)
  VALUES
  (s.id, s.account_bsnid, s.platform, s.status, s.now, s.now, s.actor, s.actor, s.change_id)
"""
STAMP_STATUSES = """
MERGE INTO {platforms_status} AS t USING ({kept}) AS s ON t.account_bsnid = s.other
WHEN MATCHED AND NOT (t.change_id <=> :change_id) THEN UPDATE SET
  updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
"""
DELETE_STATUSES = """
DELETE FROM {platforms_status} WHERE account_bsnid = :other AND change_id = :change_id
"""
MOVE = """
MERGE INTO {child} AS t USING ({kept}) AS s ON t.account_bsnid = s.other
WHEN MATCHED THEN UPDATE SET account_bsnid = s.bsnid,
  updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
"""
DELETE_OTHER = """
MERGE INTO {accounts} AS t USING ({kept}) AS s ON t.bsnid = s.other
WHEN MATCHED AND t.change_id = :change_id THEN DELETE
"""
STATES = """
SELECT bsnid, COUNT_IF(change_id = :change_id) AS taken
FROM {accounts} WHERE bsnid IN (:kept, :other) GROUP BY bsnid
"""
ORPHANS = """
SELECT {place} AS place, c.id FROM {child} AS c
LEFT ANTI JOIN {accounts} AS a ON a.bsnid = c.account_bsnid
WHERE c.account_bsnid = :other
"""
