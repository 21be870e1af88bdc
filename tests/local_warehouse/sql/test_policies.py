"""Row filters and column masks: in queries, and in changes of the table itself."""

from __future__ import annotations

import pytest
from sqlglot import exp

from local_warehouse.catalog.objects import Policy
from local_warehouse.catalog.securables import Need, Securable
from local_warehouse.sql.expand import expand, policy_caller
from local_warehouse.sql.names import Resolver
from local_warehouse.sql.parsing import parse, parse_condition
from local_warehouse.sql.policies import NO_LIMIT, TargetPolicies, is_protected
from local_warehouse.sql.template import Markers

from .conftest import OWNER, USER, Expanded, MemoryAccess, MemoryCatalog, fails, shown

SEEN = "CAST((CAST({}.`team` AS STRING) = 'a') AS BOOLEAN)"
MASKED = (
    "CAST((IF(CAST({0}.`team` AS STRING) = 'a', CAST({0}.`name` AS STRING), '***')) AS STRING)"
)
ALIAS = "`guarded_t_people`"


@pytest.fixture
def filtered(catalog: MemoryCatalog) -> MemoryCatalog:
    catalog.define("mine", "t", "t = 'a'", "BOOLEAN")
    catalog.tables["cat", "sch", "people"].row_filter = Policy(["cat", "sch", "mine"], ["team"])
    return catalog


@pytest.fixture
def masked(catalog: MemoryCatalog) -> MemoryCatalog:
    catalog.define("hide", "v t", "if(t = 'a', v, '***')")
    mask = Policy(["cat", "sch", "hide"], ["team"])
    catalog.tables["cat", "sch", "people"].columns[1].mask = mask
    return catalog


def test_which_tables_are_protected(catalog: MemoryCatalog) -> None:
    people, teams = catalog.tables.values()
    assert not is_protected(people)
    people.row_filter = Policy(["cat", "sch", "f"], [])
    assert is_protected(people)
    teams.columns[0].mask = Policy(["cat", "sch", "f"], [])
    assert is_protected(teams)


def test_a_reader_gets_the_visible_rows(filtered: MemoryCatalog, engine_sql: Expanded) -> None:
    assert engine_sql("SELECT p.name FROM people p WHERE p.id = 1") == (
        f"SELECT p.name FROM (SELECT * FROM warehouse.t_people AS {ALIAS} "
        f"WHERE ({SEEN.format(ALIAS)}) IS TRUE LIMIT {NO_LIMIT}) AS p WHERE p.id = 1"
    )


def test_a_reader_gets_masked_values(masked: MemoryCatalog, engine_sql: Expanded) -> None:
    assert engine_sql("SELECT name FROM people") == (
        f"SELECT name FROM (SELECT {ALIAS}.`id` AS `id`, CASE WHEN "
        f"LENGTH(COALESCE(CAST({ALIAS}.`name` AS STRING), '')) >= 0 "
        f"THEN {MASKED.format(ALIAS)} END AS `name`, "
        f"{ALIAS}.`team` AS `team` FROM warehouse.t_people AS {ALIAS}) AS `people`"
    )


def test_every_reference_is_protected(filtered: MemoryCatalog, engine_sql: Expanded) -> None:
    sql = engine_sql(
        "WITH c AS (SELECT * FROM people) SELECT * FROM c JOIN people q ON c.id = q.id "
        "WHERE EXISTS (SELECT 1 FROM people)"
    )
    assert sql.count("warehouse.t_people AS") == 3
    assert sql.count(f"WHERE ({SEEN.format(ALIAS)}) IS TRUE LIMIT") == 3


def test_a_body_of_another_function_sees_the_visible_rows_only(
    filtered: MemoryCatalog, engine_sql: Expanded
) -> None:
    filtered.define("count_people", "", "(SELECT count(*) FROM people)", "BIGINT")
    assert f"WHERE ({SEEN.format(ALIAS)}) IS TRUE LIMIT" in engine_sql("SELECT count_people()")


def test_the_policys_owner_needs_the_privileges_of_its_body(
    filtered: MemoryCatalog, engine_sql: Expanded, access: MemoryAccess, resolver: Resolver
) -> None:
    filtered.define("mine", "t", "t IN (SELECT head FROM teams)", "BOOLEAN")
    access.denied.add((USER, "EXECUTE", "cat.sch.mine"))
    access.denied.add((USER, "SELECT", "cat.sch.teams"))
    engine_sql("SELECT * FROM people")
    assert resolver.needs == [
        Need("SELECT", Securable("TABLE", ("cat", "sch", "people"))),
        Need("SELECT", Securable("TABLE", ("cat", "sch", "teams")), OWNER),
    ]


