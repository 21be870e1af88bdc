"""Backups are taken, verified, listed, kept for as long as asked, and restored exactly."""

from __future__ import annotations

import datetime as dt
import io
import re
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from crm.model.as_of_address import written
from crm.model.namespace import Namespace
from crm.model.schema import TABLES
from crm.repository import _writing, ddl
from crm.repository.records import accounts, use_cases
from crm.repository.tables import backups
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse, Statements


def run(command: str, *arguments: str, **options) -> str:
    output = io.StringIO()
    call_command(command, *arguments, stdout=output, **options)
    return output.getvalue()


def state(wh: Warehouse) -> dict[str, tuple[int, int]]:
    return {table.name: backups.sums(wh, table, wh.namespace.table(table)) for table in TABLES}


def ids(text: str) -> list[str]:
    return re.findall(r"\d{8}t\d+z", text)


@pytest.fixture
def home(sample: Warehouse):
    where = Namespace(sample.namespace.catalog, f"{sample.namespace.schema}_backups")
    yield where
    sample.execute(f"DROP SCHEMA IF EXISTS {where.quoted_schema} CASCADE", repeatable=True)


def damage(wh: Warehouse) -> None:
    """Something changed, something deleted, something added."""
    account = accounts.get(wh, "BSN001")
    accounts.update(wh, "BSN001", {"team": "Broken"}, account.updated_at)
    accounts.delete(wh, "BSN002")
    accounts.create(wh, {"bsnid": "BSN999", "team": "T", "business_area": "A"})
    use_cases.create(wh, "BSN999", "case", {"problem": "P", "status": "Active"})


def test_a_backup_is_taken_listed_and_restored(sample: Warehouse, home: Namespace) -> None:
    assert "no backup yet" in run("backup", "--list")
    before = state(sample)
    said = run("backup")
    (taken,) = ids(said)
    assert "made and verified" in said
    assert f"{before['accounts'][0]} accounts" in said
    assert taken in run("backup", "--list")
    damage(sample)
    damaged = state(sample)

    said = run("restore", "--dry-run", backup=taken)
    assert "accounts: 1 removed, 1 restored, 1 changed" in said
    assert "use cases: 1 removed" in said
    assert state(sample) == damaged

    said = run("restore", "--yes", backup=taken)
    assert state(sample) == before
    # And the way back that it named.
    undo = said.split("manage.py restore ")[1].splitlines()[0].split()
    run("restore", "--yes", *undo)
    assert state(sample) == damaged


def test_tables_that_are_gone_come_back(sample: Warehouse, home: Namespace) -> None:
    before = state(sample)
    (taken,) = ids(run("backup"))
    for table in TABLES:
        sample.execute(f"DROP TABLE {sample.namespace.table(table)}", repeatable=True)
    assert "all rows of backup" in run("restore", "--dry-run", backup=taken)
    run("restore", "--yes", backup=taken)
    assert state(sample) == before
    assert accounts.get(sample, "BSN001") is not None


def test_restore_to_a_time(sample: Warehouse, home: Namespace) -> None:
    before = state(sample)
    time.sleep(0.05)
    moment = written(dt.datetime.now(dt.UTC))
    time.sleep(0.05)
    damage(sample)
    assert "1 restored" in run("restore", "--dry-run", to_time=moment)
    run("restore", "--yes", to_time=moment)
    assert state(sample) == before


def test_only_what_has_changed_is_restored(
    sample: Warehouse, home: Namespace, statements: Statements
) -> None:
    """RESTORE to the version that a table is at is refused by Delta."""
    before = state(sample)
    moment = written(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1))
    time.sleep(1.1)
    accounts.create(sample, {"bsnid": "BSN999", "team": "T", "business_area": "A"})
    with statements() as done:
        said = run("restore", "--yes", to_time=moment)
    assert len([text for text in done if text.startswith("RESTORE")]) == 1
    assert "use_cases: has not changed since" in said
    assert state(sample) == before


def test_where_it_stops_half_way_the_way_back_is_known(
    sample: Warehouse, home: Namespace, server: LocalWarehouse
) -> None:
    (taken,) = ids(run("backup"))
    damage(sample)
    damaged = state(sample)
    server.fault("expired_token", times=None, match="MERGE INTO .*use_cases")
    output = io.StringIO()
    with pytest.raises(CommandError):
        call_command("restore", "--yes", backup=taken, stdout=output)
    server.clear_faults()
    assert state(sample) != damaged
    undo = output.getvalue().split("manage.py restore ")[1].splitlines()[0].split()
    run("restore", "--yes", *undo)
    assert state(sample) == damaged


def test_the_way_back_names_the_tables_place(
    sample: Warehouse, home: Namespace, settings: Any
) -> None:
    schema = settings.NAMESPACE.schema
    settings.NAMESPACE = Namespace()
    where = {"catalog": sample.namespace.catalog, "schema": schema}
    said = run("restore", "--yes", to_version=["accounts=0"], **where)
    assert f" --catalog {where['catalog']} --schema {schema}\n" in said


