"""Renaming and dropping columns, column defaults, renaming tables."""

from __future__ import annotations

import threading

import pytest

from .conftest import shell_on

MAPPING = "'delta.columnMapping.mode' = 'name'"
DEFAULTS = "'delta.feature.allowColumnDefaults' = 'supported'"


@pytest.fixture
def table(shell):
    """Row a was inserted before the column ``note`` was added, row b afterwards."""
    shell.run(
        "CREATE TABLE t (id STRING NOT NULL COMMENT 'key', n INT, at TIMESTAMP, "
        "CONSTRAINT t_pk PRIMARY KEY(id)) CLUSTER BY (n) "
        f"TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true', {MAPPING})"
    )
    shell.change("INSERT INTO t VALUES ('a', 1, '2026-03-31T08:00:00.000001Z')")
    shell.run("ALTER TABLE t ADD COLUMN note STRING COMMENT 'later'")
    shell.change("INSERT INTO t VALUES ('b', 2, NULL, 'x')")
    return shell


def rows(shell, sql):
    return [tuple(row) for row in shell.run(sql)]


def names(shell, table="t"):
    return [column[0] for column in shell.run(f"SHOW COLUMNS IN {table}")]


# --- renaming ---
def test_a_renamed_column_keeps_its_values(table):
    table.run("ALTER TABLE t RENAME COLUMN n TO amount")
    assert names(table) == ["id", "amount", "at", "note"]
    assert rows(table, "SELECT id, amount, note FROM t ORDER BY id") == [
        ("a", 1, None),
        ("b", 2, "x"),
    ]
    assert table.value("SELECT at FROM t WHERE id = 'a'").microsecond == 1
    assert "UNRESOLVED_COLUMN" in table.error("SELECT n FROM t")
    table.change("UPDATE t SET amount = 5 WHERE id = 'a'")
    table.change("INSERT INTO t (id, amount) VALUES ('c', 9)")
    assert rows(table, "SELECT id, amount FROM t ORDER BY id") == [("a", 5), ("b", 2), ("c", 9)]
    described = {row.col_name: row.comment for row in table.run("DESCRIBE TABLE t")}
    assert described["id"] == "key"
    assert [row.operation for row in table.run("DESCRIBE HISTORY t")][2] == "RENAME COLUMN"


def test_older_versions_keep_the_old_name(table):
    table.run("ALTER TABLE t RENAME COLUMN n TO amount")
    assert rows(table, "SELECT id, n FROM t VERSION AS OF 3 ORDER BY id") == [("a", 1), ("b", 2)]
    assert "UNRESOLVED_COLUMN" in table.error("SELECT amount FROM t VERSION AS OF 3")
    table.run("RESTORE TABLE t TO VERSION AS OF 3")
    assert names(table) == ["id", "n", "at", "note"]
    assert rows(table, "SELECT id, n FROM t ORDER BY id") == [("a", 1), ("b", 2)]


def test_changes_are_read_from_there_on(table):
    table.run("ALTER TABLE t RENAME COLUMN n TO amount")
    version = table.run("DESCRIBE HISTORY t LIMIT 1")[0].version
    table.change("UPDATE t SET amount = 5 WHERE id = 'a'")
    error = table.error("SELECT * FROM table_changes('t', 0)")
    assert "DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_SCHEMA_CHANGE" in error
    found = f"SELECT amount, _change_type FROM table_changes('t', {version}) ORDER BY amount"
    assert rows(table, found) == [(1, "update_preimage"), (5, "update_postimage")]


# --- dropping ---
@pytest.mark.parametrize("words", ["COLUMN note", "COLUMNS (note)", "COLUMNS (note, at)"])
def test_a_dropped_column_is_gone(table, words):
    table.run(f"ALTER TABLE t DROP {words}")
    assert "note" not in names(table)
    assert rows(table, "SELECT id, n FROM t ORDER BY id") == [("a", 1), ("b", 2)]
    assert rows(table, "SELECT note FROM t VERSION AS OF 3 ORDER BY id") == [(None,), ("x",)]
    table.run("ALTER TABLE t ADD COLUMN note STRING")
    assert rows(table, "SELECT note FROM t ORDER BY id") == [(None,), (None,)]


