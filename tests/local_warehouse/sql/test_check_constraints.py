"""CHECK constraints: written into the first value of a write."""

from __future__ import annotations

import pytest
from sqlglot import exp

from local_warehouse.catalog.objects import Column, Table
from local_warehouse.sql.check_constraints import add_checks
from local_warehouse.sql.parsing import parse_expression


@pytest.fixture
def table() -> Table:
    columns = [Column("a", "INT"), Column("b", "INT")]
    return Table("cat", "sch", "t", columns, "owner", checks={"positive": "a + B > 0"})


def checked(table: Table, alias: str | None = None, **values: str) -> dict[str, str]:
    given = {name: parse_expression(value) for name, value in values.items()}
    added = add_checks(table, given, alias)
    return {name: value.sql(dialect="databricks") for name, value in added.items()}


def violation(table: Table) -> str:
    return (
        "RAISE_ERROR('[DELTA_VIOLATE_CONSTRAINT_WITH_VALUES] CHECK constraint positive "
        "(a + B > 0) violated by a row of cat.sch.t. SQLSTATE: 23001')"
    )


def test_an_insert_checks_its_new_values(table: Table) -> None:
    assert checked(table, a="x", b="y - 1") == {
        "a": f"CASE WHEN COALESCE(((x) + (y - 1) > 0), FALSE) THEN x ELSE {violation(table)} END",
        "b": "y - 1",
    }


def test_an_update_reads_the_other_columns_from_the_row(table: Table) -> None:
    assert checked(table, "t", b="5") == {
        "b": f"CASE WHEN COALESCE((`t`.`a` + (5) > 0), FALSE) THEN 5 ELSE {violation(table)} END"
    }


def test_every_check_is_made(table: Table) -> None:
    table.checks["small"] = "a < 10"
    (value,) = checked(table, "t", a="1").values()
    assert value.count("RAISE_ERROR") == 2
    assert "CHECK constraint small (a < 10)" in value


def test_an_unknown_result_is_a_violation(table: Table) -> None:
    """Delta refuses a row for which a check is NULL: only TRUE passes."""
    (value,) = checked(table, "t", a="NULL").values()
    assert "COALESCE" in value
    assert "FALSE" in value


def test_nothing_to_check(table: Table) -> None:
    assert checked(table, "t") == {}
    table.checks.clear()
    assert checked(table, "t", a="1") == {"a": "1"}


def test_the_given_values_are_not_changed(table: Table) -> None:
    value: exp.Expr = parse_expression("x")
    add_checks(table, {"a": value}, "t")
    assert value.sql() == "x"
