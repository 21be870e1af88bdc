"""SQL functions: create, call and drop them; and the functions that are refused."""

from __future__ import annotations

import pytest

ANN = "ann@example.com"


@pytest.fixture
def functions(shell):
    shell.run("CREATE TABLE t (id STRING, n INT)")
    shell.change("INSERT INTO t VALUES ('a', 1), ('b', 2)")
    shell.run("CREATE FUNCTION twice(x INT) RETURNS INT COMMENT 'doubles' RETURN x * 2")
    return shell


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("twice(4)", 8),
        ("tests.{schema}.twice(4)", 8),
        ("`tests`.`{schema}`.`twice`(twice(1 + 1))", 8),
        ("(SELECT sum(twice(n)) FROM t)", 6),
        ("(SELECT max(n) FROM t WHERE twice(n) < 3)", 1),
        ("twice(:x)", 14),
        ("is_account_group_member('account users')", True),
        ("is_member('nobody''s')", False),
        ("session_user()", "developer@localhost"),
    ],
)
def test_calls_of_functions_return_their_values(functions, call, value):
    schema = functions.value("SELECT current_schema()")
    assert functions.value(f"SELECT {call.format(schema=schema)}", {"x": 7}) == value


def test_arguments_are_converted_and_bodies_kept_together(functions):
    functions.run("CREATE FUNCTION plus(a INT, b INT) RETURNS INT RETURN a + b")
    assert functions.value("SELECT plus('1', 2) * 10") == 30
    assert functions.value("SELECT twice(1 + 2)") == 6
    assert "WRONG_NUM_ARGS" in functions.error("SELECT plus(1)")


def test_a_body_may_read_tables_but_does_not_catch_the_callers_names(functions):
    functions.run(
        "CREATE FUNCTION known(x STRING) RETURNS BOOLEAN RETURN EXISTS (SELECT 1 FROM t WHERE id = x)"
    )
    assert functions.value("SELECT known('a')") is True
    assert functions.value("SELECT known('z')") is False
    functions.run("CREATE TABLE other (key STRING, id STRING)")
    functions.change("INSERT INTO other VALUES ('a', 'z')")
    assert functions.value("SELECT known(o.key) FROM other o") is True
    assert functions.value("SELECT known(o.id) FROM other o") is False
    assert "[UNSUPPORTED_FEATURE]" in functions.error("SELECT known(id) FROM other")


def test_replacing_takes_effect_at_once(functions):
    assert functions.value("SELECT twice(1)") == 2
    functions.run("CREATE OR REPLACE FUNCTION twice(x INT) RETURNS INT RETURN x * 20")
    assert functions.value("SELECT twice(1)") == 20
    functions.run("CREATE FUNCTION IF NOT EXISTS twice(x INT) RETURNS INT RETURN 0")
    assert functions.value("SELECT twice(1)") == 20
    assert "ROUTINE_ALREADY_EXISTS" in functions.error(
        "CREATE FUNCTION twice(x INT) RETURNS INT RETURN 0"
    )


def test_show_describe_and_drop(functions):
    schema = functions.value("SELECT current_schema()")
    assert [row[0] for row in functions.run("SHOW FUNCTIONS")] == [f"tests.{schema}.twice"]
    assert functions.run("SHOW FUNCTIONS LIKE 'x*'") == []
    lines = [row[0] for row in functions.run("DESCRIBE FUNCTION EXTENDED twice")]
    assert lines[0] == f"Function: tests.{schema}.twice"
    assert "Returns: INT" in lines
    functions.run("DROP FUNCTION twice")
    assert "UNRESOLVED_ROUTINE" in functions.error("SELECT twice(1)")
    assert "UNRESOLVED_ROUTINE" in functions.error("DROP FUNCTION twice")
    functions.run("DROP FUNCTION IF EXISTS twice")


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("CREATE FUNCTION f(x STRING) RETURNS TABLE(a INT) RETURN SELECT 1", "UNSUPPORTED_FEATURE"),
        ("CREATE FUNCTION f(x STRING) RETURNS STRING LANGUAGE PYTHON AS $$ return x $$", ""),
        ("CREATE FUNCTION f() RETURNS INT RETURN :x", "UNSUPPORTED_FEATURE"),
        ("CREATE FUNCTION f(x INT) RETURNS INT RETURN y", "UNRESOLVED_COLUMN"),
        ("CREATE FUNCTION upper(x STRING) RETURNS STRING RETURN x", "UNSUPPORTED_FEATURE"),
        ("CREATE FUNCTION contains(x STRING) RETURNS STRING RETURN x", "UNSUPPORTED_FEATURE"),
        ("CREATE FUNCTION soundex(x STRING) RETURNS STRING RETURN x", "UNSUPPORTED_FEATURE"),
        ("CREATE OR REPLACE FUNCTION twice(x INT) RETURNS INT RETURN twice(x)", "UNSUPPORTED_FEATURE"),
        ("SELECT nowhere.twice(1)", "UNRESOLVED_ROUTINE"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(functions, statement, error):
    assert functions.error(statement).startswith(f"[{error}")
    assert functions.value("SELECT twice(1)") == 2
