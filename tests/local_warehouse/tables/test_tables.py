"""DDL: CREATE, ALTER, DROP, DESCRIBE and SHOW work, and ignore no clause."""

from __future__ import annotations

import pytest

from .conftest import ACCOUNTS, CASES


def test_describe_extended_shows_everything(tables):
    rows = {row.col_name: row for row in tables.run("DESCRIBE TABLE EXTENDED accounts")}
    assert (rows["bsnid"].data_type, rows["bsnid"].comment) == ("string", "The key")
    assert rows["Comment"].data_type == "Teams; it's a test"
    assert rows["Table Properties"].data_type == (
        "[delta.enableChangeDataFeed=true,team.owner=edip]"
    )
    assert rows["accounts_pk"].data_type == "PRIMARY KEY (`bsnid`)"
    assert "# Clustering Information" in rows


def test_the_information_schema_describes_the_tables(tables):
    schema = tables.value("SELECT current_schema()")
    constraints = tables.run(
        "SELECT constraint_name, constraint_type, enforced "
        "FROM tests.information_schema.table_constraints "
        "WHERE table_schema = :s ORDER BY constraint_name",
        {"s": schema},
    )
    assert [tuple(row) for row in constraints] == [
        ("accounts_pk", "PRIMARY KEY", "NO"),
        ("cases_fk", "FOREIGN KEY", "NO"),
        ("cases_pk", "PRIMARY KEY", "NO"),
    ]
    columns = tables.run(
        "SELECT c.column_name, c.is_nullable, c.data_type, k.constraint_name "
        "FROM information_schema.columns c LEFT JOIN information_schema.key_column_usage k "
        "ON k.table_schema = c.table_schema AND k.table_name = c.table_name "
        "AND k.column_name = c.column_name "
        "WHERE c.table_schema = :s AND c.table_name = 'accounts' ORDER BY c.ordinal_position",
        {"s": schema},
    )
    assert [tuple(row) for row in columns] == [
        ("bsnid", "NO", "STRING", "accounts_pk"),
        ("team", "YES", "STRING", None),
        ("seats", "YES", "INT", None),
    ]
    found = tables.run(
        "SELECT s.schema_name, t.table_name, t.comment FROM system.information_schema.tables t "
        "JOIN system.information_schema.schemata s ON s.schema_name = t.table_schema "
        "JOIN system.information_schema.catalogs c ON c.catalog_name = t.table_catalog "
        "WHERE t.table_schema = :s AND t.table_name = 'accounts'",
        {"s": schema},
    )
    assert [tuple(row) for row in found] == [(schema, "accounts", "Teams; it's a test")]


def test_show_commands_list_what_exists(tables):
    schema = tables.value("SELECT current_database()")
    names = [row.tableName for row in tables.run("SHOW TABLES")]
    assert names == ["accounts", "cases"]
    assert len(tables.run(f"SHOW TABLES IN tests.{schema} LIKE 'acc*'")) == 1
    assert len(tables.run("SHOW TABLES LIKE :pattern", {"pattern": "cases"})) == 1
    assert "tests" in [row.catalog for row in tables.run("SHOW CATALOGS")]
    assert schema in [row.databaseName for row in tables.run("SHOW SCHEMAS IN tests")]
    assert [row.col_name for row in tables.run("SHOW COLUMNS IN cases")] == ["id", "account"]
    assert ("team.owner", "edip") in [tuple(r) for r in tables.run("SHOW TBLPROPERTIES accounts")]


