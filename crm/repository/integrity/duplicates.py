"""Find and repair duplicates: several rows with one key, and several statuses of an account for
one platform. Also rows without a key.

Some repairs delete rows. The preview shows every value that is lost. No repair changes which
status of a platform is the latest.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from crm.model.namespace import Namespace, quoted
from crm.model.schema import ACCOUNTS, CHILDREN, PLATFORMS_STATUS, TABLES, Table
from crm.repository import _made_ids, _sql

from . import _duplicate_rows
from ._statements import Statement, render

# The most account keys that one repair changes: as many as the preview shows.
AT_ONCE = 200


def _latest_first(alias: str = "") -> str:
    """Return the order of rows by their last change.

    A change before the creation is an error (see the check of times), so the later of both times
    counts.
    """
    at = f"{alias}." if alias else ""
    return (
        f"GREATEST({at}updated_at, {at}created_at) DESC NULLS LAST, {at}created_at DESC NULLS LAST"
    )


# --- duplicate keys ---
# The different rows of each duplicate key; equal rows come once. ``n`` counts all rows of the key.
# The row with ``place`` 1 keeps the key: the latest, preferably one whose account exists. The last
# sort key is the content, so two runs always agree.
_DIFFERENT_ROWS = """
SELECT *, ROW_NUMBER() OVER (
  PARTITION BY {key} ORDER BY has_account DESC, {latest_first}, content) AS place
FROM (
  SELECT r.*, {has_account} AS has_account, COUNT(*) OVER (PARTITION BY r.{key}) AS n,
    ROW_NUMBER() OVER (PARTITION BY r.{key}, r.content ORDER BY {latest_first_r}, r.whole) AS copy
  FROM (SELECT *, {own_row} AS content, {whole_row} AS whole FROM {table}) AS r {join}
  WHERE TRIM(r.{key}) <> ''
) AS c WHERE n > 1 AND copy = 1
"""
_JOIN_ACCOUNTS = """
LEFT JOIN {each_bsnid} AS a ON a.bsnid = r.{owner}
"""
_FIND_DUPLICATES = """
SELECT {key} AS key, {found} AS detail, '' AS repair FROM ({rows}) AS d GROUP BY {key}
"""
_NUMBERED_KEYS = "SELECT *, DENSE_RANK() OVER (ORDER BY {key}) AS turn FROM ({rows}) AS q"
# One statement, so that a failure loses nothing. Its source has the row that keeps the key twice:
# with ``old_key``, to delete all rows of the key, and without it, to insert the row again. Each
# other row has no ``old_key``, and is inserted with a new key.
_SEPARATE = """
MERGE INTO {table} AS t
USING (
  WITH separated AS ({rows})
  SELECT {key} AS old_key, {names} FROM separated WHERE place = 1 AND {condition}
  UNION ALL
  SELECT CAST(NULL AS STRING) AS old_key, {values} FROM separated WHERE {condition}
) AS s
ON t.{key} = s.old_key
WHEN MATCHED THEN DELETE
WHEN NOT MATCHED THEN INSERT ({names}, change_id) VALUES ({sources}, :change_id)
"""


def _different_rows(namespace: Namespace, table: Table) -> str:
    is_child = bool(table.parent_key)
    join = _sql.render(namespace, _JOIN_ACCOUNTS, owner=quoted(table.owner)) if is_child else ""
    return render(
        namespace,
        table,
        _DIFFERENT_ROWS,
        key=quoted(table.key),
        latest_first=_latest_first(),
        latest_first_r=_latest_first("r"),
        has_account="a.bsnid IS NOT NULL" if is_child else "TRUE",
        own_row=_sql.own_row(table),
        whole_row=_sql.whole_row(table),
        join=join,
    )


def find_duplicates(namespace: Namespace) -> Iterator[Statement]:
    for table in TABLES:
        sql = _sql.render(
            namespace,
            _FIND_DUPLICATES,
            key=quoted(table.key),
            found=_duplicate_rows.found(table),
            rows=_different_rows(namespace, table),
        )
        words = partial(_duplicate_rows.words, table)
        yield Statement(table, sql, writes=table.names, words=words)


def separate_duplicates(namespace: Namespace) -> Iterator[Statement]:
    """Give each different child a key of its own; of accounts, keep the latest row."""
    for table in TABLES:
        key = quoted(table.key)
        values = {name: quoted(name) for name in table.names}
        rows, condition = _different_rows(namespace, table), "place = 1"
        if table.parent_key:
            condition = "TRUE"
            values[table.key] = f"IF(place = 1, {key}, {_made_ids.uuid5('content')})"
            values["updated_by"] = "IF(place = 1, updated_by, :actor)"
        if _has_new_time(table):
            values["updated_at"] = "IF(place = 1, updated_at, CURRENT_TIMESTAMP())"
        if table is ACCOUNTS:
            rows = _sql.render(namespace, _NUMBERED_KEYS, key=key, rows=rows)
            condition = f"place = 1 AND turn <= {AT_ONCE}"
        sql = render(
            namespace,
            table,
            _SEPARATE,
            key=key,
            rows=rows,
            condition=condition,
            names=_sql.names(table.names),
            values=", ".join(f"{value} AS {quoted(name)}" for name, value in values.items()),
            sources=_sql.names(table.names, "s"),
        )
        yield Statement(table, sql, writes=table.names)


def _has_new_time(table: Table) -> bool:
    # The time of a status decides which is the latest of its platform, so no repair changes it.
    return bool(table.parent_key) and table is not PLATFORMS_STATUS


# --- rows without a key ---
_FIND_WITHOUT_ID = """
SELECT '' AS key, CONCAT('a row of the account ', COALESCE(account_bsnid, '(none)'),
    ' has no id') AS detail, 'give it one' AS repair
