"""SQL that Databricks has and the local warehouse does not do: an error of its own, no typo's."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "statement",
    [
        "begin select 1; end",
        "BEGIN TRANSACTION",
        "COMMIT",
        "SELECT 'a' COLLATE UTF8_LCASE = 'A'",
        "SELECT collate('a', 'UNICODE')",
        "SELECT id FROM t ORDER BY id COLLATE UNICODE_CI_AI",
        "UPDATE t SET id = 'b' WHERE id COLLATE UNICODE_CI = 'A'",
        "CREATE TABLE other (id STRING COLLATE UTF8_LCASE)",
        "ALTER TABLE t ALTER COLUMN id TYPE STRING COLLATE UTF8_LCASE",
        "SET QUERY_TAGS['team'] = 'crm'",
        "SET QUERY_TAGS['team'] = UNSET",
        "SET VAR x = 1",
        "MERGE WITH SCHEMA EVOLUTION INTO t USING t AS s ON t.id = s.id WHEN MATCHED THEN DELETE",
        "REORG TABLE t APPLY (PURGE)",
        "UNDROP TABLE t",
        "REPLACE TABLE t AS SELECT 1 AS a",
        "EXPLAIN SELECT * FROM t",
        "SHOW PARTITIONS t",
        "CALL p()",
        "EXECUTE IMMEDIATE 'SELECT 1'",
    ],
)
def test_it_is_unsupported(shell, statement):
    shell.run("CREATE TABLE t (id STRING)")
    assert shell.error(statement).startswith("[UNSUPPORTED_FEATURE]")


@pytest.mark.parametrize("statement", ["SELEC 1", "SET QUERY_TAGS", "SELECT 1; SELECT 2"])
def test_a_mistake_is_a_syntax_error(shell, statement):
    assert shell.error(statement).startswith("[PARSE_SYNTAX_ERROR]")


def test_settings(shell):
    shell.run("SET QUERY_TAGS = 'team:crm'")
    shell.run("SET TIME ZONE 'UTC'")
    assert dict(shell.run("SET"))["QUERY_TAGS"] == "team:crm"
    assert shell.error("SET TIME ZONE 'Europe/Berlin'").startswith("[UNSUPPORTED_FEATURE]")
