"""The statement of the history, and how it tells who made a change.

A row version was written by the CRM, and by its ``updated_by``, if its ``change_id`` is new: it
differs from the one before and did not occur earlier for the row. ``RESTORE`` and clones bring
earlier ids back. A clone's feed begins with inserted rows whose ids are old, and imports keep the
stamps of their files, so an inserted row also needs a stamp close to its commit.

A deleted row keeps no trace of who deleted it, so the CRM stamps a row and then deletes it (see
accounts.delete and _children.delete). A stamp leaves the row's own columns as they were. Children
deleted after an account's stamp, before anything else happened to the account, were deleted by the
person of that stamp. All other changes were made outside the CRM.

Row versions without ``change_id`` are older than that column. Times tell who wrote them: see
_stamps.
"""

from __future__ import annotations

# One pass: engines compute a CTE anew at each use, and these read the change feeds.
STATEMENT = """
WITH events AS (
  {events}
),
seen AS (
  SELECT *,
    CASE WHEN `before` = `after` THEN TRUE END AS is_stamp,
    CASE WHEN version = MIN(version) OVER (PARTITION BY place, key, new_id)
      AND NOT (new_id <=> FIRST_VALUE(old_id) OVER {of_record})
      THEN new_id END AS written_id,
    CASE WHEN place = 0 THEN COALESCE(GET_JSON_OBJECT(`after`, '$.team'),
      GET_JSON_OBJECT(`before`, '$.team')) END AS own_team
  FROM events
),
marked AS (
  SELECT *,
    CASE WHEN is_stamp AND NOT (new_at <=> old_at) AND NOT (new_at <=> first_at)
      THEN written_id END AS stamp_id
  FROM seen
),
ordered AS (
  SELECT *,
    LAG(is_stamp) OVER {of_record} AS was_stamped,
    LAG(stamp_id) OVER {of_record} AS earlier_stamp_id,
    CASE WHEN LAG(`after` IS NULL) OVER {of_record} THEN LAG(moment) OVER {of_record} END
      AS deleted_before,
    MIN(CASE WHEN place = 0 AND `after` IS NULL THEN UNIX_MICROS(moment) END)
      OVER ({record_order} ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS deleted_at
  FROM marked
),
placed AS (
  SELECT *,
    MAX(CASE WHEN place = 0
      THEN CONCAT({micros_of_moment}, COALESCE(CONCAT(stamp_id, new_by), '')) END)
      OVER {until_now} AS account_state,
    MAX(CASE WHEN place = 0 AND is_stamp AND new_id IS NULL
        AND deleted_at - UNIX_MICROS(moment) < {micros}
      THEN CONCAT(CAST(UNIX_MICROS(moment) AS STRING), ' ', new_by) END)
      OVER {until_now} AS account_stamp,
    MAX(CASE WHEN own_team IS NOT NULL
      THEN CONCAT(CAST(UNIX_MICROS(moment) AS STRING), ' ', own_team) END)
      OVER (PARTITION BY account) AS named
  FROM ordered
),
attributed AS (
  SELECT *,
    CASE WHEN `before` IS NULL THEN 'created' WHEN `after` IS NULL THEN 'deleted'
      ELSE 'changed' END AS kind,
    CASE WHEN `after` IS NOT NULL THEN written_id
      WHEN old_id = earlier_stamp_id THEN old_id
      WHEN place > 0 THEN NULLIF(SUBSTR(account_state, 21, 32), '') END AS operation,
    CASE
      WHEN written_id IS NOT NULL AND (`before` IS NOT NULL OR {is_new_ours}) THEN new_by
      WHEN `after` IS NULL AND old_id = earlier_stamp_id THEN old_by
      WHEN `after` IS NULL AND place > 0 AND SUBSTR(account_state, 21, 32) <> ''
        THEN SUBSTR(account_state, 53)
      WHEN `after` IS NOT NULL AND new_id IS NULL AND NOT (new_at <=> old_at)
        AND {is_new_ours} THEN new_by
      WHEN `after` IS NULL AND old_id IS NULL AND was_stamped
        AND {is_old_ours} THEN old_by
      WHEN `after` IS NULL AND place > 0 AND UNIX_MICROS(moment)
        - CAST(SUBSTRING_INDEX(account_stamp, ' ', 1) AS BIGINT) < {micros}
        THEN SUBSTR(account_stamp, LENGTH(SUBSTRING_INDEX(account_stamp, ' ', 1)) + 2)
    END AS writer,
    SUBSTR(named, LENGTH(SUBSTRING_INDEX(named, ' ', 1)) + 2) AS team
  FROM placed
  WHERE is_stamp IS NULL AND {of_one}
),
noted AS ({noted}),
filtered AS (
  SELECT *, CASE WHEN {filters} THEN TRUE END AS is_wanted FROM noted
),
gathered AS (
  SELECT *,
    COUNT(CASE WHEN is_wanted THEN 1 END) OVER (PARTITION BY operation) AS changes,
    CASE WHEN is_wanted AND ({is_alone} OR ROW_NUMBER() OVER (PARTITION BY operation, is_wanted
      ORDER BY moment DESC, place DESC, version DESC, key) = 1) THEN TRUE END AS is_event
  FROM filtered
),
numbered AS (
  SELECT *,
    COUNT(CASE WHEN is_event THEN 1 END) OVER () AS total,
    ROW_NUMBER() OVER (PARTITION BY is_event
      ORDER BY moment DESC, place DESC, version DESC, key) AS rn
  FROM gathered
),
paged AS (
  SELECT *,
    GREATEST(1, LEAST(CAST(:page AS BIGINT), CAST(CEIL(total / :size) AS BIGINT))) AS page
  FROM numbered
)
SELECT COALESCE(MAX(total), 0) AS total, COALESCE(MAX(page), 1) AS page,
  SORT_ARRAY(COLLECT_SET(person)) AS people, COUNT(*) AS known, MAX(team) AS team,
  SORT_ARRAY(COLLECT_LIST(
    CASE WHEN is_event AND rn > (page - 1) * :size AND rn <= page * :size
    THEN NAMED_STRUCT('rn', rn, 'place', place, 'key', key,
      'account', account, 'version', version, 'moment', moment, 'person', person, 'team', team,
      'operation', operation, 'summary', summary, 'started_at', started_at,
      'changes', changes, 'undo', undo,
      'before', `before`, 'after', `after`,
      'returned', `before` IS NULL AND first_at < deleted_before) END)) AS rows
FROM paged
"""

