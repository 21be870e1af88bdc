"""Column defaults: in the place of DEFAULT, and of columns that an INSERT leaves out."""

from __future__ import annotations

import pytest
from sqlglot import exp

from local_warehouse.catalog.objects import Column, Table
from local_warehouse.sql.defaults import (
    default_of,
    replace_default,
    replace_in_merge,
    replace_in_values,
)
from local_warehouse.sql.parsing import parse, parse_expression


@pytest.fixture
def table() -> Table:
    columns = [
        Column("id", "STRING"),
        Column("made", "TIMESTAMP", default="current_timestamp()"),
        Column("rank", "INT", default="1 + 1"),
    ]
    return Table("cat", "sch", "t", columns, "owner", id="t_t")


def sql(tree: exp.Expr) -> str:
    return tree.sql(dialect="databricks")


def test_a_column_without_a_default_has_null(table: Table) -> None:
    assert [sql(default_of(c)) for c in table.columns] == ["NULL", "CURRENT_TIMESTAMP()", "1 + 1"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("DEFAULT", "1 + 1"),
        ("default", "1 + 1"),
        ("`DEFAULT`", "`DEFAULT`"),
        ("t.default", "t.default"),
        ("'DEFAULT'", "'DEFAULT'"),
        ("7", "7"),
        ("other", "other"),
    ],
)
def test_only_the_word_is_replaced(table: Table, value: str, expected: str) -> None:
    assert sql(replace_default(parse_expression(value), table.columns[2])) == expected


def test_an_insert_of_values_gets_the_defaults(table: Table) -> None:
    source = parse("INSERT INTO t VALUES ('a', DEFAULT, DEFAULT), (DEFAULT, NULL, 3)").expression
    replace_in_values(source, table, ["id", "made", "rank"])
    assert sql(source) == "VALUES ('a', CURRENT_TIMESTAMP(), 1 + 1), (NULL, NULL, 3)"


def test_values_follow_the_listed_columns_and_others_are_left_alone(table: Table) -> None:
    source = parse("INSERT INTO t VALUES (DEFAULT, 'a')").expression
    replace_in_values(source, table, ["rank", "id"])
    assert sql(source) == "VALUES (1 + 1, 'a')"
    short = parse("INSERT INTO t VALUES (DEFAULT)").expression
    replace_in_values(short, table, ["rank", "id"])
    assert sql(short) == "VALUES (DEFAULT)"
    query = parse("SELECT 1")
    replace_in_values(query, table, ["rank"])
    assert sql(query) == "SELECT 1"


def clause(then: str) -> exp.Expr:
    matched = "MATCHED" if then.startswith("UPDATE") else "NOT MATCHED"
    tree = parse(f"MERGE INTO t USING s ON t.id = s.id WHEN {matched} THEN {then}")
    return tree.args["whens"].expressions[0].args["then"]


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ("UPDATE SET rank = DEFAULT, id = s.id", "UPDATE SET rank = 1 + 1, id = s.id"),
        ("UPDATE SET unknown = DEFAULT", "UPDATE SET unknown = DEFAULT"),
        ("UPDATE SET *", "UPDATE *"),
        (
            "INSERT (id) VALUES (s.id)",
            "INSERT (`id`, `made`, `rank`) VALUES (s.id, CURRENT_TIMESTAMP(), 1 + 1)",
        ),
        (
            "INSERT (RANK, made) VALUES (DEFAULT, s.at)",
            "INSERT (`RANK`, `made`) VALUES (1 + 1, s.at)",
        ),
        ("INSERT *", "INSERT *"),
    ],
)
def test_an_insert_of_a_merge_gets_the_defaults(table: Table, then: str, expected: str) -> None:
    action = clause(then)
    replace_in_merge(action, table)
    assert sql(action) == sql(clause(expected.replace("UPDATE *", "UPDATE SET *")))