def test_no_time_travel_and_no_sample_of_a_protected_table(
    filtered: MemoryCatalog, engine_sql: Expanded
) -> None:
    with fails("FGAC_TIME_TRAVEL_NOT_SUPPORTED.PER_TABLE_RLS_CM", "cat.sch.people"):
        engine_sql("SELECT * FROM people VERSION AS OF 1")
    with fails("UNSUPPORTED_FEATURE", "with a row filter or column mask"):
        engine_sql("SELECT * FROM people TABLESAMPLE (10 PERCENT)")


def test_a_policys_function_cannot_read_a_protected_table(
    filtered: MemoryCatalog, engine_sql: Expanded
) -> None:
    filtered.define("mine", "t", "t IN (SELECT name FROM people)", "BOOLEAN")
    with fails("UNSUPPORTED_FEATURE", "that read a table with such of its own"):
        engine_sql("SELECT * FROM people")


def test_a_policy_whose_function_is_gone(filtered: MemoryCatalog, engine_sql: Expanded) -> None:
    filtered.functions.clear()
    with fails("UNRESOLVED_ROUTINE", "which a row filter or column mask uses"):
        engine_sql("SELECT * FROM people")


def changed(resolver: Resolver, sql: str) -> str:
    """The condition and the new values of an UPDATE, as policies leave them."""
    tree, markers = parse(sql), Markers()
    node = tree.this
    target = resolver.table(node, "MODIFY")
    policies = TargetPolicies(
        target, node.alias or node.name, resolver, policy_caller(resolver, markers)
    )
    where = tree.args.get("where")
    policies.mark(where and where.this, *(each.expression for each in tree.expressions))
    expand(tree, resolver, markers, node)
    policies.protect(tree)
    condition = policies.add_row_filter(where and where.this)
    if condition is not None:
        tree.set("where", exp.Where(this=condition))
    return shown(markers.template(tree))


def test_an_update_changes_visible_rows_only(filtered: MemoryCatalog, resolver: Resolver) -> None:
    seen = SEEN.format("`people`")
    assert changed(resolver, "UPDATE people SET name = 'x'") == (
        f"UPDATE warehouse.t_people AS `people` SET name = 'x' WHERE {seen}"
    )


def test_a_condition_on_a_hidden_row_computes_with_null(
    filtered: MemoryCatalog, resolver: Resolver
) -> None:
    seen = SEEN.format("`p`")
    assert changed(resolver, "UPDATE people AS p SET name = upper(p.id) WHERE 1 / id > 0") == (
        f"UPDATE warehouse.t_people AS p SET name = UPPER((CASE WHEN {seen} THEN `p`.`id` END)) "
        f"WHERE {seen} AND 1 / (CASE WHEN {seen} THEN `p`.`id` END) > 0"
    )


def test_a_change_computes_with_masked_values(masked: MemoryCatalog, resolver: Resolver) -> None:
    value = MASKED.format("`people`")
    assert changed(resolver, "UPDATE people SET id = name WHERE name = 'x'") == (
        f"UPDATE warehouse.t_people AS `people` SET id = ({value}) WHERE ({value}) = 'x'"
    )


def test_columns_of_a_subquery_stay_what_they_are(
    filtered: MemoryCatalog, resolver: Resolver
) -> None:
    sql = changed(
        resolver,
        "UPDATE people SET name = 'x' WHERE id IN (SELECT head FROM teams WHERE team = 'b')",
    )
    assert "(SELECT head FROM warehouse.t_teams AS `teams` WHERE team = 'b')" in sql
    assert "(CASE WHEN" in sql.split(" IN ")[0]


def test_a_star_cannot_be_protected(filtered: MemoryCatalog, resolver: Resolver) -> None:
    with fails("UNSUPPORTED_FEATURE", "* in a change of a table"):
        changed(resolver, "UPDATE people SET name = 'x' WHERE struct(people.*) IS NULL")


def test_without_a_row_filter_a_condition_stays(masked: MemoryCatalog, resolver: Resolver) -> None:
    table = masked.tables["cat", "sch", "people"]
    caller = policy_caller(resolver, Markers())
    policies = TargetPolicies(table, "people", resolver, caller)
    condition = parse_condition("id = 1")
    assert policies.add_row_filter(condition) is condition
    assert policies.add_row_filter(None) is None


def test_an_unprotected_table_is_changed_as_it_is(resolver: Resolver) -> None:
    sql = "UPDATE people SET name = upper(name) WHERE id = 1"
    assert changed(resolver, sql) == (
        "UPDATE warehouse.t_people AS `people` SET name = UPPER(name) WHERE id = 1"
    )
