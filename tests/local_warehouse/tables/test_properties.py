"""Table properties and comments are kept, or refused if they are invalid."""

from __future__ import annotations

import pytest


def test_properties_and_comments(tables):
    tables.run("ALTER TABLE accounts SET TBLPROPERTIES ('a' = 'b')")
    tables.run("ALTER TABLE accounts UNSET TBLPROPERTIES ('team.owner')")
    properties = dict(tuple(row) for row in tables.run("SHOW TBLPROPERTIES accounts"))
    assert properties == {"a": "b", "delta.enableChangeDataFeed": "true"}
    tables.run("COMMENT ON TABLE accounts IS :text", {"text": "it's new"})
    tables.run("COMMENT ON COLUMN accounts.team IS 'the team'")
    tables.run("ALTER TABLE accounts ALTER COLUMN seats COMMENT 'how many'")
    comments = {row.col_name: row for row in tables.run("DESCRIBE EXTENDED accounts")}
    assert comments["Comment"].data_type == "it's new"
    assert comments["team"].comment == "the team"
    assert comments["seats"].comment == "how many"


def test_properties_need_no_quotes(shell):
    shell.run(
        "CREATE TABLE t (id STRING) "
        "TBLPROPERTIES (delta.enableChangeDataFeed = true, 'a.b' = 'c', x = 5)"
    )
    shell.run("ALTER TABLE t SET TBLPROPERTIES (y.z = false, `w` = 'v')")
    shell.run("ALTER TABLE t UNSET TBLPROPERTIES (a.b, 'x')")
    found = {row.key: row.value for row in shell.run("SHOW TBLPROPERTIES t")}
    wanted = {"delta.enableChangeDataFeed": "true", "y.z": "false", "w": "v"}
    assert {key: found.get(key) for key in (*wanted, "a.b", "x")} == {
        **wanted,
        "a.b": None,
        "x": None,
    }
    refused = shell.error("ALTER TABLE t SET TBLPROPERTIES (y = concat('a', 'b'))")
    assert "[PARSE_SYNTAX_ERROR]" in refused


FEED = "'delta.enableChangeDataFeed' = 'true'"


@pytest.mark.parametrize(
    ("property_", "error"),
    [
        ("'delta.columnMapping.mode' = 'bogus'", "DELTA_MODE_NOT_SUPPORTED"),
        ("'delta.enableChangeDataFeed' = 'bogus'", "INVALID_PARAMETER_VALUE"),
        ("'delta.deletedFileRetentionDuration' = 'bogus'", "DELTA_INVALID_INTERVAL"),
    ],
)
def test_values_that_a_property_cannot_have(shell, property_, error):
    assert error in shell.error(f"CREATE TABLE p (id INT) TBLPROPERTIES ({property_})")
    shell.run("CREATE TABLE p (id INT)")
    assert error in shell.error(f"ALTER TABLE p SET TBLPROPERTIES ({property_})")
    assert error in shell.error(f"CREATE TABLE q CLONE p TBLPROPERTIES ({property_})")
    assert shell.run("SHOW TBLPROPERTIES p") == []


def test_the_mode_of_column_mapping_does_not_become_any_other(shell):
    shell.run("CREATE TABLE p (id INT) TBLPROPERTIES ('delta.columnMapping.mode' = 'name')")
    changed = shell.error("ALTER TABLE p SET TBLPROPERTIES ('delta.columnMapping.mode' = 'id')")
    assert "DELTA_UNSUPPORTED_COLUMN_MAPPING_MODE_CHANGE" in changed


@pytest.mark.parametrize("name", ["_change_type", "_commit_version", "_Commit_Timestamp"])
def test_the_feed_has_its_columns_for_itself(shell, name):
    error = "DELTA_TABLE_ALREADY_CONTAINS_CDC_COLUMNS"
    assert error in shell.error(f"CREATE TABLE p (id INT, {name} INT) TBLPROPERTIES ({FEED})")
    shell.run(f"CREATE TABLE p (id INT, {name} INT)")
    assert error in shell.error(f"ALTER TABLE p SET TBLPROPERTIES ({FEED})")
    shell.run(
        f"CREATE TABLE q (id INT) TBLPROPERTIES ({FEED}, 'delta.columnMapping.mode' = 'name')"
    )
    assert error in shell.error(f"ALTER TABLE q ADD COLUMN {name} INT")
    assert error in shell.error(f"ALTER TABLE q RENAME COLUMN id TO {name}")
    assert error in shell.error(f"CREATE OR REPLACE TABLE q CLONE p TBLPROPERTIES ({FEED})")