def test_without_column_mapping_neither_is_possible(shell):
    shell.run("CREATE TABLE t (a INT, b INT)")
    rename, drop = "ALTER TABLE t RENAME COLUMN a TO c", "ALTER TABLE t DROP COLUMN a"
    assert "DELTA_UNSUPPORTED_RENAME_COLUMN" in shell.error(rename)
    assert "DELTA_UNSUPPORTED_DROP_COLUMN" in shell.error(drop)
    shell.run(f"ALTER TABLE t SET TBLPROPERTIES ({MAPPING})")
    shell.run(rename)
    assert names(shell) == ["c", "b"]


def test_what_is_in_use_stays(table):
    table.run("ALTER TABLE t ADD CONSTRAINT short CHECK (LENGTH(note) < 9 OR note IS NULL)")
    for action, error in (
        ("RENAME COLUMN nothing TO x", "UNRESOLVED_COLUMN"),
        ("RENAME COLUMN n TO note", "FIELD_ALREADY_EXISTS"),
        ("DROP COLUMN nothing", "UNRESOLVED_COLUMN"),
        ("DROP COLUMN n", "DELTA_UNSUPPORTED_DROP_CLUSTERING_COLUMN"),
        ("DROP COLUMN id", "t_pk"),
        ("RENAME COLUMN note TO y", "DELTA_CONSTRAINT_DEPENDENT_COLUMN_CHANGE"),
        ("DROP COLUMN note", "DELTA_CONSTRAINT_DEPENDENT_COLUMN_CHANGE"),
    ):
        assert error in table.error(f"ALTER TABLE t {action}"), action
        assert names(table) == ["id", "n", "at", "note"], action


# --- defaults ---
@pytest.fixture
def with_defaults(shell):
    shell.run(
        "CREATE TABLE d (id STRING NOT NULL, word STRING DEFAULT 'none', n INT DEFAULT 1 + 1) "
        f"TBLPROPERTIES ({DEFAULTS})"
    )
    return shell


def test_what_an_insert_leaves_out(with_defaults):
    with_defaults.change("INSERT INTO d (id) VALUES ('a'), ('b')")
    with_defaults.change("INSERT INTO d (n, id) SELECT 7, 'c'")
    with_defaults.change("INSERT INTO d VALUES ('d', DEFAULT, default), ('e', NULL, 5)")
    assert rows(with_defaults, "SELECT * FROM d ORDER BY id") == [
        ("a", "none", 2),
        ("b", "none", 2),
        ("c", "none", 7),
        ("d", "none", 2),
        ("e", None, 5),
    ]


def test_update_and_merge_to_the_default(with_defaults):
    with_defaults.change("INSERT INTO d VALUES ('a', 'x', 9), ('b', 'y', 9)")
    with_defaults.change("UPDATE d SET word = DEFAULT, n = n + 1 WHERE id = 'a'")
    with_defaults.change(
        "MERGE INTO d USING (SELECT EXPLODE(ARRAY('b', 'c')) AS id) AS s ON d.id = s.id "
        "WHEN MATCHED THEN UPDATE SET n = DEFAULT "
        "WHEN NOT MATCHED THEN INSERT (id, word) VALUES (s.id, DEFAULT)"
    )
    assert rows(with_defaults, "SELECT * FROM d ORDER BY id") == [
        ("a", "none", 10),
        ("b", "y", 2),
        ("c", "none", 2),
    ]


