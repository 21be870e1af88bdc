"""migrate_tables turns the oldest tables into the present ones, and keeps their data."""

from __future__ import annotations

import datetime as dt
import re
import threading
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from crm.model.namespace import Namespace
from crm.model.schema import (
    ACCOUNTS,
    AUDIT_COLUMNS,
    CHANGE_ID,
    TABLES,
    UPDATES,
    USE_CASES,
)
from crm.repository import ddl
from crm.repository.past import restore_tables
from crm.repository.records import accounts, updates
from crm.repository.tables import migrations
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

from ..conftest import LocalWarehouse, Statements

OURS = {"created_by", "updated_by"}


@pytest.fixture
def plain(warehouse: Warehouse) -> Warehouse:
    """The tables of the first version: no audit columns, change data feed, clustering or keys."""
    for table in reversed(TABLES):
        warehouse.execute(f"DROP TABLE {warehouse.namespace.table(table)}", repeatable=True)
    for table in TABLES:
        columns = ", ".join(
            f"`{column.name}` {column.type}" for column in table.columns if column.name not in OURS
        )
        warehouse.execute(
            f"CREATE TABLE {warehouse.namespace.table(table)} ({columns})", repeatable=False
        )
    now = "TIMESTAMP'2025-06-27 14:03:11.123456'"
    warehouse.execute(
        f"INSERT INTO {warehouse.namespace.table(ACCOUNTS)} (bsnid, team, created_at, updated_at) "
        f"VALUES ('OLD1', 'Kept', {now}, {now})",
        repeatable=False,
    )
    return warehouse


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("migrate_tables", *arguments, stdout=out)
    return out.getvalue()


def described(wh: Warehouse) -> dict[str, Any]:
    """Return the catalog's description of the tables, without their owner and location."""
    place = {"schema": wh.namespace.schema}
    about = {
        "columns": "column_name, ordinal_position, is_nullable, full_data_type, comment",
        "tables": "comment",
        "table_constraints": "constraint_name, constraint_type",
        "key_column_usage": "constraint_name, column_name",
    }
    return {
        view: sorted(
            wh.query(
                f"SELECT table_name, {names} FROM system.information_schema.{view} "
                "WHERE table_schema = :schema",
                place,
            ),
            key=str,
        )
        for view, names in about.items()
    }


@pytest.fixture
def new(warehouse: Warehouse) -> Any:
    """The present tables, in another schema."""
    schema = f"{warehouse.namespace.schema}_new"
    call_command("create_tables", schema=schema, stdout=StringIO())
    wh = replace(warehouse, namespace=Namespace(warehouse.namespace.catalog, schema))
    yield wh
    wh.execute(f"DROP SCHEMA {wh.namespace.quoted_schema} CASCADE", repeatable=True)


def test_the_oldest_tables_become_todays(plain: Warehouse, new: Warehouse) -> None:
    with pytest.raises(WarehouseError):
        accounts.get(plain, "OLD1")
    assert run().count("done") == 6
    old = accounts.get(plain, "OLD1")
    assert (old.team, old.created_by) == ("Kept", None)
    assert old.created_at == dt.datetime(2025, 6, 27, 14, 3, 11, 123456, dt.UTC)
    accounts.update(plain, "OLD1", {"team": "Renamed"}, old.updated_at)
    assert accounts.get(plain, "OLD1").updated_by == plain.actor
    values = {"author": "A", "date": dt.date(2026, 1, 1), "description": "D"}
    updates.create(plain, "OLD1", "u1", values)
    found = migrations.read_schema_state(plain)
    for table in TABLES:
        assert found.columns[table.name] == {column.name for column in table.stored_columns}
        assert found.clustering[table.name] == table.cluster_by
        assert ddl.properties().items() <= found.properties[table.name].items()
    assert described(plain) == described(new)
    assert run() == "The tables are up to date.\n"


