"""Which statements existing tables need, and their DDL; no warehouse."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crm.model.namespace import Namespace
from crm.model.own_tables import OWN_TABLES
from crm.model.schema import ACCOUNTS, TABLES, UPDATES, USE_CASES, Table
from crm.repository import ddl
from crm.repository.tables import migrations
from crm.repository.tables.migrations import SchemaState

HOME = Namespace("Cat", "Main", "x_")
DAYS = 365


def state(version: str = str(ddl.VERSION)) -> SchemaState:
    """Return the state of tables that need nothing."""
    return SchemaState(
        columns={table.name: _stored(table) for table in TABLES},
        properties={
            table.name: ddl.properties(DAYS) | {ddl.VERSION_PROPERTY: version} for table in TABLES
        },
        clustering={table.name: table.cluster_by for table in TABLES},
        required={
            table.name: frozenset(c.name for c in table.columns if c.not_null) for table in TABLES
        },
        described={table.name: _stored(table) for table in TABLES},
        comments={table.name: "words" for table in TABLES},
        keys={
            table.name: frozenset(
                {("PRIMARY KEY", table.key), ("FOREIGN KEY", table.parent_key or table.key)}
            )
            for table in TABLES
        },
        own=frozenset(table.name for table in OWN_TABLES),
    )


def _stored(table: Table) -> frozenset[str]:
    return frozenset(column.name for column in table.stored_columns)


def needs(of: SchemaState, to: int = ddl.VERSION) -> dict[int, list[str]]:
    steps = migrations._steps(of, HOME, to, DAYS)
    return {step.number: statements for step, statements in steps}


def test_tables_of_today_need_nothing() -> None:
    assert needs(state()) == {}


@pytest.mark.parametrize(
    ("noted", "version"), [("3", 3), ("", 1), ("three", 1), ("-3", 1), ("3.0", 1)]
)
def test_the_noted_version_counts_only_if_it_is_a_number(noted: str, version: int) -> None:
    assert state(noted).version == version


def test_each_step_is_noted_even_if_the_tables_have_it_already() -> None:
    assert needs(state("2")) == {number: [] for number in range(3, ddl.VERSION + 1)}
    assert needs(state("2"), to=4) == {3: [], 4: []}


def test_a_step_that_a_restore_undid_runs_again() -> None:
    columns = state().columns | {"accounts": _stored(ACCOUNTS) - {"vp"}}
    (added,) = needs(replace(state(), columns=columns))[2]
    assert added.startswith("ALTER TABLE `Cat`.`Main`.`x_accounts` ADD COLUMNS (`vp` STRING")


def test_the_table_of_operations_is_created_if_it_is_missing() -> None:
    (created,) = needs(replace(state(), own=frozenset({"people", "follows"})))[7]
    assert created.startswith("CREATE TABLE IF NOT EXISTS `Cat`.`Main`.`x_operations`")
    assert "change_id" not in created.split("COMMENT")[0]


def test_the_tables_of_people_are_created_if_they_are_missing() -> None:
    created = needs(replace(state("7"), own=frozenset({"operations", "people"})))[8]
    assert len(created) == 1
    assert created[0].startswith("CREATE TABLE IF NOT EXISTS `Cat`.`Main`.`x_follows`")


def test_the_tables_of_saved_views_are_created_if_they_are_missing() -> None:
    own = state().own - {"saved_views", "default_views"}
    created = needs(replace(state("9"), own=own))[10]
    names = ("saved_views", "default_views")
    assert [name for name, text in zip(names, created, strict=True) if f"`x_{name}`" in text] == [
        *names
    ]


def test_a_clustering_that_somebody_changed_stays() -> None:
    clustering = state().clustering | {"accounts": ("vp",)}
    assert needs(replace(state(), clustering=clustering)) == {}
    assert list(needs(replace(state("3"), clustering=clustering))[4]) != []


def test_the_feed_is_switched_on_and_a_chosen_retention_stays() -> None:
    def with_properties(**values: str) -> SchemaState:
        own = state().properties["accounts"] | values
        return replace(state(), properties=state().properties | {"accounts": own})

    name = "delta.deletedFileRetentionDuration"
    assert needs(with_properties(**{name: "interval 7 days"})) == {}
    assert needs(with_properties(**{"delta.enableChangeDataFeed": "TRUE"})) == {}
    (switched,) = needs(with_properties(**{"delta.enableChangeDataFeed": "false"}))[3]
    assert switched.endswith("SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')")


def test_missing_keys_are_added_accounts_first() -> None:
    bare = replace(
        state(),
        required={table.name: frozenset() for table in TABLES},
        keys={table.name: frozenset() for table in TABLES},
    )
    statements = needs(bare)[5]
    assert statements[0] == (
        "ALTER TABLE `Cat`.`Main`.`x_accounts` ALTER COLUMN `bsnid` SET NOT NULL"
    )
    kinds = [text.split(" KEY")[0].rsplit(" ", 1)[1] for text in statements if " KEY" in text]
    assert kinds == ["PRIMARY", *["PRIMARY", "FOREIGN"] * 3]


def test_a_foreign_key_on_another_column_does_not_count() -> None:
    other = frozenset({("PRIMARY KEY", "id"), ("FOREIGN KEY", "platform")})
    (added,) = needs(replace(state(), keys=state().keys | {"updates": other}))[5]
    assert "FOREIGN KEY (`account_bsnid`) REFERENCES `Cat`.`Main`.`x_accounts` (`bsnid`)" in added


def test_comments_of_others_stay() -> None:
    described = state().described | {"updates": _stored(UPDATES) - {"author"}}
    comments = state().comments | {"use_cases": ""}
    statements = needs(replace(state(), described=described, comments=comments))[5]
    assert [text.split(" COMMENT")[0].split(" IS ")[0] for text in statements] == [
        "COMMENT ON TABLE `Cat`.`Main`.`x_use_cases`",
        "ALTER TABLE `Cat`.`Main`.`x_updates` ALTER COLUMN `author`",
    ]


def test_new_tables_require_their_keys_and_added_columns_may_be_null() -> None:
    assert "`bsnid` STRING NOT NULL COMMENT" in ddl.create_table(ACCOUNTS, HOME)
    assert "`vp` STRING COMMENT" in ddl.create_table(ACCOUNTS, HOME)
    assert "NOT NULL" not in ddl.add_columns(ACCOUNTS, (ACCOUNTS.column("bsnid"),), HOME)


def test_new_tables_keep_versions_and_their_files_for_as_long() -> None:
    text = ddl.create_table(USE_CASES, HOME, history_days=40)
    assert "'delta.logRetentionDuration' = 'interval 40 days'" in text
    assert "'delta.deletedFileRetentionDuration' = 'interval 40 days'" in text
    assert "'delta.enableChangeDataFeed' = 'true'" in text


def test_only_the_accounts_table_notes_the_version() -> None:
    note = f"'{ddl.VERSION_PROPERTY}' = '{ddl.VERSION}'"
    noting = [table for table in TABLES if note in ddl.create_table(table, HOME)]
    assert noting == [ACCOUNTS]


def test_names_in_the_catalog_are_in_lower_case() -> None:
    for listed in (ddl.list_columns, ddl.list_tables, ddl.list_keys, ddl.list_existing):
        sql, params = listed(HOME)
        assert params == {"catalog": "cat", "schema": "main"}
        assert ":catalog" in sql
        assert ":schema" in sql


def test_rows_without_a_key_are_counted() -> None:
    text = ddl.count_nulls(ACCOUNTS, ACCOUNTS.column("bsnid"), HOME)
    assert text.endswith("FROM `Cat`.`Main`.`x_accounts` WHERE `bsnid` IS NULL")
