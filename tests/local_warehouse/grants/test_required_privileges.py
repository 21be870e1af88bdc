"""Which privileges each statement needs, and the error without them."""

from __future__ import annotations

import pytest

from .conftest import ANN, BOB, assert_refused, let_in


def test_reading_needs_the_catalog_the_schema_and_the_table(cast):
    read = f"SELECT count(*) FROM {cast.table}"
    assert_refused(cast.ann, read, "USE CATALOG", f"Catalog '{cast.catalog}'")
    cast.admin.run(f"GRANT USE CATALOG ON CATALOG {cast.catalog} TO `{ANN}`")
    assert_refused(cast.ann, read, "USE SCHEMA", f"Schema '{cast.catalog}.default'")
    cast.admin.run(f"GRANT USE SCHEMA ON SCHEMA {cast.catalog}.default TO `{ANN}`")
    assert_refused(cast.ann, read, "SELECT", f"Table '{cast.table}'")
    cast.admin.run(f"GRANT SELECT ON TABLE {cast.table} TO `{ANN}`")
    assert cast.ann.value(read) == 3
    assert_refused(cast.bob, read, "USE CATALOG", f"Catalog '{cast.catalog}'")


def test_what_a_table_was_takes_the_same_as_what_it_is(cast):
    feed = "ALTER TABLE {} SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')"
    cast.admin.run(feed.format(cast.table))
    let_in(cast, ANN)
    for read in (
        f"SELECT * FROM table_changes('{cast.table}', 2)",
        f"SELECT * FROM {cast.table} VERSION AS OF 1",
        f"DESCRIBE HISTORY {cast.table}",
        f"CREATE TABLE mine DEEP CLONE {cast.table}",
    ):
        assert_refused(cast.ann, read, "SELECT", f"Table '{cast.table}'")
    let_in(cast, ANN, "SELECT")
    assert cast.ann.run(f"SELECT * FROM table_changes('{cast.table}', 2)") == []
    assert_refused(
        cast.ann,
        f"RESTORE TABLE {cast.table} TO VERSION AS OF 1",
        "MODIFY",
        f"Table '{cast.table}'",
    )


def test_one_users_statement_is_no_key_for_another(cast):
    """A statement that was prepared for a user with the privilege."""
    let_in(cast, ANN, "SELECT")
    let_in(cast, BOB)
    read = f"SELECT * FROM {cast.table} ORDER BY id"
    assert len(cast.admin.run(read)) == len(cast.ann.run(read)) == 3
    assert_refused(cast.bob, read, "SELECT", f"Table '{cast.table}'")
    write = f"UPDATE {cast.table} SET n = n WHERE id = 'a'"
    assert cast.admin.change(write) == 1
    assert_refused(cast.bob, write, "MODIFY", f"Table '{cast.table}'")
    assert_refused(cast.ann, write, "MODIFY", f"Table '{cast.table}'")


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
def test_reading_does_not_mean_changing(cast, statement, privilege):
    let_in(cast, ANN, "SELECT")
    error = cast.ann.error(statement.format(**vars(cast)))
    assert error.startswith("[INSUFFICIENT_PERMISSIONS]")
    assert f"does not have {privilege} on" in error
    assert cast.admin.value(f"SELECT sum(n) FROM {cast.table}") == 6


def test_changing_does_not_mean_reading(cast):
    let_in(cast, ANN, "MODIFY")
    assert cast.ann.change(f"INSERT INTO {cast.table} VALUES ('d', 4)") == 1
    for statement in (
        f"SELECT * FROM {cast.table}",
        f"UPDATE {cast.table} SET n = 0 WHERE n = 1",
        f"DELETE FROM {cast.table} WHERE n = 1",
        f"INSERT INTO {cast.table} SELECT * FROM {cast.table}",
        f"DESCRIBE HISTORY {cast.table}",
    ):
        assert_refused(cast.ann, statement, "SELECT", f"Table '{cast.table}'")
    assert cast.ann.change(f"DELETE FROM {cast.table}") == 4


def test_joins_and_subqueries_need_every_table(cast):
    let_in(cast, ANN, "SELECT")
    cast.admin.run(f"CREATE TABLE {cast.catalog}.default.other (id STRING, n INT)")
    other = f"{cast.catalog}.default.other"
    for statement in (
        f"SELECT * FROM {cast.table} t JOIN {other} o ON t.id = o.id",
        f"SELECT * FROM {cast.table} WHERE id IN (SELECT id FROM {other})",
        f"SELECT (SELECT count(*) FROM {other}) AS n",
        f"WITH x AS (SELECT * FROM {other}) SELECT * FROM x",
        f"SELECT id FROM {cast.table} UNION ALL SELECT id FROM {other}",
        f"SELECT * FROM {other} VERSION AS OF 0",
    ):
        assert_refused(cast.ann, statement, "SELECT", f"Table '{other}'")
