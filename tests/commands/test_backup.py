"""Backups are taken, verified, listed, kept for as long as asked, and restored exactly."""

from __future__ import annotations

import datetime as dt
import io
import re
import time

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from crm.moments import written
from crm.repository import accounts, backups, use_cases
from crm.schema import TABLES, Namespace
from crm.warehouse import Warehouse


def run(command: str, *arguments: str, **options) -> str:
    output = io.StringIO()
    call_command(command, *arguments, stdout=output, **options)
    return output.getvalue()


def state(wh: Warehouse) -> dict[str, tuple[int, int]]:
    return {table.name: backups.sums(wh, table, wh.namespace.table(table)) for table in TABLES}


def ids(text: str) -> list[str]:
    return re.findall(r"\d{8}t\d{6}z", text)


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
    assert "taken and verified" in said
    assert f"{before['accounts'][0]} accounts" in said
    assert taken in run("backup", "--list")
    damage(sample)
    damaged = state(sample)

    said = run("restore", "--dry-run", backup=taken)
    assert "accounts: 1 removed, 1 brought back, 1 changed" in said
    assert "use cases: 1 removed" in said
    assert state(sample) == damaged

    said = run("restore", "--yes", backup=taken)
    assert state(sample) == before
    # And the way back that it named.
    undo = said.split("manage.py restore ")[1].split()
    run("restore", "--yes", *undo)
    assert state(sample) == damaged


def test_tables_that_are_gone_come_back(sample: Warehouse, home: Namespace) -> None:
    before = state(sample)
    (taken,) = ids(run("backup"))
    for table in TABLES:
        sample.execute(f"DROP TABLE {sample.namespace.table(table)}", repeatable=True)
    assert "would be brought back" in run("restore", "--dry-run", backup=taken)
    run("restore", "--yes", backup=taken)
    assert state(sample) == before
    assert accounts.get(sample, "BSN001") is not None


def test_restore_to_a_time(sample: Warehouse, home: Namespace) -> None:
    before = state(sample)
    time.sleep(0.05)
    moment = written(dt.datetime.now(dt.UTC))
    time.sleep(0.05)
    damage(sample)
    assert "1 brought back" in run("restore", "--dry-run", to_time=moment)
    run("restore", "--yes", to_time=moment)
    assert state(sample) == before


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
        ({"to_time": "soon"}, "--to-time takes a time"),
        ({"to_time": "2001-01-01"}, "did not exist yet"),
        ({"to_time": "2999-01-01"}, "has not come yet"),
        ({"to_version": ["secrets=1"]}, "--to-version takes TABLE=VERSION"),
        ({"to_version": ["accounts=999"]}, "not at version 999 yet"),
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
    time.sleep(1.1)  # backups are named by the second
    said = run("backup")
    assert "20200101t000000z: was never finished; cleared away" in said
    with pytest.raises(Exception, match="not found"):
        sample.query(f"SELECT * FROM {half}")
    assert len(ids(run("backup", "--list"))) == 2


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
    time.sleep(1.1)
    said = run("backup", keep=1, keep_days=0)
    assert f"{first}: removed" in said
    assert first not in run("backup", "--list")
    tables = sample.query(
        "SELECT table_name FROM system.information_schema.tables WHERE table_schema = :schema",
        {"schema": home.schema},
    )
    assert not [row for row in tables if first in row["table_name"]]
