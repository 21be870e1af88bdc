"""Writes: prepared as engine SQL, with the rows that they read and the counts that they return."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from local_warehouse.catalog.objects import Policy, Table
from local_warehouse.sql.markers import mark_values
from local_warehouse.sql.names import Resolver
from local_warehouse.sql.parsing import parse
from local_warehouse.sql.template import Markers
from local_warehouse.statements import prepare_write
from local_warehouse.statements.write import Write

from ..sql.conftest import NAMESPACE, MemoryAccess, MemoryCatalog, fails, people_and_teams, shown

Prepare = Callable[[str], Write]
PEOPLE = "INSERT INTO warehouse.t_people SELECT"


@pytest.fixture
def catalog() -> MemoryCatalog:
    return people_and_teams()


@pytest.fixture
def people(catalog: MemoryCatalog) -> Table:
    return catalog.tables["cat", "sch", "people"]


@pytest.fixture
def prepare(catalog: MemoryCatalog) -> Prepare:
    def prepare(sql: str) -> Write:
        tree, markers = parse(sql), Markers()
        resolver = Resolver(NAMESPACE, catalog, MemoryAccess())
        mark_values(tree, resolver, markers)
        return prepare_write.prepare(tree, resolver, markers)

    return prepare


def sql_of(write: Write) -> str:
    return shown(write.template)


def reads_of(write: Write) -> str | None:
    return None if write.reads is None else shown(write.reads)


def keys_of(write: Write) -> list[tuple[str, str]]:
    return [(column, shown(value)) for column, value in write.keys]


@pytest.mark.parametrize(
    ("sql", "columns", "source"),
    [
        (
            "INSERT INTO people VALUES ('a', 'b', 'c')",
            ("s.c0", "s.c1", "s.c2"),
            "(VALUES ('a', 'b', 'c')) AS s(c0, c1, c2)",
        ),
        (
            "INSERT INTO people (id) VALUES (:x)",
            ("s.c0", "NULL", "NULL"),
            "(VALUES (<named x>)) AS s(c0)",
        ),
        (
            "INSERT INTO people (TEAM, id) SELECT head, team FROM teams",
            ("s.c1", "NULL", "s.c0"),
            "(SELECT head, team FROM warehouse.t_teams AS `teams`) AS s(c0, c1)",
        ),
        (
            "INSERT INTO people BY NAME SELECT 'a' AS team, 'b' AS id",
            ("s.c1", "NULL", "s.c0"),
            "(SELECT 'a' AS team, 'b' AS id) AS s(c0, c1)",
        ),
        (
            "WITH c AS (SELECT 'a' AS a) INSERT INTO people (id) SELECT a FROM c",
            ("s.c0", "NULL", "NULL"),
            "(WITH c AS (SELECT 'a' AS a) SELECT a FROM c) AS s(c0)",
        ),
    ],
)
def test_an_insert_becomes_a_projection_of_its_source(
    prepare: Prepare, sql: str, columns: tuple[str, ...], source: str
) -> None:
    projected = ", ".join(
        f"CAST({value} AS STRING) AS `{name}`"
        for value, name in zip(columns, ("id", "name", "team"), strict=True)
    )
    write = prepare(sql)
    assert sql_of(write) == f"{PEOPLE} {projected} FROM {source}"
    assert write.reads is None
    assert set(write.counts) == {"num_affected_rows", "num_inserted_rows"}


def test_an_insert_has_defaults_checks_and_its_own_conditions(
    prepare: Prepare, people: Table
) -> None:
    people.columns[0].nullable = False
    people.columns[1].default = "'none'"
    people.checks["named"] = "name <> ''"
    sql = sql_of(prepare("INSERT INTO people (id) SELECT head FROM teams WHERE team = 'x'"))
    assert "CASE WHEN COALESCE(((CAST('none' AS STRING)) <> ''), FALSE)" in sql
    assert "CAST('none' AS STRING) AS `name`" in sql
    assert "VALUES ('a', 'none')" in sql_of(
        prepare("INSERT INTO people (id, name) VALUES ('a', DEFAULT)")
    )
    # Otherwise the engine would check NOT NULL before the condition.
    assert "WHERE team = 'x') AS src LIMIT 1000000000000000) AS s(c0)" in sql


@pytest.mark.parametrize(
    ("sql", "error_class"),
    [
        (
            "INSERT INTO people VALUES ('a')",
            "INSERT_COLUMN_ARITY_MISMATCH.NOT_ENOUGH_DATA_COLUMNS",
        ),
        (
            "INSERT INTO people (id) SELECT team, head FROM teams",
            "INSERT_COLUMN_ARITY_MISMATCH.TOO_MANY_DATA_COLUMNS",
        ),
        ("INSERT INTO people (id, other) VALUES (1, 2)", "UNRESOLVED_COLUMN.WITH_SUGGESTION"),
        ("INSERT OVERWRITE people VALUES ('a', 'b', 'c')", "UNSUPPORTED_FEATURE"),
        ("UPDATE people SET other = 1", "UNRESOLVED_COLUMN.WITH_SUGGESTION"),
        ("DELETE FROM people WHERE id IN (SELECT head FROM teams)", "UNSUPPORTED_FEATURE"),
    ],
)
def test_writes_that_databricks_refuses_are_refused(
    prepare: Prepare, sql: str, error_class: str
) -> None:
    with fails(error_class):
        prepare(sql)


@pytest.mark.parametrize(
    ("condition", "keys"),
    [
        ("id = :key AND team = 'x'", [("id", "<named key>"), ("team", "'x'")]),
        ("'a' = people.ID", [("id", "'a'")]),
        ("(id = 'a')", [("id", "'a'")]),
        ("id = 'a' OR team = 'x'", []),
        ("id = upper(:key)", []),
        ("id > 'a'", []),
        ("id = name", []),
    ],
)
def test_the_keys_of_a_condition(
    prepare: Prepare, condition: str, keys: list[tuple[str, str]]
) -> None:
    assert keys_of(prepare(f"UPDATE people SET name = 'x' WHERE {condition}")) == keys
    assert keys_of(prepare(f"DELETE FROM people WHERE {condition}")) == keys


def test_only_text_columns_are_keys(prepare: Prepare, people: Table) -> None:
    people.columns[0].type = "INT"
    assert keys_of(prepare("UPDATE people SET name = 'x' WHERE id = '1'")) == []


def test_an_update_reads_the_rows_that_it_changes(prepare: Prepare) -> None:
    write = prepare("UPDATE people AS p SET name = upper(p.name) WHERE p.id = :key")
    assert sql_of(write) == (
        "UPDATE warehouse.t_people AS p SET `name` = UPPER(p.name) WHERE p.id = <named key>"
    )
    assert reads_of(write) == "SELECT * FROM <version> AS p WHERE p.id = <named key>"
    assert write.counts == {"num_affected_rows": "numUpdatedRows"}
    assert [need.privilege for need in write.needs] == ["MODIFY", "SELECT"]


def test_an_update_has_defaults_and_checks(prepare: Prepare, people: Table) -> None:
    people.columns[1].default = "'none'"
    people.checks["named"] = "name <> team"
    sql = sql_of(prepare("UPDATE people SET name = DEFAULT"))
    assert "SET `name` = CASE WHEN COALESCE((('none') <> `people`.`team`), FALSE)" in sql


def test_a_delete_of_all_rows_reads_nothing_of_the_user(prepare: Prepare) -> None:
    write = prepare("DELETE FROM people")
    assert sql_of(write) == "DELETE FROM warehouse.t_people AS `people`"
    assert reads_of(write) == "SELECT * FROM <version> AS `people`"
    assert [need.privilege for need in write.needs] == ["MODIFY"]
    assert write.counts == {"num_affected_rows": "numDeletedRows"}


def test_a_delete_has_no_coalesce(prepare: Prepare) -> None:
    """The engine (0.7.2) cannot run it there."""
    sql = sql_of(prepare("DELETE FROM people WHERE coalesce(name, team, 'z') = 'x'"))
    assert sql.endswith(
        "WHERE (CASE WHEN NOT name IS NULL THEN name WHEN NOT team IS NULL THEN team "
        "ELSE 'z' END) = 'x'"
    )
    sql = sql_of(
        prepare("DELETE FROM people WHERE array_contains(split(team, ''), nvl(name, 'z'))")
    )
    assert sql.endswith(
        "WHERE (ARRAY_POSITION(SPLIT(team, ''), "
        "(CASE WHEN NOT name IS NULL THEN name ELSE 'z' END)) > 0)"
    )


MERGE = "MERGE INTO people t USING teams s ON t.id = s.head "


def test_a_merge_reads_the_rows_that_match(prepare: Prepare) -> None:
    write = prepare(
        MERGE + "WHEN MATCHED THEN UPDATE SET name = s.team "
        "WHEN NOT MATCHED THEN INSERT (id) VALUES (s.head)"
    )
    assert sql_of(write) == (
        "MERGE INTO warehouse.t_people AS t USING warehouse.t_teams AS s ON t.id = s.head "
        "WHEN MATCHED THEN UPDATE SET name = s.team "
        "WHEN NOT MATCHED THEN INSERT (`id`) VALUES (s.head)"
    )
    assert reads_of(write) == (
        "SELECT `t`.* FROM <version> AS t LEFT SEMI JOIN warehouse.t_teams AS s ON t.id = s.head"
    )
    assert set(write.counts) == {"num_updated_rows", "num_deleted_rows", "num_inserted_rows"}


def test_a_merge_evaluates_the_conditions_of_its_source_first(
    prepare: Prepare, people: Table
) -> None:
    people.columns[0].nullable = False
    source = "(SELECT head FROM teams WHERE team = 'x')"
    sql = sql_of(
        prepare(
            f"MERGE INTO people t USING {source} s ON t.id = s.head "
            "WHEN NOT MATCHED THEN INSERT (id) VALUES (s.head)"
        )
    )
    assert "WHERE team = 'x') AS src LIMIT 1000000000000000) AS s ON" in sql


def test_every_clause_of_a_merge_is_checked(prepare: Prepare, people: Table) -> None:
    people.columns[1].default = "'none'"
    people.checks["named"] = "name <> ''"
    stars = sql_of(
        prepare(MERGE + "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")
    )
    assert stars.count("CASE WHEN COALESCE(((`s`.`name`) <> ''), FALSE) THEN `s`.`id`") == 2
    assert "INSERT (`id`, `name`, `team`) VALUES" in stars
    partial = sql_of(prepare(MERGE + "WHEN NOT MATCHED THEN INSERT (id) VALUES (s.head)"))
    assert "CASE WHEN COALESCE((('none') <> ''), FALSE) THEN s.head" in partial
    assert partial.endswith("END, 'none', NULL)")
    deleting = sql_of(prepare(MERGE + "WHEN MATCHED THEN DELETE"))
    assert "COALESCE" not in deleting


def test_a_merge_keeps_to_visible_rows(
    prepare: Prepare, catalog: MemoryCatalog, people: Table
) -> None:
    catalog.define("mine", "t", "t = 'a'", "BOOLEAN")
    people.row_filter = Policy(["cat", "sch", "mine"], ["team"])
    visible = "CAST((CAST(`t`.`team` AS STRING) = 'a') AS BOOLEAN)"
    sql = sql_of(
        prepare(
            MERGE + "WHEN MATCHED AND t.name = 'x' THEN UPDATE SET name = t.name "
            "WHEN NOT MATCHED BY SOURCE THEN DELETE"
        )
    )
    name = f"(CASE WHEN {visible} THEN `t`.`name` END)"
    assert f"ON {visible} AND (CASE WHEN {visible} THEN `t`.`id` END) = s.head " in sql
    assert f"WHEN MATCHED AND {name} = 'x' THEN UPDATE SET name = {name} " in sql
    assert sql.endswith(f"WHEN NOT MATCHED BY SOURCE AND {visible} THEN DELETE")


def test_the_epoch_of_the_table_is_kept(prepare: Prepare, people: Table) -> None:
    people.epoch = 7
    assert prepare("DELETE FROM people").epoch == 7
    assert prepare("INSERT INTO people VALUES ('a', 'b', 'c')").epoch == 7
    assert prepare(MERGE + "WHEN MATCHED THEN DELETE").epoch == 7
