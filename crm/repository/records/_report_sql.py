"""The parts of a report's statement: see report."""

from __future__ import annotations

SQL = """
{recorded} chosen AS (SELECT bsnid, MAX(team) AS team FROM ({chosen}) AS c GROUP BY bsnid)
SELECT
  (SELECT COLLECT_LIST(STRUCT(x.*)) FROM ({accounts}) AS x) AS accounts,
  (SELECT COLLECT_LIST(STRUCT(x.*)) FROM ({statuses}) AS x) AS statuses,
  (SELECT COLLECT_LIST(STRUCT(x.*)) FROM ({use_cases}) AS x) AS use_cases,
  (SELECT COLLECT_LIST(STRUCT(x.*)) FROM ({updates}) AS x) AS updates
"""
ACCOUNTS = """
SELECT kind, COUNT(*) AS n,
  COLLECT_LIST(CASE WHEN place <= :shown THEN STRUCT(bsnid, team, day) END) AS rows
FROM (
  SELECT kind, bsnid, team, day,
    ROW_NUMBER() OVER (PARTITION BY kind ORDER BY day NULLS FIRST, LOWER(team), bsnid) AS place
  FROM (
    SELECT CASE WHEN b.bsnid IS NULL THEN 'new' ELSE 'known' END AS kind, c.bsnid, c.team,
      CAST(NULL AS DATE) AS day
    FROM chosen AS c LEFT JOIN (SELECT DISTINCT bsnid FROM {before}) AS b ON b.bsnid = c.bsnid
    UNION ALL
    SELECT 'stale', c.bsnid, c.team, w.last_update
    FROM chosen AS c LEFT JOIN (
      SELECT account_bsnid, MAX(date) AS last_update FROM {updates} GROUP BY account_bsnid
    ) AS w ON w.account_bsnid = c.bsnid
    WHERE w.last_update IS NULL OR w.last_update < CAST(:stale_before AS DATE)
    UNION ALL
    SELECT 'gone', g.bsnid, g.team, CAST(NULL AS DATE)
    FROM ({chosen_before}) AS g LEFT ANTI JOIN {accounts} AS a ON a.bsnid = g.bsnid
  ) AS k
) AS k
GROUP BY kind
"""
STATUSES = """
SELECT platform, before, after, is_stuck, COUNT(*) AS n,
  COLLECT_LIST(CASE WHEN place <= :shown THEN STRUCT(bsnid, team, since) END) AS rows
FROM (
  SELECT s.*, ROW_NUMBER() OVER (
    PARTITION BY platform, before, after, is_stuck ORDER BY since, LOWER(team), bsnid) AS place
  FROM (
    SELECT c.bsnid, c.team, p.platform, p.before, p.after, p.since,
      p.since < l.moment AS is_stuck
    FROM (
      SELECT COALESCE(n.account_bsnid, b.account_bsnid) AS of_bsnid,
        COALESCE(n.platform, b.platform) AS platform, COALESCE(b.status, '') AS before,
        COALESCE(n.status, '') AS after, n.since
      FROM {now} AS n FULL OUTER JOIN {before} AS b
        ON b.account_bsnid = n.account_bsnid AND b.platform = n.platform
    ) AS p
    JOIN chosen AS c ON c.bsnid = p.of_bsnid
    LEFT JOIN (
      SELECT e.status, CAST(e.moment AS TIMESTAMP) AS moment
      FROM (
        SELECT EXPLODE(FROM_JSON(:limits, 'array<struct<status:string,moment:string>>')) AS e
      ) AS e
    ) AS l ON l.status = p.after
    WHERE {of_platform}
  ) AS s
) AS s
GROUP BY platform, before, after, is_stuck
"""
# Those on hold come oldest first, the others newest first.
USE_CASES = """
SELECT before, after, COUNT(*) AS n, COLLECT_LIST(
  CASE WHEN place <= :shown THEN STRUCT(bsnid, team, id, what, leader, since, reason) END) AS rows
FROM (
  SELECT u.*, {reason} AS reason,
    ROW_NUMBER() OVER (PARTITION BY before, after ORDER BY
      CASE WHEN after = :on_hold THEN since END, since DESC NULLS LAST, id) AS place
  FROM (
    SELECT c.bsnid, c.team, p.*
    FROM (
      SELECT COALESCE(n.id, b.id) AS id, COALESCE(n.account_bsnid, b.account_bsnid) AS of_bsnid,
        COALESCE(n.what, b.what) AS what, n.leader, n.updated_at AS since, n.change_id,
        COALESCE(n.platform, b.platform) AS platform, b.status AS before, n.status AS after
      FROM {now} AS n FULL OUTER JOIN {before} AS b ON b.id = n.id
    ) AS p
    JOIN chosen AS c ON c.bsnid = p.of_bsnid
    WHERE {of_platform}
  ) AS u {reasons}
) AS u
GROUP BY before, after
"""
# A duplicate key counts once, with the latest row, which pages show. Duplicates are rare, so only
# they are sorted: the greatest struct of each key would give the same and cost thirty times as
# much.
USE_CASE = """(
  SELECT id, {columns}, SUBSTRING(problem, 1, {length}) AS what
  FROM {use_cases} AS u LEFT ANTI JOIN {several} AS s ON s.id = u.id
  UNION ALL
  SELECT id, {columns}, SUBSTRING(problem, 1, {length}) AS what
  FROM (
    SELECT u.*, ROW_NUMBER() OVER (
      PARTITION BY u.id ORDER BY u.updated_at DESC NULLS LAST, u.account_bsnid DESC, u.status DESC
    ) AS nth
    FROM {use_cases} AS u LEFT SEMI JOIN {several} AS s ON s.id = u.id
  ) AS u
  WHERE nth = 1
)"""
COLUMNS = "account_bsnid, COALESCE(status, '') AS status, leader, platform, change_id, updated_at"
SEVERAL = "(SELECT id FROM {use_cases} GROUP BY id HAVING COUNT(*) > 1)"
# UNIX_DATE: the local engine cannot plan a ROW_NUMBER by a date that is limited to a range, if all
# rows of the table have one date.
UPDATES = """
SELECT COUNT(*) AS n, COLLECT_LIST(
  CASE WHEN place <= :shown THEN STRUCT(bsnid, team, id, day, author, what, place) END) AS rows
FROM (
  SELECT c.bsnid, c.team, u.id, u.date AS day, u.author, SUBSTRING(u.description, 1, {length})
    AS what, ROW_NUMBER() OVER (ORDER BY UNIX_DATE(u.date) DESC, u.created_at DESC, u.id) AS place
  FROM {table} AS u JOIN chosen AS c ON c.bsnid = u.account_bsnid
  WHERE u.date >= CAST(:first_day AS DATE) AND u.date < CAST(:end_day AS DATE) AND {of_platform}
) AS u
"""
SUBJECTS = """
SELECT 'vp' AS name, vp AS value, COUNT(*) AS n FROM {accounts} WHERE vp <> '' GROUP BY vp
UNION ALL
SELECT 'business_area', business_area, COUNT(*) FROM {accounts} WHERE business_area <> ''
GROUP BY business_area
UNION ALL
SELECT 'platform', platform, COUNT(DISTINCT account_bsnid) FROM {platforms_status}
WHERE platform <> '' GROUP BY platform
"""