FROM {table} WHERE COALESCE(TRIM(id), '') = ''
"""
_GIVE_IDS = """
UPDATE {table}
SET id = {made_id}, {time}updated_by = :actor, change_id = :change_id
WHERE COALESCE(TRIM(id), '') = ''
"""


def find_without_id(namespace: Namespace) -> Iterator[Statement]:
    """Yield the statements for children only: the CRM cannot make the BSNID of an account."""
    for table in CHILDREN:
        sql = render(namespace, table, _FIND_WITHOUT_ID)
        yield Statement(table, sql, reads=_makes_id(table))


def give_ids(namespace: Namespace) -> Iterator[Statement]:
    for table in CHILDREN:
        time = "updated_at = CURRENT_TIMESTAMP(), " if _has_new_time(table) else ""
        made_id = _made_ids.uuid5(_sql.own_row(table))
        sql = render(namespace, table, _GIVE_IDS, made_id=made_id, time=time)
        yield Statement(table, sql, reads=_makes_id(table))


def _makes_id(table: Table) -> tuple[tuple[Table, str], ...]:
    # Rows that differ only in what a mask hides would get the same id.
    return tuple((table, name) for name in table.own_names)


# --- several statuses for one platform ---
_RANKED = """
SELECT *, ROW_NUMBER() OVER (
  PARTITION BY account_bsnid, same_platform ORDER BY {latest_first}, id) AS place
FROM (
  SELECT *, COALESCE(NULLIF(LOWER(TRIM(platform)), ''), id) AS same_platform,
    COUNT(*) OVER (PARTITION BY id) AS copies
  FROM {table}
) AS r
"""
# Where a mask hides these, statuses of several platforms would seem to be of one.
RANKED_BY = tuple(
    (PLATFORMS_STATUS, name)
    for name in ("id", "account_bsnid", "platform", "created_at", "updated_at")
)
# Only rows whose id is unique: a deletion by id would also delete other rows with this id.
_RIVALS = "({ranked}) AS r WHERE copies = 1 AND account_bsnid IS NOT NULL"
_FIND_DOUBLE_STATUSES = """
SELECT account_bsnid AS key, CONCAT(CAST(COUNT(*) AS STRING), ' statuses for ',
    MAX(IF(place = 1, TRIM(platform), NULL)), ': “',
    MAX(IF(place = 1, COALESCE(status, ''), NULL)), '” was set last, before that “',
    CONCAT_WS('”, “', SORT_ARRAY(COLLECT_LIST(IF(place > 1, COALESCE(status, ''), NULL)))), '”')
  AS detail, 'keep the one that was set last' AS repair
FROM {rivals} GROUP BY account_bsnid, same_platform
HAVING COUNT(*) > 1 AND MIN(place) = 1
"""
_OLDER_STATUSES = """
MERGE INTO {table} AS t
USING (
  SELECT id FROM (
    SELECT id, place, MIN(place) OVER (PARTITION BY account_bsnid, same_platform) AS first
    FROM {rivals}
  ) AS o WHERE place > 1 AND first = 1
) AS s
ON t.id = s.id
WHEN MATCHED {action}
"""
# The stamp records for the history who deletes the rows, once: see records/_deleting.py. Without a
# time they do not become the latest.
_STAMP = """AND NOT (t.change_id <=> :change_id) THEN UPDATE SET
  updated_at = NULL, updated_by = :actor, change_id = :change_id"""
# If somebody set an older status since the stamp, another one is the older one now.
_DELETE_STAMPED = "AND t.change_id = :change_id THEN DELETE"


def ranked_statuses(namespace: Namespace) -> str:
    """Return the query of all statuses with ``place`` and ``copies``.

    ``place`` 1 is the latest of its account and platform, in any spelling. ``copies`` rows
    have the row's id. Statuses without a platform are never duplicates of each other.
    """
    return render(namespace, PLATFORMS_STATUS, _RANKED, latest_first=_latest_first())


def _rivals(namespace: Namespace) -> str:
    return _sql.render(namespace, _RIVALS, ranked=ranked_statuses(namespace))


def find_double_statuses(namespace: Namespace) -> Iterator[Statement]:
    sql = _sql.render(namespace, _FIND_DOUBLE_STATUSES, rivals=_rivals(namespace))
    yield Statement(PLATFORMS_STATUS, sql, reads=RANKED_BY)


def drop_older_statuses(namespace: Namespace) -> Iterator[Statement]:
    for action in (_STAMP, _DELETE_STAMPED):
        parts = {"rivals": _rivals(namespace), "action": action}
        sql = render(namespace, PLATFORMS_STATUS, _OLDER_STATUSES, **parts)
        is_stamp = action is _STAMP
        yield Statement(PLATFORMS_STATUS, sql, is_stamp=is_stamp, reads=RANKED_BY)
