"""DEEP CLONE and RESTORE: copies of versions, and a return to an earlier version."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

CONTENT = "SELECT id, n FROM {} ORDER BY id, n"


@pytest.fixture
def table(shell):
    """Version 1 inserts a and b, version 2 inserts c, 3 changes b, 4 deletes a."""
    shell.run(
        "CREATE TABLE t (id STRING NOT NULL COMMENT 'key', n INT, CONSTRAINT t_pk PRIMARY KEY(id)) "
        "COMMENT 'things' TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')"
    )
    shell.change("INSERT INTO t VALUES ('a', 1), ('b', 2)")
    shell.change("INSERT INTO t VALUES ('c', 3)")
    shell.change("UPDATE t SET n = 20 WHERE id = 'b'")
    shell.change("DELETE FROM t WHERE id = 'a'")
    shell.name = f"tests.{shell.value('SELECT current_schema()')}.t"
    return shell


def content(shell, source="t"):
    return [tuple(row) for row in shell.run(CONTENT.format(source))]


V1, V2, NOW = [("a", 1), ("b", 2)], [("a", 1), ("b", 2), ("c", 3)], [("b", 20), ("c", 3)]


# --- clones ---
def test_a_deep_clone_is_a_table_of_its_own(table):
    (row,) = table.run("CREATE TABLE copy DEEP CLONE t")
    assert row.num_copied_files == row.source_num_of_files > 0
    assert (row.num_removed_files, row.copied_files_size) == (0, row.source_table_size)
    assert content(table, "copy") == NOW
    table.change("UPDATE copy SET n = 0")
    table.change("DELETE FROM t")
    assert content(table, "copy") == [("b", 0), ("c", 0)]
    table.run("DROP TABLE t")
    table.change("INSERT INTO copy VALUES ('z', 9)")
    assert content(table, "copy") == [("b", 0), ("c", 0), ("z", 9)]
    assert [r.operation for r in table.run("DESCRIBE HISTORY copy")][-1] == "CLONE"


def test_a_clone_of_a_version_or_a_moment(table):
    table.run("CREATE TABLE one DEEP CLONE t VERSION AS OF 1")
    assert content(table, "one") == V1
    moment = table.run("DESCRIBE HISTORY t")[2].timestamp
    table.run("CREATE TABLE two DEEP CLONE t TIMESTAMP AS OF :moment", {"moment": moment})
    assert content(table, "two") == V2
    assert "DELTA_VERSION_NOT_FOUND" in table.error("CREATE TABLE x DEEP CLONE t VERSION AS OF 99")


def test_what_a_clone_takes_along(table):
    table.run("ALTER TABLE t ADD CONSTRAINT small CHECK (n < 100)")
    table.run("CREATE TABLE copy DEEP CLONE t")
    assert "DELTA_VIOLATE_CONSTRAINT" in table.error("INSERT INTO copy VALUES ('x', 100)")
    assert "NOT_NULL" in table.error("INSERT INTO copy (n) VALUES (1)")
    properties = {row.key: row.value for row in table.run("SHOW TBLPROPERTIES copy")}
    assert properties["delta.enableChangeDataFeed"] == "true"
    described = {row.col_name: row.comment for row in table.run("DESCRIBE TABLE copy")}
    assert described["id"] == "key"
    keys = table.run(
        "SELECT table_name FROM information_schema.table_constraints "
        "WHERE constraint_schema = current_schema() AND constraint_type = 'PRIMARY KEY'"
    )
    assert [row.table_name for row in keys] == ["t"]


def test_a_clone_in_place_of_a_table(table):
    table.run("CREATE TABLE copy DEEP CLONE t VERSION AS OF 1")
    assert "ALREADY_EXISTS" in table.error("CREATE TABLE copy DEEP CLONE t")
    assert table.run("CREATE TABLE IF NOT EXISTS copy DEEP CLONE t") == []
    assert content(table, "copy") == V1
    (row,) = table.run("CREATE OR REPLACE TABLE copy DEEP CLONE t")
    assert row.num_removed_files > 0
    assert content(table, "copy") == NOW
    assert content(table, "copy VERSION AS OF 0") == V1
    table.change("UPDATE copy SET n = n + 1")
    assert content(table, "copy") == [("b", 21), ("c", 4)]


MAPPING = "'delta.columnMapping.mode' = 'name'"
DEFAULTS = "'delta.feature.allowColumnDefaults' = 'supported'"


def names(shell, table):
    return [row.col_name for row in shell.run(f"DESCRIBE TABLE {table}")]


def test_a_clone_of_a_version_is_described_as_that_was(shell):
    shell.run(f"CREATE TABLE s (id INT, v STRING) TBLPROPERTIES ({MAPPING}, {DEFAULTS})")
    shell.change("INSERT INTO s VALUES (1, 'a')")
    shell.run("ALTER TABLE s ADD CONSTRAINT positive CHECK (id > 0)")
    shell.run("ALTER TABLE s RENAME COLUMN v TO w")
    shell.run("ALTER TABLE s ADD COLUMN n INT")
    shell.run("ALTER TABLE s ADD CONSTRAINT whole CHECK (n > 0 OR w IS NULL OR id = 1)")
    shell.run("ALTER TABLE s SET TBLPROPERTIES ('later' = 'yes')")
    shell.run("ALTER TABLE s ALTER COLUMN w SET DEFAULT 'x'")
    shell.run("CREATE TABLE c CLONE s VERSION AS OF 1")
    assert names(shell, "c") == ["id", "v"]
    shell.change("INSERT INTO c VALUES (-1, 'b')")
    shell.change("INSERT INTO c (id) VALUES (-2)")
    found = [tuple(row) for row in shell.run("SELECT id, v FROM c ORDER BY id")]
    assert found == [(-2, None), (-1, "b"), (1, "a")]
    assert "later" not in {row.key for row in shell.run("SHOW TBLPROPERTIES c")}


def test_other_columns_in_place_of_a_table(table):
    table.run(f"CREATE TABLE other (x STRING, y INT) TBLPROPERTIES ({MAPPING})")
    table.change("INSERT INTO other VALUES ('o', 1)")
    table.run("CREATE OR REPLACE TABLE t DEEP CLONE other")
    assert names(table, "t") == ["x", "y"]
    table.change("INSERT INTO t VALUES ('p', 2)")
    table.change("UPDATE t SET y = 3 WHERE x = 'p'")
    assert [tuple(r) for r in table.run("SELECT * FROM t ORDER BY x")] == [("o", 1), ("p", 3)]
    assert content(table, "t VERSION AS OF 4") == NOW
    keys = "SELECT 1 FROM information_schema.table_constraints WHERE table_name = 't' "
    assert not table.run(keys + "AND constraint_schema = current_schema()")
    assert "DELTA_MISSING_CHANGE_DATA" in table.error("SELECT * FROM table_changes('t', 0)")
    table.run("ALTER TABLE t RENAME COLUMN y TO z")
    table.run("RESTORE t TO VERSION AS OF 4")
    assert content(table) == NOW


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("CREATE OR REPLACE TABLE t CLONE t", "DELTA_UNSUPPORTED_CLONE_REPLACE_SAME_TABLE"),
        ("CREATE TABLE x CLONE t LOCATION '/tmp/x'", "UNSUPPORTED_FEATURE"),
        ("CREATE TABLE x CLONE t TBLPROPERTIES ()", "PARSE_SYNTAX_ERROR"),
        ("CREATE TABLE x CLONE t nonsense", "PARSE_SYNTAX_ERROR"),
        ("CREATE TABLE x CLONE nothing", "TABLE_OR_VIEW_NOT_FOUND"),
    ],
)
def test_what_cannot_be_cloned(table, statement, error):
    assert error in table.error(statement)


def test_a_clone_is_deep_where_nothing_is_said_and_may_have_properties(table):
    (row,) = table.run(
        "CREATE TABLE copy CLONE t VERSION AS OF 1 "
        "TBLPROPERTIES ('delta.enableChangeDataFeed' = 'false', 'mine' = 'yes')"
    )
    assert row.num_copied_files > 0
    assert content(table, "copy") == V1
    properties = {row.key: row.value for row in table.run("SHOW TBLPROPERTIES copy")}
    assert (properties["delta.enableChangeDataFeed"], properties["mine"]) == ("false", "yes")


def test_no_clone_of_files_that_are_gone(server, shell):
    shell.run(
        "CREATE TABLE t (id INT) "
        "TBLPROPERTIES ('delta.deletedFileRetentionDuration' = 'interval 59 seconds')"
    )
    shell.change("INSERT INTO t VALUES (1)")
    shell.change("DELETE FROM t")
    shell.run("CREATE TABLE there CLONE t")
    shell.run("VACUUM t")

    def folders_and_files() -> set[Path]:
        tables = server.data / "tables"
        return {*tables.iterdir(), *tables.rglob("*.parquet")}

    before = folders_and_files()
    gone = "FAILED_READ_FILE.DBR_FILE_NOT_EXIST"
    assert gone in shell.error("CREATE TABLE copy CLONE t VERSION AS OF 1")
    assert gone in shell.error("CREATE OR REPLACE TABLE there CLONE t VERSION AS OF 1")
    assert folders_and_files() == before
    assert sorted(row.tableName for row in shell.run("SHOW TABLES")) == ["t", "there"]


# --- restore ---
def test_restore_to_a_version(table):
    (row,) = table.run("RESTORE TABLE t TO VERSION AS OF 2")
    assert (row.num_of_files_after_restore, row.num_restored_files) == (2, 1)
    assert row.table_size_after_restore > 0
    assert content(table) == V2
    history = table.run("DESCRIBE HISTORY t")
    assert (history[0].version, history[0].operation) == (5, "RESTORE")
    assert dict(history[0].operationParameters)["version"] == "2"
    # The versions before it can be restored.
    table.run("RESTORE t TO VERSION AS OF 4")
    assert content(table) == NOW
    table.change("UPDATE t SET n = 0 WHERE id = 'c'")
    assert content(table) == [("b", 20), ("c", 0)]


def test_a_delete_after_it_counts_its_rows(table):
    """Also in a clone, and after a rewrite of all files."""
    table.run("CREATE TABLE source DEEP CLONE t VERSION AS OF 2")
    restore, clone = "RESTORE t TO VERSION AS OF 2", "CREATE OR REPLACE TABLE t DEEP CLONE source"
    mapped = "ALTER TABLE t SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"
    rewrite = [restore, mapped, "ALTER TABLE t ADD COLUMN m INT", "ALTER TABLE t DROP COLUMN m"]
    for commands in ([restore], [clone], rewrite):
        for command in commands:
            table.run(command)
        for condition, count in ("id = 'b'", 1), ("n > 0", 2):
            (row,) = table.run(f"DELETE FROM t WHERE {condition}")
            assert row.num_affected_rows == count, commands


def test_restore_to_a_moment(table):
    moment = table.run("DESCRIBE HISTORY t")[3].timestamp
    table.run("RESTORE TABLE t TO TIMESTAMP AS OF :moment", {"moment": moment})
    assert content(table) == V1
    written = moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    table.run("RESTORE TABLE t TO VERSION AS OF 4")
    table.run(f"RESTORE TABLE t TO TIMESTAMP AS OF '{written}'")
    assert content(table) == V1


def test_what_cannot_be_restored(table):
    for to, error in (
        ("VERSION AS OF 9", "DELTA_CANNOT_RESTORE_TABLE_VERSION"),
        ("TIMESTAMP AS OF '2001-01-01'", "DELTA_CANNOT_RESTORE_TIMESTAMP_EARLIER"),
        ("TIMESTAMP AS OF '2999-01-01'", "DELTA_CANNOT_RESTORE_TIMESTAMP_GREATER"),
        ("VERSION AS OF", "PARSE_SYNTAX_ERROR"),
        ("YESTERDAY", "PARSE_SYNTAX_ERROR"),
    ):
        assert error in table.error(f"RESTORE TABLE t TO {to}"), to
        assert content(table) == NOW, to


def test_restoring_brings_the_columns_back(table):
    table.run("ALTER TABLE t ADD COLUMNS (note STRING)")
    table.run("RESTORE TABLE t TO VERSION AS OF 2")
    assert [row.col_name for row in table.run("DESCRIBE TABLE t")] == ["id", "n"]
    table.change("INSERT INTO t VALUES ('d', 4)")
    assert content(table) == [*V2, ("d", 4)]


def test_restoring_brings_back_what_was_said_of_the_table(shell):
    shell.run(
        "CREATE TABLE t (id INT COMMENT 'one', v STRING DEFAULT 'x', w STRING) COMMENT 'first' "
        f"TBLPROPERTIES ({MAPPING}, {DEFAULTS}, 'mine' = 'yes')"
    )
    shell.change("INSERT INTO t VALUES (1, 'a', 'b')")
    shell.run("ALTER TABLE t ADD CONSTRAINT positive CHECK (id > 0)")  # version 2
    shell.run("ALTER TABLE t ALTER COLUMN id SET NOT NULL")
    shell.run("ALTER TABLE t ADD COLUMN n INT")
    shell.run("ALTER TABLE t ADD CONSTRAINT small CHECK (n < 9 OR n IS NULL)")
    shell.run("ALTER TABLE t ADD CONSTRAINT n_pk PRIMARY KEY (n)")
    shell.run("ALTER TABLE t DROP CONSTRAINT positive")
    shell.run("ALTER TABLE t DROP COLUMN v")
    shell.run("ALTER TABLE t UNSET TBLPROPERTIES ('mine')")
    shell.run("COMMENT ON TABLE t IS 'second'")
    shell.run("COMMENT ON COLUMN t.id IS 'two'")
    shell.run("RESTORE t VERSION AS OF 2")
    assert "positive" in shell.error("INSERT INTO t (id) VALUES (-1)")
    shell.change("INSERT INTO t (id) VALUES (2)")
    shell.change("UPDATE t SET w = 'd' WHERE id = 2")
    found = [tuple(row) for row in shell.run("SELECT * FROM t ORDER BY id")]
    assert found == [(1, "a", "b"), (2, "x", "d")]
    assert {row.key: row.value for row in shell.run("SHOW TBLPROPERTIES t")}["mine"] == "yes"
    assert shell.run("DESCRIBE DETAIL t")[0].description == "first"
    assert shell.run("DESCRIBE TABLE t")[0].comment == "one"
    nullable = "SELECT is_nullable FROM information_schema.columns WHERE table_name = 't' "
    assert shell.value(nullable + "AND table_schema = current_schema() LIMIT 1") == "YES"


def test_restoring_to_before_the_feed_ends_it(shell):
    shell.run("CREATE TABLE t (id INT)")
    shell.change("INSERT INTO t VALUES (1)")
    shell.run("ALTER TABLE t SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')")
    shell.change("INSERT INTO t VALUES (2)")
    shell.run("RESTORE t TO VERSION AS OF 1")
    assert "DELTA_MISSING_CHANGE_DATA" in shell.error("SELECT * FROM table_changes('t', 2)")
    shell.run("RESTORE t TO VERSION AS OF 3")  # version 5, with the feed
    shell.change("INSERT INTO t VALUES (3)")
    assert "DELTA_MISSING_CHANGE_DATA" in shell.error("SELECT * FROM table_changes('t', 3)")
    found = shell.run("SELECT id, _commit_version FROM table_changes('t', 5) ORDER BY id")
    assert [tuple(row) for row in found] == [(2, 5), (3, 6)]


def test_changes_are_not_read_across_other_columns(table):
    table.run("ALTER TABLE t ADD COLUMN note STRING")
    table.change("UPDATE t SET note = 'x' WHERE id = 'b'")
    table.run("RESTORE t TO VERSION AS OF 4")
    error = table.error("SELECT * FROM table_changes('t', 5)")
    assert "DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_SCHEMA_CHANGE" in error
    table.change("INSERT INTO t VALUES ('z', 1)")
    assert table.value("SELECT COUNT(*) FROM table_changes('t', 8)") == 1


def test_what_a_policy_needs_is_not_restored_away(table):
    table.run("ALTER TABLE t ADD COLUMN note STRING")
    table.run("CREATE FUNCTION hidden (note STRING) RETURNS STRING RETURN '*'")
    table.run("ALTER TABLE t ALTER COLUMN note SET MASK hidden")
    assert "UC_DEPENDENCY_EXISTS" in table.error("RESTORE t TO VERSION AS OF 1")
    assert content(table) == NOW
