"""Parsing: one statement as a tree, and commands word by word."""

from __future__ import annotations

import pytest
from sqlglot import exp

from local_warehouse.sql.parameters import Parameters
from local_warehouse.sql.parsing import (
    Words,
    parse,
    parse_condition,
    parse_expression,
    property_of,
    text_of,
    type_name,
)

from .conftest import fails
from .test_parameters import sent


def words(sql: str, *parameters) -> Words:
    return Words(sql, Parameters(list(parameters)))


@pytest.mark.parametrize(
    ("sql", "spelled_out"),
    [
        ("SELECT * FROM t@v3", "SELECT * FROM t VERSION AS OF 3"),
        ("SELECT * FROM a.b.t@V12 AS x", "SELECT * FROM a.b.t VERSION AS OF 12 AS x"),
        (
            "SELECT * FROM t@20260131120000123",
            "SELECT * FROM t TIMESTAMP AS OF '2026-01-31 12:00:00.123'",
        ),
        ("SELECT '@v3', 1", "SELECT '@v3', 1"),
        (
            "SELECT * FROM t@v1 JOIN u@v2 ON a = b",
            "SELECT * FROM t VERSION AS OF 1 JOIN u VERSION AS OF 2 ON a = b",
        ),
    ],
)
def test_versions_after_an_at_sign(sql: str, spelled_out: str) -> None:
    assert parse(sql).sql(dialect="databricks") == spelled_out


@pytest.mark.parametrize("sql", ["SELECT * FROM t@x3", "SELECT * FROM t @v3", "SELECT 1 @ 2"])
def test_other_at_signs_are_syntax_errors(sql: str) -> None:
    with fails("PARSE_SYNTAX_ERROR", "@"):
        parse(sql)


@pytest.mark.parametrize("sql", ["SELECT FROM WHERE", "SELECT 'open", "SELECT 1; SELECT 2", ""])
def test_what_is_not_one_statement_is_a_syntax_error(sql: str) -> None:
    with fails("PARSE_SYNTAX_ERROR"):
        parse(sql)


def test_escapes_in_strings_of_statements_and_commands() -> None:
    sql, meant = r"'a\nb\tc\\d\u00e9'", "a\nb\tc\\dé"
    assert parse(f"SELECT {sql}").selects[0].name == meant
    assert words(sql).string() == meant


def test_one_statement_may_end_in_a_semicolon() -> None:
    assert parse("SELECT 1;").sql() == "SELECT 1"


def test_deeply_nested_sql_is_a_syntax_error_and_no_crash() -> None:
    with fails("PARSE_SYNTAX_ERROR"):
        parse(f"SELECT {'(' * 5000}1{')' * 5000}")


def test_expressions_and_conditions() -> None:
    assert parse_expression("a + 1").sql() == "a + 1"
    assert parse_condition("a > 1 AND b IS NULL").sql() == "a > 1 AND b IS NULL"
    with fails("PARSE_SYNTAX_ERROR"):
        parse_condition("a >")


def test_only_a_string_literal_is_text() -> None:
    assert text_of(exp.Literal.string("it's")) == "it's"
    with fails("PARSE_SYNTAX_ERROR", "a string is expected"):
        text_of(exp.Literal.number(1))


def test_types_are_written_as_databricks_writes_them() -> None:
    column = parse("CREATE TABLE t (a array<struct<x: int>>)").find(exp.ColumnDef)
    assert column is not None
    assert type_name(column.args["kind"]) == "ARRAY<STRUCT<x: INT>>"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("'delta.x' = 'yes'", ("delta.x", "yes")),
        ("delta.appendOnly = true", ("delta.appendOnly", "true")),
        ("'n' = 5", ("n", "5")),
        ("'n' = -5", ("n", "-5")),
    ],
)
def test_properties_have_names_and_values_as_written(
    given: str, expected: tuple[str, str]
) -> None:
    item = parse(f"CREATE TABLE t (a INT) TBLPROPERTIES ({given})").find(exp.Property)
    assert type(item) is exp.Property
    assert property_of(item) == expected


def test_a_command_is_read_from_left_to_right() -> None:
    read = words("SHOW `Tables` in a.`b c` LIKE 'x*';")
    read.expect("SHOW", "TABLES")
    assert not read.accept("FROM")
    assert read.accept("IN")
    assert read.name() == ["a", "b c"]
    assert read.more
    assert read.next_is("LIKE")
    assert read.contains("SHOW", "TABLES")
    assert not read.contains("TABLES", "SHOW")
    read.expect("LIKE")
    assert read.string() == "x*"
    assert not read.more
    assert read.next_is("ANYTHING")
    read.end()


def test_accept_reads_all_its_words_or_none() -> None:
    read = words("IF NOT EXISTS t")
    assert not read.accept("IF", "EXISTS")
    assert read.accept("IF", "NOT", "EXISTS")
    with fails("PARSE_SYNTAX_ERROR", "'t'"):
        read.end()


def test_expect_names_what_is_there_instead() -> None:
    with fails("PARSE_SYNTAX_ERROR", "'people'"):
        words("people").expect("TABLE")
    with fails("PARSE_SYNTAX_ERROR", "end of input"):
        words("").expect("TABLE")


def test_a_table_has_up_to_three_names() -> None:
    assert words("a.b.c").table().sql("databricks") == "`a`.`b`.`c`"
    assert words("c").table().sql("databricks") == "`c`"
    with fails("PARSE_SYNTAX_ERROR"):
        words("a.b.c.d").table()


def test_strings_and_numbers_may_be_parameters() -> None:
    assert words(":p", sent("p", "text")).string() == "text"
    assert words(":p", sent("p", "7", "INT")).number() == 7
    assert words("7").number() == 7
    with fails("PARSE_SYNTAX_ERROR", "a string is expected"):
        words("word").string()
    for text in ("-7", "seven", "7.5"):
        with fails("PARSE_SYNTAX_ERROR"):
            words(text).number()
    with fails("UNBOUND_SQL_PARAMETER"):
        words(":q", sent("p", "text")).string()


def test_property_names_are_quoted_or_dotted() -> None:
    read = words("'delta.a b', delta.x.y")
    assert read.property_name() == "delta.a b"
    read.expect(",")
    assert read.property_name() == "delta.x.y"


def test_until_returns_the_sql_as_it_was_written() -> None:
    read = words("current_date()  -  1 TBLPROPERTIES (x)")
    assert read.until("TBLPROPERTIES", "LOCATION") == "current_date()  -  1"
    assert read.accept("TBLPROPERTIES")
    assert words("1 + 1;").until() == "1 + 1"
    with fails("PARSE_SYNTAX_ERROR", "end of input"):
        words("").until()
