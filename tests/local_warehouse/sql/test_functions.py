"""SQL functions: inlined where they are called, with the caller's arguments."""

from __future__ import annotations

import pytest

from local_warehouse.sql.functions import called_name
from local_warehouse.sql.parsing import parse_expression

from .conftest import Expanded, MemoryCatalog, fails


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("f(1)", ["f"]),
        ("s.f(1)", ["s", "f"]),
        ("c.s.f(1)", ["c", "s", "f"]),
        ("`c d`.s.`f`(1)", ["c d", "s", "f"]),
        ("s.upper(1)", ["s", "upper"]),
        ("upper('x')", None),
        ("a.b", None),
        ("1", None),
    ],
)
def test_the_name_of_a_called_function(sql: str, expected: list[str] | None) -> None:
    assert called_name(parse_expression(sql)) == expected


def test_the_arguments_are_cast_and_the_result_too(
    engine_sql: Expanded, catalog: MemoryCatalog
) -> None:
    catalog.define("pair", "a b", "concat(b, a, pair.b)")
    assert engine_sql("SELECT pair(p.id, 7) FROM people p") == (
        "SELECT CAST((CONCAT(CAST(7 AS STRING), CAST(p.id AS STRING), CAST(7 AS STRING))) AS "
        "STRING) FROM warehouse.t_people AS p"
    )


def test_the_number_of_arguments_counts(engine_sql: Expanded, catalog: MemoryCatalog) -> None:
    catalog.define("f", "a", "a")
    for arguments, number in (("", 0), ("1, 2", 2)):
        with fails("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", f"actual number is {number}"):
            engine_sql(f"SELECT f({arguments})")


def test_an_argument_keeps_its_meaning(engine_sql: Expanded, catalog: MemoryCatalog) -> None:
    """An argument with the name of a parameter is not replaced again."""
    catalog.define("swap", "id name", "concat(name, id)")
    assert engine_sql("SELECT swap(name, id) FROM people") == (
        "SELECT CAST((CONCAT(CAST(id AS STRING), CAST(name AS STRING))) AS STRING) "
        "FROM warehouse.t_people AS `people`"
    )


def test_functions_call_functions(engine_sql: Expanded, catalog: MemoryCatalog) -> None:
    catalog.define("inner_", "a", "upper(a)")
    catalog.define("outer_", "x", "inner_(x)")
    assert engine_sql("SELECT outer_('v')") == (
        "SELECT CAST((CAST((UPPER(CAST(CAST('v' AS STRING) AS STRING))) AS STRING)) AS STRING)"
    )


def test_calls_within_arguments_are_inlined(engine_sql: Expanded, catalog: MemoryCatalog) -> None:
    catalog.define("f", "a", "upper(a)")
    sql = engine_sql("SELECT f(f('v'))")
    assert sql.count("UPPER") == 2
    assert "F(" not in sql.replace("UPPER(", "")


def test_no_function_calls_itself(engine_sql: Expanded, catalog: MemoryCatalog) -> None:
    catalog.define("one", "a", "two(a)")
    catalog.define("two", "a", "one(a)")
    with fails("UNSUPPORTED_FEATURE", "calls itself"):
        engine_sql("SELECT one(1)")


def test_a_column_of_a_subquery_hides_the_parameter(
    engine_sql: Expanded, catalog: MemoryCatalog
) -> None:
    catalog.define(
        "head_of", "team", "(SELECT max(head) FROM teams t WHERE t.team = head_of.team)"
    )
    assert "WHERE t.team = CAST('x' AS STRING)" in engine_sql("SELECT head_of('x')")
    catalog.define("same", "team", "(SELECT max(head) FROM teams WHERE team = 'x')")
    assert "WHERE team = 'x'" in engine_sql("SELECT same('y')")


def test_an_argument_is_not_captured_by_a_subquery(
    engine_sql: Expanded, catalog: MemoryCatalog
) -> None:
    catalog.define("head_of", "x", "(SELECT max(head) FROM teams WHERE teams.team = x)")
    with fails("UNSUPPORTED_FEATURE", "the argument team"):
        engine_sql("SELECT head_of(team) FROM people")
    with fails("UNSUPPORTED_FEATURE", "the argument teams.head"):
        engine_sql("SELECT head_of(teams.head) FROM people AS teams")
    assert "= CAST(people.team AS STRING)" in engine_sql("SELECT head_of(people.team) FROM people")


def test_an_unqualified_name_in_a_subquery_of_a_subquery_is_refused(
    engine_sql: Expanded, catalog: MemoryCatalog
) -> None:
    catalog.define("f", "x", "(SELECT max(x) FROM (SELECT head AS x FROM teams))")
    with fails("UNSUPPORTED_FEATURE", "the unqualified name x"):
        engine_sql("SELECT f('y')")


def test_a_body_is_found_from_its_own_namespace(
    engine_sql: Expanded, catalog: MemoryCatalog
) -> None:
    catalog.add("elsewhere", "a", schema="other")
    function = catalog.define("f", "", "(SELECT max(a) FROM elsewhere)")
    function.namespace = ["cat", "other"]
    assert "t_elsewhere" in engine_sql("SELECT f()")
    with fails("TABLE_OR_VIEW_NOT_FOUND"):
        engine_sql("SELECT * FROM elsewhere")