def test_creating_a_table_twice_is_refused(tables):
    assert "[TABLE_OR_VIEW_ALREADY_EXISTS]" in tables.error(ACCOUNTS)
    tables.run(CASES.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
    schema = tables.value("SELECT current_schema()")
    assert "[SCHEMA_ALREADY_EXISTS]" in tables.error(f"CREATE SCHEMA tests.{schema}")
    tables.run(f"CREATE SCHEMA IF NOT EXISTS tests.{schema} COMMENT 'again'")
    assert "[CATALOG_ALREADY_EXISTS]" in tables.error("CREATE CATALOG tests")


def test_names_are_case_insensitive(tables):
    tables.change("INSERT INTO ACCOUNTS (BSNID, Team) VALUES ('1', 'x')")
    assert tables.value("SELECT A.TEAM FROM Accounts A WHERE bsnid = '1'") == "x"


def test_add_column_keeps_rows(tables):
    tables.change("INSERT INTO accounts VALUES ('1', 'x', 5)")
    tables.run(
        "ALTER TABLE accounts ADD COLUMNS (note STRING COMMENT 'free text', tags ARRAY<STRING>)"
    )
    assert tuple(tables.run("SELECT * FROM accounts")[0]) == ("1", "x", 5, None, None)
    tables.change("UPDATE accounts SET note = 'n', tags = array('a') WHERE bsnid = '1'")
    row = tables.run("SELECT note, tags FROM accounts")[0]
    assert (row.note, list(row.tags)) == ("n", ["a"])
    assert "[FIELD_ALREADY_EXISTS]" in tables.error("ALTER TABLE accounts ADD COLUMN note STRING")


def test_a_failed_change_leaves_the_description_as_it_was(tables):
    tables.error("ALTER TABLE accounts ADD COLUMNS (fresh STRING, team STRING)")
    assert [row.col_name for row in tables.run("SHOW COLUMNS IN accounts")] == [
        "bsnid",
        "team",
        "seats",
    ]


def test_what_is_dropped_is_gone_and_can_be_created_again(tables):
    schema = tables.value("SELECT current_schema()")
    assert "[SCHEMA_NOT_EMPTY]" in tables.error(f"DROP SCHEMA tests.{schema}")
    tables.run("DROP TABLE cases")
    tables.run("DROP TABLE IF EXISTS cases")
    assert "[TABLE_OR_VIEW_NOT_FOUND]" in tables.error("DROP TABLE cases")
    assert "[TABLE_OR_VIEW_NOT_FOUND]" in tables.error("SELECT * FROM cases")
    tables.run(CASES)
    assert tables.value("SELECT count(*) FROM cases") == 0


def test_use_changes_the_catalog_and_schema_of_the_session(tables):
    tables.run("USE CATALOG workspace")
    assert tables.value("SELECT current_catalog()") == "workspace"
    assert "[TABLE_OR_VIEW_NOT_FOUND]" in tables.error("SELECT * FROM accounts")
    tables.run("USE workspace.default")
    assert tables.value("SELECT current_schema()") == "default"
    assert "[SCHEMA_NOT_FOUND]" in tables.error("USE SCHEMA nowhere")


@pytest.mark.parametrize(
    ("statement", "error_class"),
    [
        ("SELEC 1", "PARSE_SYNTAX_ERROR"),
        ("", "PARSE_SYNTAX_ERROR"),
        ("SELECT 1; SELECT 2", "PARSE_SYNTAX_ERROR"),
        ("CREATE VIEW v AS SELECT 1", "UNSUPPORTED_FEATURE"),
        ("CREATE TABLE t AS SELECT 1 AS a", "UNSUPPORTED_FEATURE"),
        ("CREATE TABLE t (a INT) USING CSV", "UNSUPPORTED_FEATURE"),
        ("CREATE TABLE t (a INT GENERATED ALWAYS AS IDENTITY)", "UNSUPPORTED_FEATURE"),
        ("CREATE TABLE t (a INT) CLUSTER BY (b)", "UNRESOLVED_COLUMN"),
        ("CREATE TABLE t (a INT, A INT)", "COLUMN_ALREADY_EXISTS"),
        ("CREATE TABLE nowhere.t (a INT)", "SCHEMA_NOT_FOUND"),
        ("CREATE SCHEMA nowhere.s", "NO_SUCH_CATALOG_EXCEPTION"),
        ("ALTER TABLE accounts SET ROW FILTER f ON (team)", "UNRESOLVED_ROUTINE"),
        ("ALTER TABLE accounts ALTER COLUMN nope SET NOT NULL", "UNRESOLVED_COLUMN"),
        ("TRUNCATE TABLE accounts", "UNSUPPORTED_FEATURE"),
        ("INSERT OVERWRITE accounts SELECT 1, 2, 3", "UNSUPPORTED_FEATURE"),
        ("INSERT INTO accounts (bsnid, nope) VALUES ('1', 2)", "UNRESOLVED_COLUMN"),
        ("INSERT INTO accounts (bsnid, team) VALUES ('1')", "INSERT_COLUMN_ARITY_MISMATCH"),
        ("INSERT INTO accounts VALUES ('1', 'x', 3, 4)", "INSERT_COLUMN_ARITY_MISMATCH"),
        ("UPDATE accounts SET nope = 1", "UNRESOLVED_COLUMN"),
        ("SELECT nope FROM accounts", "UNRESOLVED_COLUMN"),
        ("SELECT * FROM nowhere.at.all", "TABLE_OR_VIEW_NOT_FOUND"),
        ("SELECT nosuchfunction(1)", "UNRESOLVED_ROUTINE"),
        ("SELECT CAST('abc' AS INT)", "CAST_INVALID_INPUT"),
        ("SELECT 1 / 0", "DIVIDE_BY_ZERO"),
        ("SELECT * FROM delta.`/tmp/somewhere`", "UNSUPPORTED_FEATURE"),
        ("CREATE CATALOG system", "CATALOG_ALREADY_EXISTS"),
        ("CREATE TABLE system.query.mine (a INT)", "NO_SUCH_CATALOG_EXCEPTION"),
        ("DELETE FROM information_schema.tables", "INSUFFICIENT_PERMISSIONS"),
        ("SELECT * FROM information_schema.nothing", "TABLE_OR_VIEW_NOT_FOUND"),
        ("SET TIMEZONE = 'Europe/Berlin'", "UNSUPPORTED_FEATURE"),
        ("SET no.such.setting = 1", "CONFIG_NOT_AVAILABLE"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_in_databricks_words(tables, statement, error_class):
    error = tables.error(statement)
    assert error.startswith(f"[{error_class}"), error
    assert "SQLSTATE: " in error


def test_fields_of_a_struct_keep_their_names(shell):
    shell.run("CREATE TABLE p (s STRUCT<aB: INT, c: ARRAY<STRUCT<dE: STRING>>>, d DECIMAL(4,1))")
    shell.run("ALTER TABLE p ADD COLUMN t STRUCT<fG: INT>")
    shell.change(
        "INSERT INTO p SELECT named_struct('aB', 1, 'c', array(named_struct('dE', 'x'))), 1.5, "
        "named_struct('fG', 2)"
    )
    assert shell.value("SELECT s.aB FROM p") == 1
    (row,) = shell.run("SELECT CAST(to_json(s) AS STRING) AS s, to_json(t) AS t FROM p")
    assert (row.s, row.t) == ('{"aB":1,"c":[{"dE":"x"}]}', '{"fG":2}')
    assert [row.data_type for row in shell.run("DESCRIBE p")] == [
        "struct<aB: int, c: array<struct<dE: string>>>",
        "decimal(4, 1)",
        "struct<fG: int>",
    ]
