"""Rows that stand for the same thing: one key twice, no key at all, two statuses of a platform.

Their repairs delete rows, so nothing is deleted that says anything of its own without the preview
having said so; and which status is a platform's latest is the same before and after any repair.
"""

# ruff: noqa: S608 - names of our own tables and columns

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crm.model.schema import ACCOUNTS, CHILDREN, PLATFORMS_STATUS, TABLES, Column, Table
from crm.repository import _sql

# What a check, and what a repair, runs: on which table, what, with which parameters.
Statements = Iterator[tuple[Table, str, dict[str, Any]]]

# So many keys of accounts are repaired at once: those that the preview shows.
AT_ONCE = 200

# The row that was changed last first. A change before the creation is none (see the check of
# times). What the row says comes last, so that no two runs ever disagree.
_CHANGED = "GREATEST(updated_at, created_at) DESC NULLS LAST, created_at DESC NULLS LAST"


def _made_id(content: str) -> str:
    """A key from what the row says, its old one included: always the same, and nobody else's."""
    sha = f"SHA1(ENCODE({content}, 'UTF-8'))"
    return (
        f"CONCAT(SUBSTR({sha}, 1, 8), '-', SUBSTR({sha}, 9, 4), '-5', SUBSTR({sha}, 14, 3), "
        f"'-8', SUBSTR({sha}, 18, 3), '-', SUBSTR({sha}, 21, 12))"
    )


# --- duplicate keys ---
def _different_rows(table: Table) -> str:
    """The rows of each key that stands twice, equal ones once: ``n`` rows there are, ``place`` 1
    is the one that keeps the key, if possible one whose account is there."""
    stands, join = "TRUE", ""
    if table.parent_key:
        stands = "a.bsnid IS NOT NULL"
        join = "LEFT JOIN (SELECT DISTINCT bsnid FROM {accounts}) AS a "
        join += f"ON a.bsnid = r.`{table.parent_key}`"
    return f"""
    SELECT *, ROW_NUMBER() OVER (
      PARTITION BY `{table.key}` ORDER BY stands DESC, {_CHANGED}, content) AS place
    FROM (
      SELECT r.*, {stands} AS stands, COUNT(*) OVER (PARTITION BY r.`{table.key}`) AS n,
        ROW_NUMBER() OVER (PARTITION BY r.`{table.key}`, r.content
          ORDER BY GREATEST(r.updated_at, r.created_at) DESC NULLS LAST,
            r.created_at DESC NULLS LAST, r.whole) AS copy
      FROM (
        SELECT *, {_sql.own_row(table)} AS content, {_sql.whole_row(table)} AS whole
        FROM {{target}}
      ) AS r {join}
      WHERE TRIM(r.`{table.key}`) <> ''
    ) AS c WHERE n > 1 AND copy = 1
    """


def _said(table: Table, column: Column) -> str:
    """What another row (d) says in a column, and the one that keeps the key (k) does not."""

    def text(alias: str) -> str:
        value = f"COALESCE(CAST({alias}.`{column.name}` AS STRING), '')"
        if table is ACCOUNTS:  # where it will be dropped, all of it has to be seen
            return value
        return f"IF(LENGTH({value}) > 60, CONCAT(SUBSTR({value}, 1, 60), '…'), {value})"

    return (
        f"CASE WHEN NOT (d.`{column.name}` <=> k.`{column.name}`) THEN "
        f"CONCAT('{column.label} “', {text('d')}, '” instead of “', {text('k')}, '”') END"
    )


def find_duplicates() -> Statements:
    for table in TABLES:
        said = ", ".join(_said(table, c) for c in table.own_columns if c.name != table.key)
        others = "keep the row that was changed last, drop what is said here of the others"
        if table.parent_key:
            others = "give each row that says something else an id of its own"
        rows = _different_rows(table)
        sql = f"""
        SELECT key, CONCAT(CAST(n AS STRING), ' rows have this key',
            IF(said = '', ', and say the same', CONCAT('; another row says ', said))) AS detail,
          IF(said = '', 'keep one of them', '{others}') AS repair
        FROM (
          SELECT d.`{table.key}` AS key, MAX(d.n) AS n, CONCAT_WS('; yet another ', SORT_ARRAY(
            COLLECT_LIST(CASE WHEN d.place > 1 THEN CONCAT_WS(', ', {said}) END))) AS said
          FROM ({rows}) AS d JOIN ({rows}) AS k
            ON k.`{table.key}` = d.`{table.key}` AND k.place = 1
          GROUP BY d.`{table.key}`
        ) AS s ORDER BY 1
        """
        yield table, sql, {}


def part_duplicates() -> Statements:
    for table in TABLES:
        yield table, _part(table), {}


