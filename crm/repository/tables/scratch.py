"""Statements that only a rehearsal runs, in a scratch schema, which it drops at the end."""

from __future__ import annotations

from crm.model.namespace import Namespace, quoted
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES, Table
from crm.repository import _sql
from crm.warehouse import Warehouse

# Columns that the first version of the tables did not have.
_LATER = {"created_by", "updated_by"}

_BROKEN = """
INSERT INTO {updates} (id, account_bsnid, platform, description, created_at, updated_at)
VALUES ('broken', 'NOBODY', 'databricks', 'D', CURRENT_TIMESTAMP(), TIMESTAMP '2020-01-01')
"""
_AGAIN = """
INSERT INTO {use_cases} (id, account_bsnid, problem, created_at, updated_at)
SELECT id, account_bsnid, 'Another', created_at, updated_at FROM {use_cases} WHERE id = :id
"""
_STATUS_AGAIN = """
INSERT INTO {platforms_status} (id, account_bsnid, platform, status, created_at, updated_at)
SELECT 'again', account_bsnid, platform, status, created_at, created_at
FROM {platforms_status} WHERE id = :id
"""
_NO_ID = """
INSERT INTO {updates} (id, account_bsnid, description) VALUES ('', :bsnid, 'D')
"""


def drop(wh: Warehouse, home: Namespace) -> None:
    """Drop the schema with its tables."""
    sql = "DROP SCHEMA IF EXISTS {schema} CASCADE"
    wh.execute(_sql.fill(sql, schema=home.quoted_schema), repeatable=True)


def execute(wh: Warehouse, statement: str) -> int:
    """Run a statement of grants.py."""
    return wh.execute(statement, repeatable=True)


def create_first_version(wh: Warehouse, table: Table) -> None:
    """Create a table as in the first version: without audit columns, feed, clustering and keys."""
    columns = ", ".join(
        f"{quoted(column.name)} {column.type}"
        for column in table.columns
        if column.name not in _LATER
    )
    _run(wh, "CREATE TABLE {table} ({columns})", table, columns=columns)


def insert_first_version(wh: Warehouse) -> None:
    sql = """
    INSERT INTO {table} (bsnid, team, created_at, updated_at)
    VALUES ('OLD1', 'Kept', CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP())
    """
    _run(wh, sql, ACCOUNTS)


def break_rules(wh: Warehouse, bsnid: str, use_case: str, status: str) -> None:
    """Insert rows that the integrity checks find: orphans, unknown words, impossible times, rows
    without an id, and duplicates of these records."""
    _run(wh, _BROKEN, UPDATES)
    _run(wh, _NO_ID, UPDATES, {"bsnid": bsnid})
    _run(wh, _AGAIN, USE_CASES, {"id": use_case})
    _run(wh, _STATUS_AGAIN, PLATFORMS_STATUS, {"id": status})


def misspell(wh: Warehouse, use_case: str) -> None:
    """Give a use case a vocabulary word in another spelling."""
    sql = "UPDATE {table} SET status = LOWER(status) WHERE id = :id"
    _run(wh, sql, USE_CASES, {"id": use_case})


def read_missing_table(wh: Warehouse) -> None:
    sql = "SELECT 1 AS one FROM {table}"
    wh.query(_sql.fill(sql, table=wh.namespace.place("no_such_table")))


def read_missing_column(wh: Warehouse) -> None:
    table = wh.namespace.table(ACCOUNTS)
    wh.query(_sql.fill("SELECT no_such_column FROM {table}", table=table))


def read_missing_version(wh: Warehouse) -> None:
    table = wh.namespace.table(ACCOUNTS)
    sql = "SELECT bsnid FROM {table} VERSION AS OF 1000000"
    wh.query(_sql.fill(sql, table=table))


def insert_null_key(wh: Warehouse) -> None:
    _run(wh, "INSERT INTO {table} (team) VALUES ('No key')", ACCOUNTS)


def insert_twice_matched(wh: Warehouse, bsnid: str) -> None:
    """Run a MERGE whose source has two rows for one row of the table."""
    sql = """
    MERGE INTO {table} AS t
    USING (SELECT EXPLODE(ARRAY(:bsnid, :bsnid)) AS bsnid) AS s ON t.bsnid = s.bsnid
    WHEN MATCHED THEN UPDATE SET team = s.bsnid
    """
    _run(wh, sql, ACCOUNTS, {"bsnid": bsnid})


def write_where_nobody_may(wh: Warehouse) -> None:
    """Run a DELETE of no row on a system table."""
    wh.execute("DELETE FROM system.information_schema.tables WHERE FALSE", repeatable=True)


def forget_history(wh: Warehouse, table: Table) -> None:
    """Set the retention of the table's history to zero."""
    sql = """
    ALTER TABLE {table} SET TBLPROPERTIES (
      'delta.deletedFileRetentionDuration' = 'interval 0 hours',
      'delta.logRetentionDuration' = 'interval 0 hours')
    """
    _run(wh, sql, table)


def count_changes(wh: Warehouse, table: Table, start: int) -> None:
    """Read the change feed from this version on."""
    feed = wh.namespace.change_feed(table, start)
    wh.query(_sql.fill("SELECT COUNT(*) AS n FROM {feed}", feed=feed))


def _run(
    wh: Warehouse, sql: str, table: Table, params: dict[str, str] | None = None, **parts: str
) -> int:
    text = _sql.render(wh.namespace, sql, table=wh.namespace.table(table), **parts)
    return wh.execute(text, params, repeatable=False)
