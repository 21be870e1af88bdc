"""Names: which table, function or common table expression a reference means."""

from __future__ import annotations

import pytest
from sqlglot import exp

from local_warehouse.catalog.securables import Need, Securable
from local_warehouse.sql.expand import expand
from local_warehouse.sql.names import Resolver, is_cte
from local_warehouse.sql.parsing import parse
from local_warehouse.sql.template import Markers

from .conftest import OWNER, USER, Expanded, MemoryAccess, MemoryCatalog, fails


@pytest.mark.parametrize("name", ["people", "sch.People", "cat.sch.people", "`CAT`.sch.`people`"])
def test_one_to_three_names_mean_the_same_table(engine_sql: Expanded, name: str) -> None:
    assert engine_sql(f"SELECT * FROM {name}") == (
        "SELECT * FROM warehouse.t_people AS `People`".replace("People", name_of(name))
    )


def name_of(name: str) -> str:
    return name.split(".")[-1].strip("`")


def test_an_alias_of_the_user_stays(engine_sql: Expanded) -> None:
    assert engine_sql("SELECT p.id FROM people p") == "SELECT p.id FROM warehouse.t_people AS p"


def test_a_column_loses_its_catalog_and_schema(engine_sql: Expanded) -> None:
    sql = engine_sql("SELECT cat.sch.people.id FROM cat.sch.people")
    assert sql == "SELECT people.id FROM warehouse.t_people AS `people`"


def test_every_reference_is_rewritten(engine_sql: Expanded) -> None:
    sql = engine_sql(
        "SELECT (SELECT max(head) FROM teams) FROM people JOIN teams t USING (team) "
        "WHERE EXISTS (SELECT 1 FROM people q)"
    )
    assert sql.count("warehouse.t_people AS") == 2
    assert sql.count("warehouse.t_teams AS") == 2


def test_an_unknown_table_has_its_full_name_in_the_error(engine_sql: Expanded) -> None:
    with fails("TABLE_OR_VIEW_NOT_FOUND", "`cat`.`sch`.`nobody`"):
        engine_sql("SELECT * FROM nobody")


def test_without_use_an_unknown_table_is_not_even_denied(
    engine_sql: Expanded, access: MemoryAccess
) -> None:
    access.denied.add((USER, "USE SCHEMA", "cat.sch"))
    with fails("INSUFFICIENT_PERMISSIONS", "USE SCHEMA"):
        engine_sql("SELECT * FROM nobody")


def test_reading_needs_select(engine_sql: Expanded, access: MemoryAccess) -> None:
    access.denied.add((USER, "SELECT", "cat.sch.people"))
    with fails("INSUFFICIENT_PERMISSIONS", "SELECT on Table 'cat.sch.people'"):
        engine_sql("SELECT 1 FROM teams WHERE EXISTS (SELECT 1 FROM people)")


def test_needs_are_collected_for_the_next_execution(
    engine_sql: Expanded, resolver: Resolver
) -> None:
    engine_sql("SELECT * FROM people, teams")
    assert resolver.needs == [
        Need("SELECT", Securable("TABLE", ("cat", "sch", "people"))),
        Need("SELECT", Securable("TABLE", ("cat", "sch", "teams"))),
    ]


def test_without_privileges_seeing_a_table_is_enough(
    resolver: Resolver, access: MemoryAccess
) -> None:
    node = exp.to_table("people", dialect="databricks")
    access.denied.add((USER, "SELECT", "cat.sch.people"))
    assert resolver.table(node).name == "people"
    access.denied.add((USER, "BROWSE", "cat.sch.people"))
    with fails("INSUFFICIENT_PERMISSIONS"):
        resolver.table(node)


@pytest.mark.parametrize("name", ["system.query.history", "information_schema.tables"])
def test_system_tables_become_snapshots(engine_sql: Expanded, name: str) -> None:
    key = name if name.startswith("system") else f"cat.{name}"
    last = name.split(".")[-1]
    assert engine_sql(f"SELECT * FROM {name}") == (
        f"SELECT * FROM parquet.<system {key}> AS `{last}`"
    )


def test_system_tables_cannot_be_written(resolver: Resolver) -> None:
    for name in ("system.query.history", "information_schema.tables"):
        with fails("INSUFFICIENT_PERMISSIONS", "is a system table"):
            resolver.table(exp.to_table(name, dialect="databricks"), "MODIFY")


def test_without_unity_catalog_no_catalog_can_be_named(
    engine_sql: Expanded, catalog: MemoryCatalog
) -> None:
    catalog.unity = False
    assert "t_people" in engine_sql("SELECT * FROM sch.people")
    with fails("UC_NOT_ENABLED"):
        engine_sql("SELECT * FROM cat.sch.people")


