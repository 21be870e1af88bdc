"""migrate_tables turns the oldest tables into the present ones, and keeps their data."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

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
from ..schemas import CONTENTS, EMPTY, Schemas
from .backing_up import described

OURS = {"created_by", "updated_by"}


def make_first_version(wh: Warehouse) -> None:
    """Make the tables of the first version: no audit columns, feed, clustering or keys."""
    for table in reversed(TABLES):
        wh.execute(f"DROP TABLE {wh.namespace.table(table)}", repeatable=True)
    for table in TABLES:
        columns = ", ".join(
            f"`{column.name}` {column.type}" for column in table.columns if column.name not in OURS
        )
        wh.execute(f"CREATE TABLE {wh.namespace.table(table)} ({columns})", repeatable=False)
    now = "TIMESTAMP'2025-06-27 14:03:11.123456'"
    wh.execute(
        f"INSERT INTO {wh.namespace.table(ACCOUNTS)} (bsnid, team, created_at, updated_at) "
        f"VALUES ('OLD1', 'Kept', {now}, {now})",
        repeatable=False,
    )


CONTENTS["first_version"] = make_first_version


@pytest.fixture
def first_version(warehouse: Warehouse) -> Warehouse:
    """The tables of the first version, with one account."""
    return warehouse


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("migrate_tables", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def of_today(schemas: Schemas) -> Iterator[dict[str, Any]]:
    """The description of the present tables."""
    with schemas.lend(EMPTY) as namespace:
        yield described(schemas.open(namespace))


def test_the_oldest_tables_become_todays(
    first_version: Warehouse, server: LocalWarehouse, of_today: dict[str, Any]
) -> None:
    """Even after a run that was killed, a run that ended at a middle step, and a run that invalid
    rows stopped."""
    wh = first_version
    with pytest.raises(WarehouseError):
        accounts.get(wh, "OLD1")
    dies_half_way(wh, server)
    runs_to_the_second_step(wh)
    stops_at_a_row_without_a_key(wh)
    assert run().count("done") == 7
    assert [case.problem for case in accounts.get_detail(wh, "OLD1").use_cases] == ["P"]
    has_todays_tables(wh)
    assert described(wh) == of_today
    assert run() == "The tables are up to date.\n"
    old_rows_can_be_changed(wh)


def dies_half_way(wh: Warehouse, server: LocalWarehouse) -> None:
    server.fault("expired_token", times=None, match="ALTER TABLE .*use_cases.* ADD")
    with pytest.raises(CommandError):
        run()
    server.clear_faults()
    found = migrations.read_schema_state(wh)
    assert found.version == 1
    assert CHANGE_ID.name in found.columns["accounts"]
    assert CHANGE_ID.name not in found.columns["use_cases"]


def runs_to_the_second_step(wh: Warehouse) -> None:
    assert run("--to", "2").count("done") == 1
    found = migrations.read_schema_state(wh)
    assert found.version == 2
    assert {column.name for column in (*AUDIT_COLUMNS, CHANGE_ID)} <= found.columns["updates"]
    assert found.clustering["updates"] == ()


def stops_at_a_row_without_a_key(wh: Warehouse) -> None:
    name = wh.namespace.table(USE_CASES)
    wh.execute(
        f"INSERT INTO {name} (account_bsnid, problem) VALUES ('OLD1', 'P')", repeatable=False
    )
    with pytest.raises(CommandError, match="1 rows of use_cases have no id.*check_integrity"):
        run()
    assert migrations.read_schema_state(wh).version == 4
    with pytest.raises(SystemExit):
        call_command("check_integrity", "--fix", "--yes", stdout=StringIO())


def has_todays_tables(wh: Warehouse) -> None:
    found = migrations.read_schema_state(wh)
    for table in TABLES:
        assert found.columns[table.name] == {column.name for column in table.stored_columns}
        assert found.clustering[table.name] == table.cluster_by
        assert ddl.properties().items() <= found.properties[table.name].items()


def old_rows_can_be_changed(wh: Warehouse) -> None:
    old = accounts.get(wh, "OLD1")
    assert (old.team, old.created_by) == ("Kept", None)
    assert old.created_at == dt.datetime(2025, 6, 27, 14, 3, 11, 123456, dt.UTC)
    accounts.update(wh, "OLD1", {"team": "Renamed"}, old.updated_at)
    assert accounts.get(wh, "OLD1").updated_by == wh.actor
    values = {"author": "A", "date": dt.date(2026, 1, 1), "description": "D"}
    updates.create(wh, "OLD1", "u1", values)


def test_older_tables_are_reported_and_left_alone(
    first_version: Warehouse, client: Client, tmp_path: Path, statements: Statements
) -> None:
    data = {"bsnid": "NEW1", "team": "T", "business_area": "A"}
    pages = {
        "Migrate the tables, step": client.get("/accounts/"),
        "manage.py set_up": client.post("/accounts/new/", data),
    }
    for said, page in pages.items():
        assert page.status_code == 503
        assert said in page.content.decode()
    with pytest.raises(CommandError, match="set_up"):
        call_command("export_data", "--output", str(tmp_path / "x.json"), stdout=StringIO())
    with statements() as done:
        printed = run("--plan")
    assert printed.count("ADD COLUMNS") == 4
    assert printed.count("CLUSTER BY") == 4
    with statements() as checked, pytest.raises(SystemExit) as ended:
        run("--check")
    assert ended.value.code == 1
    assert not [text for text in done + checked if text.startswith("ALTER")]


def test_new_tables_need_nothing(warehouse: Warehouse, statements: Statements) -> None:
    with statements() as done:
        assert run("--check") == "The tables are up to date.\n"
    assert not [text for text in done if text.startswith("ALTER")]


def test_two_runs_at_once(first_version: Warehouse, server: LocalWarehouse) -> None:
    server.fault("latency", times=None, seconds=0.03)
    failures: list[BaseException] = []

    def work(wh: Warehouse) -> None:
        try:
            list(migrations.run(wh, ddl.VERSION, 365))
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=work, args=[replace(first_version, actor=f"{n}@example.com")])
        for n in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.clear_faults()
    assert failures == []
    assert migrations.read_schema_state(first_version).version == ddl.VERSION
    assert migrations.read_schema_state(first_version).columns["updates"] == {
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


def test_comments_of_others_stay_and_what_was_before_a_step_is_restored(
    first_version: Warehouse,
) -> None:
    wh = first_version
    name = wh.namespace.table(ACCOUNTS)
    wh.execute(f"COMMENT ON TABLE {name} IS 'Theirs'", repeatable=True)
    wh.execute(f"ALTER TABLE {name} ALTER COLUMN team COMMENT 'Theirs, too'", repeatable=True)
    old = restore_tables.latest_versions_of_existing(wh)[ACCOUNTS]
    run()
    found = described(wh)
    assert {row["comment"] for row in found["tables"] if row["table_name"] == "accounts"} == {
        "Theirs"
    }
    assert "Theirs, too" in [row["comment"] for row in found["columns"]]
    accounts.create(wh, {"bsnid": "NEW1", "team": "New", "business_area": "A"})
    out = StringIO()
    arguments = ("--to-version", f"accounts={old}")
    call_command("restore", "--dry-run", *arguments, stdout=out)
    assert "created_by, updated_by, change_id: did not exist then, will be empty" in out.getvalue()
    call_command("restore", "--yes", *arguments, stdout=out)
    assert accounts.get(wh, "NEW1") is None
    assert accounts.get(wh, "OLD1").team == "Kept"
    assert run("--check") == "The tables are up to date.\n"


def test_what_no_step_brings_back_is_not_restored(warehouse: Warehouse) -> None:
    accounts.create(warehouse, {"bsnid": "OLD1", "team": "Kept", "business_area": "A"})
    name = warehouse.namespace.table(ACCOUNTS)
    for text in (
        "SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')",
        "RENAME COLUMN team TO old_team",
    ):
        warehouse.execute(f"ALTER TABLE {name} {text}", repeatable=False)
    wrong = restore_tables.latest_versions_of_existing(warehouse)[ACCOUNTS]
    warehouse.execute(f"ALTER TABLE {name} RENAME COLUMN old_team TO team", repeatable=False)
    with pytest.raises(CommandError, match="accounts had no column team then"):
        call_command("restore", "--yes", "--to-version", f"accounts={wrong}", stdout=StringIO())
    assert accounts.get(warehouse, "OLD1").team == "Kept"


def test_a_version_that_is_no_number_runs_all_steps() -> None:
    versions = {table.name: {} for table in TABLES} | {"accounts": {ddl.VERSION_PROPERTY: "abc"}}
    state = migrations.SchemaState({}, versions, {}, {}, {}, {}, {}, frozenset())
    assert state.version == 1


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