def test_pages_say_that_the_tables_are_older(
    plain: Warehouse, client: Client, tmp_path: Path
) -> None:
    page = client.get("/accounts/")
    assert page.status_code == 503
    assert "manage.py migrate_tables" in page.content.decode()
    with pytest.raises(CommandError, match="migrate_tables"):
        call_command("export_data", "--output", str(tmp_path / "x.json"), stdout=StringIO())
    data = {"bsnid": "NEW1", "team": "T", "business_area": "A"}
    page = client.post("/accounts/new/", data)
    assert page.status_code == 503
    assert "manage.py migrate_tables" in page.content.decode()


def test_new_tables_need_nothing(warehouse: Warehouse, statements: Statements) -> None:
    with statements() as done:
        assert run("--check") == "The tables are up to date.\n"
    assert not [text for text in done if text.startswith("ALTER")]


def test_plan_says_and_does_nothing(plain: Warehouse, statements: Statements) -> None:
    with statements() as done:
        printed = run("--plan")
    assert printed.count("ADD COLUMNS") == 4
    assert printed.count("CLUSTER BY") == 4
    assert not [text for text in done if text.startswith("ALTER")]
    with pytest.raises(SystemExit) as ended:
        run("--check")
    assert ended.value.code == 1


def test_one_step_at_a_time(plain: Warehouse) -> None:
    run("--to", "2")
    found = migrations.read_schema_state(plain)
    assert found.version == 2
    assert {column.name for column in (*AUDIT_COLUMNS, CHANGE_ID)} <= found.columns["updates"]
    assert found.clustering["updates"] == ()
    assert run().count("done") == 5


def test_what_died_half_way_is_resumed(plain: Warehouse, server: LocalWarehouse) -> None:
    server.fault("expired_token", times=None, match="ALTER TABLE .*use_cases.* ADD")
    with pytest.raises(CommandError):
        run()
    assert migrations.read_schema_state(plain).version == 1
    server.clear_faults()
    assert run().count("done") == 6
    assert accounts.get(plain, "OLD1").team == "Kept"


def test_two_runs_at_once(plain: Warehouse, server: LocalWarehouse) -> None:
    server.fault("latency", times=None, seconds=0.03)
    failures: list[BaseException] = []

    def work(wh: Warehouse) -> None:
        try:
            list(migrations.run(wh, ddl.VERSION, 365))
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=work, args=[replace(plain, actor=f"{n}@example.com")])
        for n in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.clear_faults()
    assert failures == []
    assert migrations.read_schema_state(plain).version == ddl.VERSION
    assert migrations.read_schema_state(plain).columns["updates"] == {
        column.name for column in TABLES[3].stored_columns
    }


def test_tables_of_a_later_version_are_left_alone(warehouse: Warehouse) -> None:
    later = {ddl.VERSION_PROPERTY: str(ddl.VERSION + 1)}
    warehouse.execute(ddl.set_properties(ACCOUNTS, later, warehouse.namespace), repeatable=True)
    with pytest.raises(CommandError, match=f"version {ddl.VERSION + 1}, where this CRM knows"):
        run()


def test_without_tables_it_says_what_to_do(server: LocalWarehouse, settings: Any) -> None:
    settings.WAREHOUSE = server.config()
    with pytest.raises(CommandError, match="run create_tables first"):
        run("--catalog", "workspace", "--schema", "default")


def test_what_was_before_a_step_is_restored_and_brought_up_to_date(plain: Warehouse) -> None:
    old = restore_tables.latest_versions_of_existing(plain)[ACCOUNTS]
    run()
    accounts.create(plain, {"bsnid": "NEW1", "team": "New", "business_area": "A"})
    out = StringIO()
    arguments = ("--to-version", f"accounts={old}")
    call_command("restore", "--dry-run", *arguments, stdout=out)
    assert "created_by, updated_by, change_id: did not exist then, will be empty" in out.getvalue()
    call_command("restore", "--yes", *arguments, stdout=out)
    assert [accounts.get(plain, key) for key in ("NEW1",)] == [None]
    assert accounts.get(plain, "OLD1").team == "Kept"
    assert run("--check") == "The tables are up to date.\n"


