"""The oldest tables become today's, in place, with their data."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from crm import ddl, evolution
from crm.repository import accounts, updates
from crm.schema import ACCOUNTS, AUDIT_COLUMNS, TABLES
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

from ..conftest import LocalWarehouse, Statements

OURS = {"created_by", "updated_by"}


@pytest.fixture
def plain(warehouse: Warehouse) -> Warehouse:
    """The tables as the first design had them: no audit columns, feed or clustering."""
    for table in reversed(TABLES):
        warehouse.execute(f"DROP TABLE {warehouse.namespace.table(table)}", repeatable=True)
    for table in TABLES:
        columns = ", ".join(
            f"`{column.name}` {column.type}{' NOT NULL' if column.not_null else ''}"
            for column in table.columns
            if column.name not in OURS
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


def test_the_oldest_tables_become_todays(plain: Warehouse) -> None:
    with pytest.raises(WarehouseError):
        accounts.get(plain, "OLD1")
    assert run().count("done") == 3
    old = accounts.get(plain, "OLD1")
    assert (old.team, old.created_by) == ("Kept", None)
    assert old.created_at == dt.datetime(2025, 6, 27, 14, 3, 11, 123456, dt.UTC)
    accounts.update(plain, "OLD1", {"team": "Renamed"}, old.updated_at)
    assert accounts.get(plain, "OLD1").updated_by == plain.actor
    values = {"author": "A", "date": dt.date(2026, 1, 1), "description": "D"}
    updates.create(plain, "OLD1", "u1", values)
    found = evolution.look(plain)
    for table in TABLES:
        assert found.columns[table.name] == set(table.names)
        assert found.clustering[table.name] == table.cluster_by
        assert ddl.properties().items() <= found.properties[table.name].items()
    assert run() == "The tables are as they should be.\n"


def test_new_tables_need_nothing(warehouse: Warehouse, statements: Statements) -> None:
    with statements() as done:
        assert run("--check") == "The tables are as they should be.\n"
    assert not [text for text in done if text.startswith("ALTER")]


def test_plan_says_and_does_nothing(plain: Warehouse, statements: Statements) -> None:
    with statements() as done:
        said = run("--plan")
    assert said.count("ADD COLUMNS") == 4
    assert said.count("CLUSTER BY") == 4
    assert not [text for text in done if text.startswith("ALTER")]
    with pytest.raises(SystemExit) as ended:
        run("--check")
    assert ended.value.code == 1


def test_one_step_at_a_time(plain: Warehouse) -> None:
    run("--to", "2")
    found = evolution.look(plain)
    assert found.version == 2
    assert {column.name for column in AUDIT_COLUMNS} <= found.columns["updates"]
    assert found.clustering["updates"] == ()
    assert run().count("done") == 2


def test_what_died_half_way_is_resumed(plain: Warehouse, server: LocalWarehouse) -> None:
    server.fault("expired_token", times=None, match="ALTER TABLE .*use_cases.* ADD")
    with pytest.raises(CommandError):
        run()
    assert evolution.look(plain).version == 1
    server.clear_faults()
    assert run().count("done") == 3
    assert accounts.get(plain, "OLD1").team == "Kept"


def test_two_runs_at_once(plain: Warehouse, server: LocalWarehouse) -> None:
    server.fault("latency", times=None, seconds=0.03)
    failures: list[BaseException] = []

    def work(wh: Warehouse) -> None:
        try:
            list(evolution.run(wh, ddl.VERSION, 365))
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
    assert evolution.look(plain).version == ddl.VERSION
    assert evolution.look(plain).columns["updates"] == set(TABLES[3].names)


def test_tables_of_a_later_version_are_left_alone(warehouse: Warehouse) -> None:
    later = {ddl.VERSION_PROPERTY: str(ddl.VERSION + 1)}
    warehouse.execute(ddl.set_properties(ACCOUNTS, later, warehouse.namespace), repeatable=True)
    with pytest.raises(CommandError, match=f"of version {ddl.VERSION + 1}; this CRM knows"):
        run()


def test_without_tables_it_says_what_to_do(server: LocalWarehouse, settings: Any) -> None:
    settings.WAREHOUSE = server.config()
    with pytest.raises(CommandError, match="run create_tables first"):
        run("--catalog", "workspace", "--schema", "default")
