"""Each statement needs certain privileges, and fails without them."""

from __future__ import annotations

import pytest

from .conftest import ANN, BOB, assert_refused, grant_use


def test_reading_needs_the_catalog_the_schema_and_the_table(users):
    read = f"SELECT count(*) FROM {users.table}"
    assert_refused(users.ann, read, "USE CATALOG", f"Catalog '{users.catalog}'")
    users.admin.run(f"GRANT USE CATALOG ON CATALOG {users.catalog} TO `{ANN}`")
    assert_refused(users.ann, read, "USE SCHEMA", f"Schema '{users.catalog}.default'")
    users.admin.run(f"GRANT USE SCHEMA ON SCHEMA {users.catalog}.default TO `{ANN}`")
    assert_refused(users.ann, read, "SELECT", f"Table '{users.table}'")
    users.admin.run(f"GRANT SELECT ON TABLE {users.table} TO `{ANN}`")
    assert users.ann.value(read) == 3
    assert_refused(users.bob, read, "USE CATALOG", f"Catalog '{users.catalog}'")


def test_what_a_table_was_takes_the_same_as_what_it_is(users):
    feed = "ALTER TABLE {} SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')"
    users.admin.run(feed.format(users.table))
    grant_use(users, ANN)
    for read in (
        f"SELECT * FROM table_changes('{users.table}', 2)",
        f"SELECT * FROM {users.table} VERSION AS OF 1",
        f"DESCRIBE HISTORY {users.table}",
        f"CREATE TABLE mine DEEP CLONE {users.table}",
    ):
        assert_refused(users.ann, read, "SELECT", f"Table '{users.table}'")
    grant_use(users, ANN, "SELECT")
    assert users.ann.run(f"SELECT * FROM table_changes('{users.table}', 2)") == []
    assert_refused(
        users.ann,
        f"RESTORE TABLE {users.table} TO VERSION AS OF 1",
        "MODIFY",
        f"Table '{users.table}'",
    )


def test_one_users_statement_is_no_key_for_another(users):
    """A statement that was prepared for a user with the privilege."""
    grant_use(users, ANN, "SELECT")
    grant_use(users, BOB)
    read = f"SELECT * FROM {users.table} ORDER BY id"
    assert len(users.admin.run(read)) == len(users.ann.run(read)) == 3
    assert_refused(users.bob, read, "SELECT", f"Table '{users.table}'")
    write = f"UPDATE {users.table} SET n = n WHERE id = 'a'"
    assert users.admin.change(write) == 1
    assert_refused(users.bob, write, "MODIFY", f"Table '{users.table}'")
    assert_refused(users.ann, write, "MODIFY", f"Table '{users.table}'")


@pytest.mark.parametrize(
    ("statement", "privilege"),
    [
        ("INSERT INTO {table} VALUES ('x', 1)", "MODIFY"),
        ("UPDATE {table} SET n = 0", "MODIFY"),
        ("DELETE FROM {table}", "MODIFY"),
        ("MERGE INTO {table} t USING (SELECT 'q' AS id) s ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)", "MODIFY"),
        ("ALTER TABLE {table} ADD COLUMN x INT", "MANAGE"),
        ("COMMENT ON TABLE {table} IS 'mine'", "MANAGE"),
        ("DROP TABLE {table}", "MANAGE"),
        ("DROP TABLE IF EXISTS {table}", "MANAGE"),
        ("GRANT MODIFY ON TABLE {table} TO `ann@example.com`", "MANAGE"),
        ("REVOKE SELECT ON TABLE {table} FROM `ann@example.com`", "MANAGE"),
        ("DROP SCHEMA {catalog}.default CASCADE", "MANAGE"),
        ("DROP CATALOG {catalog} CASCADE", "MANAGE"),
        ("CREATE TABLE {catalog}.default.mine (a INT)", "CREATE TABLE"),
        ("CREATE SCHEMA {catalog}.mine", "CREATE SCHEMA"),
        ("CREATE SCHEMA IF NOT EXISTS {catalog}.default", "CREATE SCHEMA"),
        ("CREATE CATALOG {catalog}x", "CREATE CATALOG"),
    ],
)  # fmt: skip
def test_reading_does_not_mean_changing(users, statement, privilege):
    grant_use(users, ANN, "SELECT")
    error = users.ann.error(statement.format(**vars(users)))
    assert error.startswith("[INSUFFICIENT_PERMISSIONS]")
    assert f"does not have {privilege} on" in error
    assert users.admin.value(f"SELECT sum(n) FROM {users.table}") == 6


def test_changing_does_not_mean_reading(users):
    grant_use(users, ANN, "MODIFY")
    assert users.ann.change(f"INSERT INTO {users.table} VALUES ('d', 4)") == 1
    for statement in (
        f"SELECT * FROM {users.table}",
        f"UPDATE {users.table} SET n = 0 WHERE n = 1",
        f"DELETE FROM {users.table} WHERE n = 1",
        f"INSERT INTO {users.table} SELECT * FROM {users.table}",
        f"DESCRIBE HISTORY {users.table}",
    ):
        assert_refused(users.ann, statement, "SELECT", f"Table '{users.table}'")
    assert users.ann.change(f"DELETE FROM {users.table}") == 4


def test_joins_and_subqueries_need_every_table(users):
    grant_use(users, ANN, "SELECT")
    users.admin.run(f"CREATE TABLE {users.catalog}.default.other (id STRING, n INT)")
    other = f"{users.catalog}.default.other"
    for statement in (
        f"SELECT * FROM {users.table} t JOIN {other} o ON t.id = o.id",
        f"SELECT * FROM {users.table} WHERE id IN (SELECT id FROM {other})",
        f"SELECT (SELECT count(*) FROM {other}) AS n",
        f"WITH x AS (SELECT * FROM {other}) SELECT * FROM x",
        f"SELECT id FROM {users.table} UNION ALL SELECT id FROM {other}",
        f"SELECT * FROM {other} VERSION AS OF 0",
    ):
        assert_refused(users.ann, statement, "SELECT", f"Table '{other}'")
