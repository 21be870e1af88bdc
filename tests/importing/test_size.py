"""Many rows take few statements, each bad row is reported, and a killed import can be repeated."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.core.management import call_command

from crm.importing import importer
from crm.importing.findings import REFUSED, Findings
from crm.importing.importer import Options
from crm.model.schema import TABLES
from crm.repository.records import overview
from crm.warehouse import Warehouse
from tests.limits import LIMITS

from ..conftest import BASE_DIR, LocalWarehouse, Statements, forget_everything
from ..sizes import size, soak


def write_state(path: Path, accounts: int, updates: int, bad_every: int = 0) -> int:
    """Write a state with so many accounts and updates; return the number of bad updates."""
    bad = 0
    state = {
        "accounts": {
            f"B{n:05d}": {
                "team": f"Team {n}",
                "business_area": f"Area {n % 7}",
                "platforms_status": {"Databricks": "Completed", "Snowflake": "Requested"},
            }
            for n in range(accounts)
        },
        "updates": {},
    }
    for n in range(accounts * updates):
        is_bad = bool(bad_every) and n % bad_every == 0
        bad += is_bad
        state["updates"][f"u{n}"] = {
            "account_bsnid": "" if is_bad else f"B{n % accounts:05d}",
            "author": f"Author {n % 50}",
            "date": "2025-06-27",
            "description": f"Progress report {n}, with some words to make it as long as they are",
        }
    path.write_text(json.dumps(state))
    return bad


def test_ten_thousand_rows_in_twenty_statements(
    warehouse: Warehouse,
    tmp_path: Path,
    statements: Statements,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Here with a tenth of the rows, and of the rows in a statement; the next test has all."""
    monkeypatch.setattr(importer, "CHUNK_ROWS", importer.CHUNK_ROWS // 10)
    path = tmp_path / "state.json"
    bad = write_state(path, accounts=100, updates=7, bad_every=10)
    with statements() as done, Findings(tmp_path / "report.csv") as findings:
        outcomes = importer.run(warehouse, path, Options(), findings)
    assert [outcome.written for outcome in outcomes] == [100, 200, 0, 700 - bad]
    assert all(outcome.verified for outcome in outcomes)
    assert len(done) <= 20
    with (tmp_path / "report.csv").open() as file:
        refused = [row for row in csv.DictReader(file) if row["outcome"] == REFUSED]
    assert {row["row"] for row in refused} == {f"u{n}" for n in range(0, 700, 10)}
    assert len(refused) == bad == 70


@soak
def test_every_bad_row_of_a_large_file_is_named(
    warehouse: Warehouse, tmp_path: Path, statements: Statements
) -> None:
    path, report = tmp_path / "state.json", tmp_path / "report.csv"
    # Twice as many statuses and seven times as many updates: one row in a hundred is bad.
    accounts = size(300, 10_000)
    bad = write_state(path, accounts=accounts, updates=7, bad_every=70)
    assert bad == accounts / 10
    with statements() as done, Findings(report) as findings:
        outcomes = importer.run(warehouse, path, Options(), findings)
    written = [outcome.written for outcome in outcomes]
    assert written == [accounts, 2 * accounts, 0, 7 * accounts - bad]
    assert all(outcome.verified for outcome in outcomes)
    assert len(done) <= 100
    with report.open() as file:
        lines = list(csv.DictReader(file))
    refused = {line["row"]: line["reason"] for line in lines if line["outcome"] == REFUSED}
    assert [line["outcome"] for line in lines if not line["row"]] == ["verified"] * 3
    assert refused.keys() == {f"u{n}" for n in range(0, 7 * accounts, 70)}
    assert set(refused.values()) == {"Account is missing"}


_READ = """
import resource, sys
from pathlib import Path
import django
django.setup()
from crm.importing import sources
from crm.importing.findings import Findings
from crm.importing.reader import Reader
from crm.model.schema import TABLES
for path in sys.argv[1:]:
    with Findings() as findings, sources.opened(Path(path)) as source:
        reader = Reader(source, findings)
        rows = sum(1 for table in TABLES for _ in reader.rows(table))
    # Linux's ru_maxrss begins with the memory of the process that started this one.
    status = Path("/proc/self/status")
    if status.exists():
        peak = int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(rows, peak)
"""


@soak
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A process that then reads ten times the rows needs little more, except for a cache."""
    accounts, updates = size(400, 1000), (5, 50)
    paths = [tmp_path / f"state-{each}.json" for each in updates]
    for path, each in zip(paths, updates, strict=True):
        write_state(path, accounts=accounts, updates=each)
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "edip.settings"}
    command = [sys.executable, "-c", _READ, *map(str, paths)]
    output = subprocess.check_output(command, cwd=BASE_DIR, env=environment, text=True)
    (rows, peak), (more_rows, higher_peak) = (
        [int(number) for number in line.split()] for line in output.splitlines()
    )
    assert (rows, more_rows) == (accounts * 8, accounts * 53)
    assert paths[1].stat().st_size > 7_000 * accounts
    assert higher_peak - peak < paths[1].stat().st_size


def checksums(wh: Warehouse) -> dict[str, tuple]:
    """Return the checksums of all columns except who wrote a row, and when."""
    sums = {}
    for table in TABLES:
        names = [column.name for column in table.own_columns]
        values = ", ".join(f"coalesce(cast(`{name}` AS string), '-')" for name in names)
        sql = f"SELECT count(*) AS n, bit_xor(xxhash64({values})) AS s FROM {wh.namespace.table(table)}"
        sums[table.name] = tuple(wh.query(sql)[0].values())
    return sums


# How many statements the import below takes; fewer if most rows are stored already.
STATEMENTS = 14


def import_and_kill(path: Path, server: LocalWarehouse, chance: random.Random) -> bool:
    """Import in a process of its own; kill it at or soon after one of its statements.

    Return whether it was still at work then.
    """
    forget_everything()  # as a new process
    last, fatal, child = server.last(), chance.randint(1, STATEMENTS), os.fork()
    if child == 0:
        try:
            call_command("import_legacy", path, "--accept-doubts", stdout=io.StringIO())
        finally:
            os._exit(0)
    has_ended = False
    while server.last() < last + fatal and not has_ended:
        has_ended = os.waitpid(child, os.WNOHANG) != (0, 0)
        time.sleep(0.005)
    time.sleep(chance.uniform(0, 0.03))
    if not has_ended:
        os.kill(child, signal.SIGKILL)
        has_ended = not os.WIFSIGNALED(os.waitpid(child, 0)[1])
    return not has_ended


@soak
def test_killed_at_random_and_run_again_it_ends_the_same(
    warehouse: Warehouse, local_warehouse: LocalWarehouse, tmp_path: Path
) -> None:
    path = tmp_path / "state.json"
    write_state(path, accounts=60, updates=20)
    chance = random.Random(7)
    kills = [import_and_kill(path, local_warehouse, chance) for _ in range(size(4, 20))]
    assert sum(kills) >= 2, "most imports had ended before they were to be killed"
    output = io.StringIO()
    call_command("import_legacy", path, stdout=output)
    assert output.getvalue().count("verified") == 3
    after = checksums(warehouse)
    assert [n for n, _ in after.values()] == [60, 120, 0, 1200]
    call_command("import_legacy", path, on_conflict="update", stdout=io.StringIO())
    assert checksums(warehouse) == after
    assert overview.load(warehouse, LIMITS).accounts == 60


def test_the_command_says_what_it_did(warehouse: Warehouse, tmp_path: Path) -> None:
    path, report = tmp_path / "state.json", tmp_path / "report.csv"
    write_state(path, accounts=2, updates=30, bad_every=2)
    output = io.StringIO()
    call_command("import_legacy", path, "--report", str(report), stdout=output)
    printed = output.getvalue()
    assert "accounts: 2 added" in printed
    assert "updates: 30 added, 0 differ (skip), 0 unchanged, 30 refused" in printed
    # Refusals of one kind are one line.
    assert "refused, 30 times: state.json, Account, rows u0, u2, " in printed
    assert ", …: Account is missing" in printed
    # A heading, each refused row, and the verdict on each of three tables.
    assert len(report.read_text().splitlines()) == 1 + 30 + 3
    assert "verified: 30 rows, equal checksums, " in printed
    output = io.StringIO()
    call_command("import_legacy", path, "--dry-run", stdout=output)
    assert "updates: 0 would be added, 0 differ (skip), 30 unchanged" in output.getvalue()


@pytest.mark.parametrize("entry", ["nothing", "=team", "Team="])
def test_a_wrong_map_is_explained(warehouse: Warehouse, tmp_path: Path, entry: str) -> None:
    from django.core.management.base import CommandError

    with pytest.raises(CommandError, match="--map takes"):
        call_command("import_legacy", tmp_path, "--map", entry)