def test_a_default_is_set_and_dropped(with_defaults):
    with_defaults.run("ALTER TABLE d ALTER COLUMN word SET DEFAULT 'new'")
    with_defaults.run("ALTER TABLE d ALTER COLUMN n DROP DEFAULT")
    with_defaults.change("INSERT INTO d (id) VALUES ('a')")
    assert rows(with_defaults, "SELECT word, n FROM d") == [("new", None)]
    defaults = rows(
        with_defaults,
        "SELECT column_name, column_default FROM information_schema.columns "
        "WHERE table_name = 'd' AND table_schema = current_schema() ORDER BY ordinal_position",
    )
    assert defaults == [("id", None), ("word", "'new'"), ("n", None)]


def test_what_is_no_default(with_defaults):
    for value, kind in (
        ("'abc'", "DATA_TYPE"),
        ("3000000000", "DATA_TYPE"),
        ("(SELECT 1)", "SUBQUERY_EXPRESSION"),
        ("id", "UNRESOLVED_EXPRESSION"),
        ("nothing(1)", "UNRESOLVED_EXPRESSION"),
        ("SUM(1)", "NOT_CONSTANT"),
    ):
        expected = f"INVALID_DEFAULT_VALUE.{kind}"
        alter = f"ALTER TABLE d ALTER COLUMN n SET DEFAULT {value}"
        assert expected in with_defaults.error(alter), value
        create = f"CREATE TABLE e (id INT, n INT DEFAULT {value}) TBLPROPERTIES ({DEFAULTS})"
        assert expected in with_defaults.error(create), value
        with_defaults.change("INSERT INTO d (id) VALUES ('a')")
        with_defaults.change("UPDATE d SET n = DEFAULT")
        assert {row.n for row in with_defaults.run("SELECT n FROM d")} == {2}, value


def test_defaults_meet_constraints(with_defaults):
    with_defaults.run("ALTER TABLE d ADD CONSTRAINT small CHECK (n < 2)")
    assert "small" in with_defaults.error("INSERT INTO d (id) VALUES ('a')")
    with_defaults.change("INSERT INTO d (id, n) VALUES ('a', 1)")


def test_without_the_feature_there_are_no_defaults(shell):
    feature = "WRONG_COLUMN_DEFAULTS_FOR_DELTA_FEATURE_NOT_ENABLED"
    assert feature in shell.error("CREATE TABLE t (a INT DEFAULT 1)")
    shell.run("CREATE TABLE t (a INT)")
    assert feature in shell.error("ALTER TABLE t ALTER COLUMN a SET DEFAULT 1")
    added = shell.error("ALTER TABLE t ADD COLUMN b INT DEFAULT 1")
    assert "WRONG_COLUMN_DEFAULTS_FOR_DELTA_ALTER_TABLE_ADD_COLUMN_NOT_SUPPORTED" in added


# --- renaming tables ---
def test_a_renamed_table_is_the_same_table(table):
    table.run("ALTER TABLE t RENAME TO u")
    assert "TABLE_OR_VIEW_NOT_FOUND" in table.error("SELECT * FROM t")
    assert table.value("SELECT COUNT(*) FROM u") == 2
    assert table.value("SELECT COUNT(*) FROM u VERSION AS OF 1") == 1
    table.change("UPDATE u SET n = 0")
    table.run("CREATE TABLE t (a INT)")
    assert "TABLE_OR_VIEW_ALREADY_EXISTS" in table.error("ALTER TABLE t RENAME TO u")


def test_readers_do_not_notice_that_columns_change(table, server):
    failures, done, schema = [], threading.Event(), table.value("SELECT current_schema()")

    def read():
        with shell_on(server, catalog="tests", schema=schema) as other:
            while not done.is_set():
                try:
                    if len(other.run("SELECT * FROM t")) != 2:
                        failures.append("rows are missing")
                except Exception as error:  # noqa: BLE001 - shown by the test
                    failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(4):
        table.run("ALTER TABLE t RENAME COLUMN note TO remark")
        table.run("ALTER TABLE t RENAME COLUMN remark TO note")
    done.set()
    for reader in readers:
        reader.join()
    assert failures == []