# Of an operation of many rows, the note tells who made it: an import of an export keeps the
# persons of its file. The id of its revert is made from its own.
# Unity Catalog enforces no keys: two notes of one id must not double changes.
NOTES = """(
    SELECT id, MAX(kind) AS kind, MAX(person) AS person, MAX(summary) AS summary,
      MIN(started_at) AS started_at, MAX(ended_at) AS ended_at
    FROM {operations} GROUP BY id
  )"""
NOTED = """
  SELECT a.*, COALESCE(o.person, a.writer) AS person, o.summary,
    CASE WHEN o.kind IN ('import', 'copy') THEN o.started_at END AS started_at,
    CASE WHEN u.id IS NOT NULL THEN NAMED_STRUCT('person', u.person, 'summary', u.summary,
      'began', u.started_at, 'finished', u.ended_at) END AS undo
  FROM attributed AS a LEFT JOIN {notes} AS o ON o.id = a.operation
  LEFT JOIN {notes} AS u ON u.id = {revert_id}
"""
NOT_NOTED = """
  SELECT *, writer AS person, CAST(NULL AS STRING) AS summary,
    CAST(NULL AS TIMESTAMP) AS started_at, CAST(NULL AS STRING) AS undo
  FROM attributed
"""
RECORD_ORDER = "PARTITION BY place, key ORDER BY version"
# An account's stamp comes before its children's deletions, and its own deletion after them.
UNTIL_NOW = """(PARTITION BY account
  ORDER BY moment, CASE WHEN is_stamp THEN 0 WHEN place > 0 THEN 1 ELSE 2 END
  ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"""
# Texts of equal length sort as the numbers do.
MICROS_OF_MOMENT = "LPAD(CAST(UNIX_MICROS(moment) AS STRING), 20, '0')"

EVENTS = """
  SELECT {place} AS place, {key} AS key, MAX({owner}) AS account, _commit_version AS version,
    MAX(_commit_timestamp) AS moment,
    MAX(CASE WHEN _change_type IN ('update_preimage', 'delete') THEN {row} END) AS `before`,
    MAX(CASE WHEN _change_type IN ('update_postimage', 'insert') THEN {row} END) AS `after`,
    MAX(CASE WHEN _change_type IN ('update_preimage', 'delete') THEN updated_at END) AS old_at,
    MAX(CASE WHEN _change_type IN ('update_postimage', 'insert') THEN created_at END) AS first_at,
    MAX(CASE WHEN _change_type IN ('update_postimage', 'insert') THEN updated_at END) AS new_at,
    MAX(CASE WHEN _change_type IN ('update_preimage', 'delete') THEN updated_by END) AS old_by,
    MAX(CASE WHEN _change_type IN ('update_postimage', 'insert') THEN updated_by END) AS new_by,
    MAX(CASE WHEN _change_type IN ('update_preimage', 'delete') THEN change_id END) AS old_id,
    MAX(CASE WHEN _change_type IN ('update_postimage', 'insert') THEN change_id END) AS new_id
  FROM {feed}
  {where}
  GROUP BY {key}, _commit_version
"""
