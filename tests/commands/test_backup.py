"""Backups are made, verified and listed, and are kept as long as the settings say."""

from __future__ import annotations

import datetime as dt
import re
import threading
from typing import Any

import pytest
from django.core.management.base import CommandError

from crm.model.namespace import Namespace
from crm.model.schema import TABLES
from crm.repository.tables import backups
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound

from ..conftest import LocalWarehouse
from .backing_up import age, damage, ids, interrupted, run, state, table_names


def test_failed_and_superfluous_backups_are_removed(
    sample: Warehouse, home: Namespace, server: LocalWarehouse
) -> None:
    (complete,) = ids(run("backup"))
    complete = age(sample, home, complete)
    begun = interrupted(sample, home, server)
    dead = age(sample, home, interrupted(sample, home, server))
    half = f"{home.quoted_schema}.`accounts__20200101t000000z`"
    source = sample.namespace.table(TABLES[0])
    sample.execute(f"CREATE TABLE {half} DEEP CLONE {source}", repeatable=False)
    printed = run("backup", keep=2)
    assert re.findall(r"(\w+): was never finished; removed", printed) == ["20200101t000000z", dead]
    with pytest.raises(ObjectNotFound):
        sample.query(f"SELECT * FROM {half}")
    (latest,) = set(ids(printed)) - {"20200101t000000z", dead}
    assert _with_tables(sample, home) == {complete, begun, latest}
    assert ids(run("backup", "--list")) == [latest, complete]

    printed = run("backup", keep=1, keep_days=0)
    assert f"{latest}: removed" in printed
    assert f"{complete}: removed" in printed
    assert not _with_tables(sample, home) & {latest, complete}
    assert begun in _with_tables(sample, home)
    assert len(ids(run("backup", "--list"))) == 1


def _with_tables(wh: Warehouse, home: Namespace) -> set[str]:
    return {id_ for name in table_names(wh, home) for id_ in ids(name)}


def test_deployments_that_share_a_schema_leave_each_others_backups_alone(
    sample: Warehouse, home: Namespace, server: LocalWarehouse
) -> None:
    (first,) = ids(run("backup"))
    first = age(sample, home, first)
    # It is unknown whether another deployment's unfinished backup was interrupted.
    half = age(sample, home, interrupted(sample, home, server))
    before = state(sample)
    damage(sample)
    other = server.copy_schema(sample.namespace, f"{sample.namespace.schema}_other")
    try:
        printed = run("backup", schema=other.schema, backup_schema=f"{home.catalog}.{home.schema}")
        assert "never finished" not in printed
        assert any(half in name for name in table_names(sample, home))
    finally:
        sample.execute(f"DROP SCHEMA {other.quoted_schema} CASCADE", repeatable=True)
    run("restore", "--yes", backup=first)
    assert state(sample) == before


def test_backups_at_the_same_time(
    sample: Warehouse, home: Namespace, server: LocalWarehouse
) -> None:
    run("backup", "--list")  # so that the schema exists
    server.fault("latency", times=None, seconds=0.02)
    printed: list[str] = []
    threads = [threading.Thread(target=lambda: printed.append(run("backup"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.clear_faults()
    taken = [id_ for text in printed for id_ in ids(text)]
    assert len(set(taken)) == 2
    assert "never finished" not in "".join(printed)
    for id_ in taken:
        preview = run("restore", "--dry-run", backup=id_).splitlines()
        assert len(preview) == len(TABLES)
        assert all(line.endswith(": 0 removed, 0 restored, 0 changed") for line in preview)


def test_a_backup_whose_clones_are_gone_is_not_reported(
    sample: Warehouse, home: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = backups._insert

    def insert_late(wh: Warehouse, home: Namespace, backup: backups.Backup, tables: list) -> None:
        if tables[0]:  # another backup removed it as interrupted
            for clone in backups.clone_names(wh, home, backup).values():
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


def test_the_latest_backup_never_expires_however_old_it_is() -> None:
    now = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
    assert backups.expired([_backup(40), _backup(80)], 0, 7, now) == [_backup(80)]


def test_only_the_backup_of_these_tables_leaves_the_manifest() -> None:
    class Statements:
        namespace = Namespace("Cat", "Main", "x_")
        ran: list[tuple[str, Any]] = []

        def execute(self, sql: str, params: Any = None, *, repeatable: bool) -> int:
            self.ran.append((sql, params))
            return 1

    wh: Any = Statements()
    backups.remove(wh, Namespace("cat", "backups"), [_backup(1)])
    (delete, params), *drops = wh.ran
    assert delete == "DELETE FROM `cat`.`backups`.`backups` WHERE id = :id AND source = :source"
    assert params == {"id": _backup(1).id, "source": "cat.main.x_"}
    assert [sql.split("__")[0] for sql, _ in drops] == [
        f"DROP TABLE IF EXISTS `cat`.`backups`.`{table.name}" for table in TABLES
    ]