def test_files_cannot_be_read_by_path(engine_sql: Expanded) -> None:
    with fails("UNSUPPORTED_FEATURE", "files by path"):
        engine_sql("SELECT * FROM parquet.`/etc/passwd`")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("WITH people AS (SELECT 1 AS a) SELECT * FROM people", [True]),
        ("WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM b", [True, True]),
        # Within its own definition, and in earlier ones, the name means the table.
        ("WITH people AS (SELECT * FROM people) SELECT 1", [False]),
        ("WITH a AS (SELECT * FROM people), people AS (SELECT 1) SELECT 1", [False]),
        ("WITH people AS (SELECT 1) SELECT * FROM (SELECT * FROM people)", [True]),
        ("SELECT * FROM (WITH people AS (SELECT 1) SELECT 1), people", [False]),
        ("WITH people AS (SELECT 1) SELECT * FROM sch.people", [False]),
        ("WITH People AS (SELECT 1) SELECT * FROM pEOPLE", [True]),
    ],
)
def test_common_table_expressions(sql: str, expected: list[bool]) -> None:
    tree = parse(sql)
    tables = [t for t in tree.find_all(exp.Table) if t.name.lower() in ("people", "a", "b")]
    assert sorted(is_cte(table) for table in tables) == sorted(expected)


def test_a_common_table_expression_hides_the_table(engine_sql: Expanded) -> None:
    sql = engine_sql("WITH people AS (SELECT * FROM people) SELECT * FROM people")
    assert sql == (
        "WITH people AS (SELECT * FROM warehouse.t_people AS `people`) SELECT * FROM people"
    )


def test_an_older_version_is_a_marker(engine_sql: Expanded) -> None:
    sql = engine_sql("SELECT * FROM people VERSION AS OF :v")
    assert sql.startswith("SELECT * FROM delta.<time_travel TableVersion(table_id='t_people', ")
    assert "kind='VERSION'" in sql
    assert "Marker(kind='named', key='v')" in sql
    assert "kind='TIMESTAMP'" in engine_sql("SELECT * FROM people TIMESTAMP AS OF '2026-01-01'")


@pytest.mark.parametrize("call", ["f('x')", "sch.f('x')", "cat.sch.F('x')"])
def test_functions_are_found_by_one_to_three_names(
    engine_sql: Expanded, catalog: MemoryCatalog, call: str
) -> None:
    catalog.define("f", "a", "upper(a)")
    assert engine_sql(f"SELECT {call}") == ("SELECT CAST((UPPER(CAST('x' AS STRING))) AS STRING)")


def test_an_unknown_function_is_the_engines_unless_it_is_qualified(engine_sql: Expanded) -> None:
    assert engine_sql("SELECT something(1)") == "SELECT SOMETHING(1)"
    with fails("UNRESOLVED_ROUTINE", "`sch`.`something`"):
        engine_sql("SELECT sch.something(1)")


def test_a_function_needs_execute_and_its_body_needs_its_owners_privileges(
    engine_sql: Expanded, catalog: MemoryCatalog, access: MemoryAccess, resolver: Resolver
) -> None:
    catalog.define("heads", "", "(SELECT count(*) FROM teams)", "BIGINT")
    access.denied.add((USER, "SELECT", "cat.sch.teams"))
    engine_sql("SELECT heads()")
    assert resolver.needs == [
        Need("EXECUTE", Securable("FUNCTION", ("cat", "sch", "heads"))),
        Need("SELECT", Securable("TABLE", ("cat", "sch", "teams")), OWNER),
    ]
    access.denied = {(OWNER, "SELECT", "cat.sch.teams")}
    with fails("INSUFFICIENT_PERMISSIONS", "SELECT"):
        engine_sql("SELECT heads()")
    access.denied = {(USER, "EXECUTE", "cat.sch.heads")}
    with fails("INSUFFICIENT_PERMISSIONS", "EXECUTE"):
        engine_sql("SELECT heads()")


def test_a_schema_may_be_named_with_or_without_its_catalog(
    resolver: Resolver, catalog: MemoryCatalog
) -> None:
    assert resolver.schema(["Other"]).path == ("cat", "other")
    assert resolver.schema(["Here", "Other"]).path == ("here", "other")
    catalog.unity = False
    with fails("UC_NOT_ENABLED"):
        resolver.schema(["here", "other"])
    with fails("UC_NOT_ENABLED"):
        resolver.catalog_named("here")


@pytest.mark.parametrize(
    "sql", ["UPDATE people@v1 SET name = 'x'", "DELETE FROM people VERSION AS OF 1"]
)
def test_an_older_version_cannot_be_changed(resolver: Resolver, sql: str) -> None:
    tree = parse(sql)
    with fails("PARSE_SYNTAX_ERROR", "only what is now can be changed"):
        expand(tree, resolver, Markers(), tree.this)