def test_one_table_that_is_gone(sample: Warehouse, home: Namespace) -> None:
    before = state(sample)
    (taken,) = ids(run("backup"))
    moment = written(dt.datetime.now(dt.UTC))
    damage(sample)
    sample.execute(f"DROP TABLE {sample.namespace.table(TABLES[2])}", repeatable=True)
    said = run("restore", "--dry-run", backup=taken)
    assert "accounts: 1 removed, 1 restored, 1 changed" in said
    assert f"use cases: the table does not exist; all rows of backup {taken} are restored" in said
    for option in ({"to_time": moment}, {"to_version": ["use_cases=1"]}):
        with pytest.raises(CommandError, match="use_cases: the table does not exist"):
            run("restore", "--yes", **option)
    said = run("restore", "--yes", backup=taken)
    assert "use_cases does not exist now" in said
    assert "--to-version updates=" in said
    assert "--to-version use_cases=" not in said
    assert state(sample) == before


def test_a_clone_that_is_gone(sample: Warehouse, home: Namespace) -> None:
    (taken,) = ids(run("backup"))
    damage(sample)
    damaged = state(sample)
    (clone,) = [name for name in _tables(sample, home) if name.startswith("updates__")]
    sample.execute(f"DROP TABLE {home.quoted_schema}.`{clone}`", repeatable=True)
    with pytest.raises(CommandError, match="The clone of updates .* does not exist any more"):
        run("restore", "--yes", backup=taken)
    assert state(sample) == damaged


def test_tables_of_a_later_version_are_not_restored(sample: Warehouse, home: Namespace) -> None:
    (taken,) = ids(run("backup"))
    damage(sample)
    damaged = state(sample)
    later = {ddl.VERSION_PROPERTY: str(ddl.VERSION + 1)}
    sample.execute(ddl.set_properties(TABLES[0], later, sample.namespace), repeatable=True)
    _writing.forget_all()
    for option in ({"backup": taken}, {"to_version": ["accounts=1"]}):
        with pytest.raises(CommandError, match="of a later version"):
            run("restore", "--yes", **option)
    assert state(sample) == damaged


def test_restore_asks_first(sample: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = written(dt.datetime.now(dt.UTC))
    damage(sample)
    damaged = state(sample)
    monkeypatch.setattr("builtins.input", lambda question: "no")
    with pytest.raises(CommandError, match="Nothing was changed"):
        run("restore", to_time=moment)
    assert state(sample) == damaged


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"backup": "20200101t000000z"}, "There is no backup 20200101t000000z"),
        ({"backup": "x; DROP TABLE accounts"}, "There is no backup x"),
        ({"to_time": "soon"}, "--to-time needs a time"),
        ({"to_time": "2001-01-01"}, "did not exist yet"),
        ({"to_time": "2999-01-01"}, "has not come yet"),
        ({"to_version": ["secrets=1"]}, "--to-version needs TABLE=VERSION"),
        ({"to_version": ["accounts=999"]}, "has no version 999 yet"),
    ],
)
def test_what_cannot_be_restored(
    sample: Warehouse, home: Namespace, options: dict, said: str
) -> None:
    before = state(sample)
    with pytest.raises(CommandError, match=said):
        run("restore", "--yes", **options)
    assert state(sample) == before


def test_halves_are_cleared_away(sample: Warehouse, home: Namespace) -> None:
    run("backup")
    half = f"{home.quoted_schema}.`accounts__20200101t000000z`"
    source = sample.namespace.table(TABLES[0])
    sample.execute(f"CREATE TABLE {half} DEEP CLONE {source}", repeatable=False)
    said = run("backup")
    assert "20200101t000000z: was never finished; removed" in said
    with pytest.raises(Exception, match="not found"):
        sample.query(f"SELECT * FROM {half}")
    assert len(ids(run("backup", "--list"))) == 2


def _age(wh: Warehouse, home: Namespace, backup_id: str) -> str:
    """Let a backup have begun a year earlier; its id then."""
    older = f"{int(backup_id[:4]) - 1}{backup_id[4:]}"
    for row in _tables(wh, home):
        if backup_id in row:
            new = row.replace(backup_id, older)
            wh.execute(
                f"ALTER TABLE {home.quoted_schema}.`{row}` RENAME TO {home.quoted_schema}.`{new}`",
                repeatable=False,
            )
    wh.execute(
        f"UPDATE {home.quoted_schema}.`{home.prefix}backups` SET id = :new WHERE id = :old",
        {"new": older, "old": backup_id},
        repeatable=True,
    )
    return older


def _tables(wh: Warehouse, home: Namespace) -> list[str]:
    sql = "SELECT table_name FROM system.information_schema.tables WHERE table_schema = :schema"
    return [row["table_name"] for row in wh.query(sql, {"schema": home.schema})]