def _part(table: Table) -> str:
    # In one statement, so that nothing is lost half-way: the row that keeps the key comes once
    # with it, which deletes all rows of that key, and again without, which inserts it, as do the
    # others with keys of their own. A status is not stamped: its time says which is the latest.
    values = {name: f"`{name}`" for name in table.names}
    which = "place = 1"
    if table.parent_key:
        which = "TRUE"
        values[table.key] = f"IF(place = 1, `{table.key}`, {_made_id('content')})"
    if table.parent_key and table is not PLATFORMS_STATUS:
        values["updated_at"] = "IF(place = 1, updated_at, CURRENT_TIMESTAMP())"
        values["updated_by"] = "IF(place = 1, updated_by, :actor)"
    names = ", ".join(f"`{name}`" for name in table.names)
    inserted = ", ".join(f"{value} AS `{name}`" for name, value in values.items())
    sources = ", ".join(f"s.`{name}`" for name in table.names)
    rows = _different_rows(table)
    if table is ACCOUNTS:
        rows = f"SELECT *, DENSE_RANK() OVER (ORDER BY `{table.key}`) AS turn FROM ({rows}) AS q"
        which += f" AND turn <= {AT_ONCE}"
    return f"""
    MERGE INTO {{target}} AS t
    USING (
      WITH parted AS ({rows})
      SELECT `{table.key}` AS old_key, {names} FROM parted WHERE place = 1 AND {which}
      UNION ALL
      SELECT CAST(NULL AS STRING) AS old_key, {inserted} FROM parted WHERE {which}
    ) AS s
    ON t.`{table.key}` = s.old_key
    WHEN MATCHED THEN DELETE
    WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({sources})
    """


# --- no key at all ---
def find_without_id() -> Statements:
    """Children only: nobody but a person knows the BSNID of an account without one."""
    sql = """
    SELECT '' AS key, CONCAT('a row of the account ', COALESCE(account_bsnid, '(none)'),
        ' has no id') AS detail, 'give it one' AS repair
    FROM {target} WHERE COALESCE(TRIM(id), '') = '' ORDER BY 2
    """
    for table in CHILDREN:
        yield table, sql, {}


def give_ids() -> Statements:
    for table in CHILDREN:
        stamp = ", updated_at = CURRENT_TIMESTAMP(), updated_by = :actor"
        if table is PLATFORMS_STATUS:  # as in _part
            stamp = ""
        sql = f"""
        UPDATE {{target}} SET id = {_made_id(_sql.own_row(table))}{stamp}
        WHERE COALESCE(TRIM(id), '') = ''
        """
        yield table, sql, {}


# --- two statuses for one platform ---
def ranked_statuses() -> str:
    """All statuses: ``place`` 1 is the latest of its account and platform, however that is
    written; ``copies`` rows have its id. A status of no platform is nobody's rival."""
    platform = "COALESCE(NULLIF(LOWER(TRIM(platform)), ''), id)"
    return f"""
    SELECT *, ROW_NUMBER() OVER (PARTITION BY account_bsnid, same ORDER BY {_CHANGED}, id) AS place
    FROM (
      SELECT *, {platform} AS same, COUNT(*) OVER (PARTITION BY id) AS copies FROM {{target}}
    ) AS r
    """


# Only rows that their id tells apart: another row of that id must not be deleted, too.
_RIVALS = "FROM ({ranked}) AS r WHERE copies = 1 AND account_bsnid IS NOT NULL"


def find_double_statuses() -> Statements:
    rivals, status = _RIVALS.format(ranked=ranked_statuses()), "COALESCE(status, '')"
    sql = f"""
    SELECT account_bsnid AS key, CONCAT(CAST(COUNT(*) AS STRING), ' statuses for ',
        MAX(IF(place = 1, TRIM(platform), NULL)), ': “', MAX(IF(place = 1, {status}, NULL)),
        '” was set last, before that “',
        CONCAT_WS('”, “', SORT_ARRAY(COLLECT_LIST(IF(place > 1, {status}, NULL)))), '”')
      AS detail, 'keep the one that was set last' AS repair
    {rivals} GROUP BY account_bsnid, same
    HAVING COUNT(*) > 1 AND MIN(place) = 1 ORDER BY 1, 2
    """
    yield PLATFORMS_STATUS, sql, {}


def drop_older_statuses() -> Statements:
    rivals = _RIVALS.format(ranked=ranked_statuses())
    sql = f"""
    MERGE INTO {{target}} AS t
    USING (
      SELECT id FROM (
        SELECT id, place, MIN(place) OVER (PARTITION BY account_bsnid, same) AS first {rivals}
      ) AS o WHERE place > 1 AND first = 1
    ) AS s
    ON t.id = s.id
    WHEN MATCHED THEN DELETE
    """
    yield PLATFORMS_STATUS, sql, {}
