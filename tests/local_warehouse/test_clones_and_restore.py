"""DEEP CLONE and RESTORE: versions copied, and brought back."""

from __future__ import annotations

import datetime as dt

import pytest

from .conftest import shell_on

CONTENT = "SELECT id, n FROM {} ORDER BY id, n"


@pytest.fixture
def table(shell):
    """Version 1 holds a, b; version 2 a, b, c; version 3 has b changed and a gone (4)."""
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


def test_clones_survive_a_restart(start):
    server = start()
    with shell_on(server) as shell:
        shell.run("CREATE TABLE t (id STRING)")
        shell.change("INSERT INTO t VALUES ('a')")
        shell.run("CREATE TABLE copy DEEP CLONE t")
    server.stop()
    with shell_on(start()) as shell:
        shell.change("INSERT INTO copy VALUES ('b')")
        assert [row.id for row in shell.run("SELECT id FROM copy ORDER BY id")] == ["a", "b"]


# --- restore ---
def test_restore_to_a_version(table):
    (row,) = table.run("RESTORE TABLE t TO VERSION AS OF 2")
    assert (row.num_of_files_after_restore, row.num_restored_files) == (2, 1)
    assert row.table_size_after_restore > 0
    assert content(table) == V2
    history = table.run("DESCRIBE HISTORY t")
    assert (history[0].version, history[0].operation) == (5, "RESTORE")
    assert dict(history[0].operationParameters)["version"] == "2"
    # What was there before can be had back.
    table.run("RESTORE t TO VERSION AS OF 4")
    assert content(table) == NOW
    table.change("UPDATE t SET n = 0 WHERE id = 'c'")
    assert content(table) == [("b", 20), ("c", 0)]


def test_restore_to_a_moment(table):
    moment = table.run("DESCRIBE HISTORY t")[3].timestamp
    table.run("RESTORE TABLE t TO TIMESTAMP AS OF :moment", {"moment": moment})
    assert content(table) == V1
    written = moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    table.run("RESTORE TABLE t TO VERSION AS OF 4")
    table.run(f"RESTORE TABLE t TO TIMESTAMP AS OF '{written}'")
    assert content(table) == V1


@pytest.mark.parametrize(
    ("to", "error"),
    [
        ("VERSION AS OF 9", "DELTA_CANNOT_RESTORE_TABLE_VERSION"),
        ("TIMESTAMP AS OF '2001-01-01'", "DELTA_CANNOT_RESTORE_TIMESTAMP_EARLIER"),
        ("TIMESTAMP AS OF '2999-01-01'", "DELTA_CANNOT_RESTORE_TIMESTAMP_GREATER"),
        ("VERSION AS OF", "PARSE_SYNTAX_ERROR"),
        ("YESTERDAY", "PARSE_SYNTAX_ERROR"),
    ],
)
def test_what_cannot_be_restored(table, to, error):
    assert error in table.error(f"RESTORE TABLE t TO {to}")
    assert content(table) == NOW


def test_restoring_brings_the_columns_back(table):
    table.run("ALTER TABLE t ADD COLUMNS (note STRING)")
    table.run("RESTORE TABLE t TO VERSION AS OF 2")
    assert [row.col_name for row in table.run("DESCRIBE TABLE t")] == ["id", "n"]
    table.change("INSERT INTO t VALUES ('d', 4)")
    assert content(table) == [*V2, ("d", 4)]
