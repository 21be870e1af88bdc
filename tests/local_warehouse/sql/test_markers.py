"""Markers: in the place of parameters and of functions about the session."""

from __future__ import annotations

import re

import pytest

from local_warehouse.sql.markers import METASTORE_ID

from .conftest import Expanded, MemoryCatalog, fails


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT :a, :b, :a", "SELECT <named a>, <named b>, <named a>"),
        ("SELECT ?, ?", "SELECT <positional 0>, <positional 1>"),
        ("SELECT current_user()", "SELECT <user>"),
        ("SELECT session_user()", "SELECT <user>"),
        ("SELECT user()", "SELECT <user>"),
        ("SELECT current_catalog()", "SELECT 'cat'"),
        ("SELECT current_schema(), current_database()", "SELECT 'sch', 'sch'"),
        ("SELECT current_metastore()", f"SELECT '{METASTORE_ID}'"),
        ("SELECT is_account_group_member('g')", "SELECT ('g' IN (<groups>))"),
        ("SELECT is_member(:g)", "SELECT (<named g> IN (<groups>))"),
        ("SELECT is_member(current_user())", "SELECT (<user> IN (<groups>))"),
        ("SELECT ':a', \"?\"", "SELECT ':a', '?'"),
    ],
)
def test_markers_stand_for_parameters_and_the_person(
    engine_sql: Expanded, sql: str, expected: str
) -> None:
    assert engine_sql(sql) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM people WHERE name = ? AND team IN (?, ?) LIMIT ?",
        "SELECT ? FROM people WHERE locate(?, ?) > 0 ORDER BY ? LIMIT ? OFFSET ?",
        "WITH c AS (SELECT ? AS a) SELECT ? FROM c JOIN people ON c.a = ? GROUP BY ? HAVING ?",
        "SELECT CASE WHEN ? THEN ? ELSE ? END, ? BETWEEN ? AND ?",
        "SELECT '?', ?, `?`, ? FROM (SELECT 1 AS `?`)",
    ],
)
def test_positions_follow_the_text(engine_sql: Expanded, sql: str) -> None:
    found = re.findall(r"<positional (\d+)>", engine_sql(sql))
    assert found == [str(n) for n in range(len(found))]
    assert len(found) >= 2


def test_the_metastore_needs_unity_catalog(engine_sql: Expanded, catalog: MemoryCatalog) -> None:
    catalog.unity = False
    with fails("UC_NOT_ENABLED"):
        engine_sql("SELECT current_metastore()")


def test_parameters_in_a_functions_body_are_those_of_the_function(
    engine_sql: Expanded, catalog: MemoryCatalog
) -> None:
    catalog.define("mine", "", "current_user()")
    assert engine_sql("SELECT mine(), :x") == "SELECT CAST((<user>) AS STRING), <named x>"