def test_what_no_step_brings_back_is_not_restored(plain: Warehouse) -> None:
    for text in (
        "SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')",
        "RENAME COLUMN team TO old_team",
    ):
        plain.execute(f"ALTER TABLE {plain.namespace.table(ACCOUNTS)} {text}", repeatable=False)
    wrong = restore_tables.latest_versions_of_existing(plain)[ACCOUNTS]
    plain.execute(
        f"ALTER TABLE {plain.namespace.table(ACCOUNTS)} RENAME COLUMN old_team TO team",
        repeatable=False,
    )
    run()
    with pytest.raises(CommandError, match="accounts had no column team then"):
        call_command("restore", "--yes", "--to-version", f"accounts={wrong}", stdout=StringIO())
    assert accounts.get(plain, "OLD1").team == "Kept"


def test_rows_without_a_key_are_said(plain: Warehouse) -> None:
    name = plain.namespace.table(USE_CASES)
    plain.execute(
        f"INSERT INTO {name} (account_bsnid, problem) VALUES ('OLD1', 'P')", repeatable=False
    )
    with pytest.raises(CommandError, match="1 rows of use_cases have no id.*check_integrity"):
        run()
    assert migrations.read_schema_state(plain).version == 4
    with pytest.raises(SystemExit):
        call_command("check_integrity", "--fix", "--yes", stdout=StringIO())
    assert run().count("done") == 3
    assert [case.problem for case in accounts.get_detail(plain, "OLD1").use_cases] == ["P"]


def test_a_feed_that_was_switched_off_is_switched_on(warehouse: Warehouse) -> None:
    off = {"delta.enableChangeDataFeed": "false"}
    warehouse.execute(ddl.set_properties(UPDATES, off, warehouse.namespace), repeatable=True)
    with pytest.raises(SystemExit):
        run("--check")
    assert run().count("done") == 1
    assert (
        migrations.read_schema_state(warehouse).properties["updates"]["delta.enableChangeDataFeed"]
        == "true"
    )


def test_words_of_others_stay(plain: Warehouse) -> None:
    name = plain.namespace.table(ACCOUNTS)
    plain.execute(f"COMMENT ON TABLE {name} IS 'Theirs'", repeatable=True)
    plain.execute(f"ALTER TABLE {name} ALTER COLUMN team COMMENT 'Theirs, too'", repeatable=True)
    run()
    found = described(plain)
    assert {row["comment"] for row in found["tables"] if row["table_name"] == "accounts"} == {
        "Theirs"
    }
    assert "Theirs, too" in [row["comment"] for row in found["columns"]]


def test_a_version_that_is_no_number(warehouse: Warehouse) -> None:
    odd = {ddl.VERSION_PROPERTY: "abc"}
    warehouse.execute(ddl.set_properties(ACCOUNTS, odd, warehouse.namespace), repeatable=True)
    with pytest.raises(SystemExit):
        run("--check")
    run()
    assert migrations.read_schema_state(warehouse).version == ddl.VERSION


def test_tables_that_a_backup_brought_back_have_their_keys(warehouse: Warehouse) -> None:
    before = described(warehouse)
    out = StringIO()
    try:
        call_command("backup", stdout=out)
        (taken,) = re.findall(r"\d{8}t\d+z", out.getvalue())
        for table in reversed(TABLES):
            warehouse.execute(f"DROP TABLE {warehouse.namespace.table(table)}", repeatable=True)
        call_command("restore", "--yes", backup=taken, stdout=out)
    finally:
        schema = f"`{warehouse.namespace.catalog}`.`{warehouse.namespace.schema}_backups`"
        warehouse.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE", repeatable=True)
    assert described(warehouse) == before
    assert "Grant the rights on the created tables again" in out.getvalue()