def test_deployments_that_share_a_schema_leave_each_others_backups_alone(
    sample: Warehouse, home: Namespace
) -> None:
    (first,) = ids(run("backup"))
    first = _age(sample, home, first)
    before = state(sample)
    other = replace(sample, namespace=Namespace(home.catalog, f"{sample.namespace.schema}_other"))
    run("create_tables", schema=other.namespace.schema)
    try:
        said = run(
            "backup", schema=other.namespace.schema, backup_schema=f"{home.catalog}.{home.schema}"
        )
        assert "never finished" not in said
        # Of another's halves one cannot tell that they have died.
        half = _begun_only(sample, home)
        run("backup", schema=other.namespace.schema, backup_schema=f"{home.catalog}.{home.schema}")
        assert any(half in name for name in _tables(sample, home))
    finally:
        sample.execute(f"DROP SCHEMA {other.namespace.quoted_schema} CASCADE", repeatable=True)
    damage(sample)
    run("restore", "--yes", backup=first)
    assert state(sample) == before


def _begun_only(wh: Warehouse, home: Namespace) -> str:
    """What a backup that died long ago leaves: a line that it began, and a clone."""
    (taken,) = [id_ for id_ in ids(run("backup")) if id_]
    wh.execute(
        f"DELETE FROM {home.quoted_schema}.`backups` WHERE id = :id AND table_name IS NOT NULL",
        {"id": taken},
        repeatable=True,
    )
    return _age(wh, home, taken)


def test_what_died_long_ago_is_cleared_away_and_what_just_began_is_not(
    sample: Warehouse, home: Namespace, server: LocalWarehouse
) -> None:
    server.fault("expired_token", times=None, match="CREATE OR REPLACE TABLE .*updates")
    with pytest.raises(CommandError):
        run("backup")
    server.clear_faults()
    begun = {id_ for name in _tables(sample, home) for id_ in ids(name)}
    run("backup")
    dead = _begun_only(sample, home)
    said = run("backup")
    assert re.findall(r"(\w+): was never finished", said) == [dead]
    left = {id_ for name in _tables(sample, home) for id_ in ids(name)}
    assert dead not in left
    assert begun <= left
    assert len(ids(run("backup", "--list"))) == 2


def test_backups_at_the_same_time(
    sample: Warehouse, home: Namespace, server: LocalWarehouse
) -> None:
    run("backup", "--list")  # so that the schema is there
    server.fault("latency", times=None, seconds=0.02)
    said: list[str] = []
    threads = [threading.Thread(target=lambda: said.append(run("backup"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.clear_faults()
    taken = [id_ for text in said for id_ in ids(text)]
    assert len(set(taken)) == 3
    assert "never finished" not in "".join(said)
    for id_ in taken:
        assert "0 changed" in run("restore", "--dry-run", backup=id_)


def test_a_backup_whose_clones_are_gone_is_not_reported(
    sample: Warehouse, home: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = backups._insert

    def insert_late(wh: Warehouse, home: Namespace, backup: backups.Backup, tables: list) -> None:
        if tables[0]:  # somebody took it for dead
            for clone in backups.clones(wh, home, backup).values():
                wh.execute(f"DROP TABLE {clone}", repeatable=True)
        insert(wh, home, backup, tables)

    monkeypatch.setattr(backups, "_insert", insert_late)
    with pytest.raises(CommandError, match="its clone was removed meanwhile"):
        run("backup")
    assert "no backup yet" in run("backup", "--list")


def _backup(age: int) -> backups.Backup:
    moment = dt.datetime(2026, 11, 24, tzinfo=dt.UTC) - dt.timedelta(days=age)
    return backups.Backup(moment.strftime("%Y%m%dt%H%M%Sz"), moment, "", 4, ())


@pytest.mark.parametrize(
    ("keep", "days", "kept"),
    [
        (2, 0, [0, 1]),
        (0, 7, [0, 1, 6]),
        (5, 1, [0, 1, 6, 10, 40]),
        (0, 0, [0]),
        (2, 30, [0, 1, 6, 10]),
    ],
)
def test_what_is_kept(keep: int, days: int, kept: list[int]) -> None:
    there = [_backup(age) for age in (0, 1, 6, 10, 40, 80)]
    now = dt.datetime(2026, 11, 24, 0, 0, tzinfo=dt.UTC)
    over = backups.expired(there, keep, days, now)
    assert [b for b in there if b not in over] == [_backup(age) for age in kept]


def test_old_backups_go(sample: Warehouse, home: Namespace) -> None:
    (first,) = ids(run("backup"))
    said = run("backup", keep=1, keep_days=0)
    assert f"{first}: removed" in said
    assert first not in run("backup", "--list")
    assert not [name for name in _tables(sample, home) if first in name]
