"""OPTIMIZE, VACUUM and shallow clones: files change, rows do not."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from local_warehouse.delta.old_commits import move_old_commits

from .conftest import folder_of, shell_on

RETENTION = "delta.deletedFileRetentionDuration"
# VACUUM keeps no files, while old versions may still be asked for.
FLEETING = "'delta.deletedFileRetentionDuration' = 'interval 59 seconds'"


@pytest.fixture
def table(shell):
    """A table with three versions of rows and four files."""
    shell.run(
        "CREATE TABLE t (id STRING NOT NULL, n INT, CONSTRAINT t_pk PRIMARY KEY(id)) "
        f"TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true', {FLEETING})"
    )
    for number, letter in enumerate("abcd", start=1):
        shell.change(f"INSERT INTO t VALUES ('{letter}', {number})")
    return shell


def content(shell, source="t"):
    return [tuple(row) for row in shell.run(f"SELECT id, n FROM {source} ORDER BY id")]


ALL = [("a", 1), ("b", 2), ("c", 3), ("d", 4)]


# --- OPTIMIZE ---
def test_many_small_files_become_one_and_no_row_changes(table):
    changes = "SELECT COUNT(*) FROM table_changes('t', 0)"
    before = table.value(changes)
    (row,) = table.run("OPTIMIZE t")
    metrics = row.metrics
    assert (metrics["numFilesRemoved"], metrics["numFilesAdded"]) == (4, 1)
    assert metrics["filesRemoved"]["totalFiles"] == 4
    assert metrics["filesAdded"]["totalSize"] > 0
    assert content(table) == ALL
    assert table.value(changes) == before
    history = table.run("DESCRIBE HISTORY t")
    assert (history[0].operation, history[0].version) == ("OPTIMIZE", 5)
    assert history[0].userName
    # With nothing left to do, it makes no version.
    (row,) = table.run("OPTIMIZE t")
    assert (row.metrics["numFilesAdded"], row.metrics["totalFilesSkipped"]) == (0, 1)
    assert len(table.run("DESCRIBE HISTORY t")) == len(history)


def test_writers_do_not_conflict_with_it(table, server):
    failures, schema = [], table.value("SELECT current_schema()")

    def write():
        with shell_on(server, catalog="tests", schema=schema) as other:
            for n in range(10):
                try:
                    other.change(f"UPDATE t SET n = n + 1 WHERE id = 'a' AND n < {100 + n}")
                except Exception as error:  # noqa: BLE001 - shown by the test
                    failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(5):
        table.run("OPTIMIZE t")
    writer.join()
    assert failures == []
    assert content(table)[0] == ("a", 11)


def test_what_cannot_be_done(table):
    for statement, error in (
        ("OPTIMIZE t FULL", "DELTA_OPTIMIZE_FULL_NOT_SUPPORTED"),
        ("OPTIMIZE t WHERE n > 1", "UNSUPPORTED_FEATURE"),
        ("OPTIMIZE t ZORDER BY (n)", "UNSUPPORTED_FEATURE"),
        ("OPTIMIZE nothing", "TABLE_OR_VIEW_NOT_FOUND"),
        ("VACUUM nothing", "TABLE_OR_VIEW_NOT_FOUND"),
        ("VACUUM t RETAIN x HOURS", "PARSE_SYNTAX_ERROR"),
        ("VACUUM t sometime", "PARSE_SYNTAX_ERROR"),
        ("VACUUM t RETAIN -1 HOURS", "DELTA_VACUUM_RETENTION_PERIOD_NEGATIVE"),
    ):
        assert error in table.error(statement), statement


# --- VACUUM ---
def test_what_no_version_within_the_retention_needs_is_gone(table):
    table.run("OPTIMIZE t")
    would = [row.path for row in table.run("VACUUM t DRY RUN")]
    assert len(would) == 4
    assert content(table, "t VERSION AS OF 2") == ALL[:2]
    assert len(table.run("VACUUM t")) == 1
    assert content(table) == ALL
    gone = "[FAILED_READ_FILE.DBR_FILE_NOT_EXIST]"
    assert gone in table.error("SELECT * FROM t VERSION AS OF 2")
    assert "DELTA_FILE_NOT_FOUND_DETAILED" in table.error("RESTORE TABLE t TO VERSION AS OF 2")
    assert gone in table.error("SELECT * FROM table_changes('t', 0)")
    assert table.run("VACUUM t DRY RUN") == []
    assert [row.operation for row in table.run("DESCRIBE HISTORY t LIMIT 2")] == [
        "VACUUM END",
        "VACUUM START",
    ]


def test_the_table_goes_on(table):
    table.run("OPTIMIZE t")
    table.run("VACUUM t")
    now = table.run("DESCRIBE HISTORY t LIMIT 1")[0].version
    table.change("UPDATE t SET n = 10 WHERE id = 'a'")
    assert content(table)[0] == ("a", 10)
    assert content(table, f"t VERSION AS OF {now}") == ALL
    changes = f"SELECT n, _change_type FROM table_changes('t', {now + 1}) ORDER BY n"
    assert [tuple(row) for row in table.run(changes)] == [
        (1, "update_preimage"),
        (10, "update_postimage"),
    ]


def test_what_is_young_stays(shell):
    shell.run("CREATE TABLE t (id STRING, n INT)")
    for n in range(3):
        shell.change(f"INSERT INTO t VALUES ('a', {n})")
    shell.run("OPTIMIZE t")
    assert shell.run("VACUUM t DRY RUN") == []
    shell.run("VACUUM t RETAIN 168 HOURS")
    assert len(shell.run("SELECT * FROM t VERSION AS OF 1")) == 1


def test_files_stay_for_as_long_as_the_table_says(server, shell):
    """The engine forgets removed files; the commit still says when it removed them."""
    shell.run(
        "CREATE TABLE t (id STRING, n INT) "
        "TBLPROPERTIES ('delta.deletedFileRetentionDuration' = '30 days')"
    )
    shell.change("INSERT INTO t VALUES ('a', 0)")
    for _ in range(24):
        shell.change("UPDATE t SET n = n + 1")
    folder = folder_of(server, f"tests.{shell.value('SELECT current_schema()')}.t")
    checkpoint = pq.read_table(folder / "_delta_log" / f"{20:020d}.checkpoint.parquet")
    assert not any(checkpoint.column("remove").to_pylist())
    shown = dict(shell.run("SHOW TBLPROPERTIES t"))
    assert shown["delta.deletedFileRetentionDuration"] == "30 days"
    assert dict(shell.run("DESCRIBE DETAIL t")[0].properties) == shown
    assert shell.run("VACUUM t DRY RUN") == []
    removed_days_ago(folder, 5, 31)
    removed_days_ago(folder, 6, 29)
    (deleted,) = shell.run("VACUUM t DRY RUN")
    shell.run("VACUUM t")
    assert not Path(deleted.path).exists()
    # Version 4 needs the files that version 5 removed.
    assert "DBR_FILE_NOT_EXIST" in shell.error("SELECT * FROM t VERSION AS OF 4")
    for version in (5, 6, 15, 25):
        assert shell.value(f"SELECT n FROM t VERSION AS OF {version}") == version - 1


def removed_days_ago(folder, version: int, days: int) -> None:
    """Rewrite a commit so that it removed its files so many days ago."""
    log = folder / "_delta_log" / f"{version:020d}.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        if "remove" in action:
            action["remove"]["deletionTimestamp"] -= days * 86_400_000
    log.write_text("".join(json.dumps(action) + "\n" for action in actions))


def test_what_was_brought_back_is_needed_again(table):
    table.change("DELETE FROM t")
    table.run("RESTORE TABLE t TO VERSION AS OF 4")
    assert table.run("VACUUM t DRY RUN") == []
    table.run("VACUUM t")
    assert content(table) == ALL


def test_files_of_no_commit_go_when_nobody_can_be_writing_them(server, table):
    """A cancelled statement may have written files, for example."""
    folder = folder_of(server, f"tests.{table.value('SELECT current_schema()')}.t")
    for name, hours in (("old", 2), ("young", 0)):
        file = folder / f"{name}.parquet"
        file.write_bytes(b"")
        moment = time.time() - hours * 3600
        os.utime(file, (moment, moment))
    assert table.run("VACUUM t LITE DRY RUN") == []
    assert [Path(row.path).name for row in table.run("VACUUM t DRY RUN")] == ["old.parquet"]
    table.run("VACUUM t")
    assert not (folder / "old.parquet").exists()
    assert (folder / "young.parquet").exists()
    assert content(table) == ALL


def test_checkpoints_that_newer_ones_replace_are_deleted(server, shell):
    """One of each day stays: versions are read from it once older commits are deleted."""
    shell.run(
        "CREATE TABLE t (id STRING, n INT) TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')"
    )
    shell.change("INSERT INTO t VALUES ('a', 0)")
    for _ in range(41):
        shell.change("UPDATE t SET n = n + 1")
    folder = folder_of(server, f"tests.{shell.value('SELECT current_schema()')}.t")
    log = folder / "_delta_log"
    for place, entry in enumerate(sorted(log.glob("*.checkpoint.parquet"))):
        moment = time.time() - 86_400 * (2 if place == 0 else 1)
        os.utime(entry, (moment, moment))
    for _ in range(7):
        shell.change("UPDATE t SET n = n + 1")
    wanted = [f"{version:020d}.checkpoint.parquet" for version in (10, 30, 40)]
    for _ in range(100):
        if [entry.name for entry in sorted(log.glob("*.checkpoint.parquet"))] == wanted:
            break
        time.sleep(0.05)
    else:
        pytest.fail("checkpoints stay")
    assert min(int(entry.stem) for entry in log.glob("*.crc")) >= 40
    assert shell.value("SELECT n FROM t") == 48
    for version in (1, 15, 25, 35, 45):
        assert shell.value(f"SELECT n FROM t VERSION AS OF {version}") == version - 1
    history = shell.run("DESCRIBE HISTORY t")
    move_old_commits(folder, kept=10, more=0)
    check_moved_commits(shell, log, history)


def check_moved_commits(shell, log, history) -> None:
    """Check that what reads old commits finds those that are not in the log any more."""
    names = sorted(entry.name for entry in log.glob("*.json"))
    assert (names[0], len(names)) == (f"{40:020d}.json", 10)
    assert shell.run("DESCRIBE HISTORY t") == history
    assert [row.version for row in shell.run("DESCRIBE HISTORY t LIMIT 2")] == [49, 48]
    for version in (0, 2, 12, 31, 39, 41):
        found = shell.run(f"SELECT n FROM t VERSION AS OF {version}")
        assert [row.n for row in found] == ([version - 1] if version else [])
    moment = history[-6].timestamp.isoformat()
    assert shell.value("SELECT n FROM t TIMESTAMP AS OF :at", {"at": moment}) == 4
    assert shell.value("SELECT COUNT(*) FROM table_changes('t', 0)") == 1 + 2 * 48
    shell.run("CREATE TABLE copy SHALLOW CLONE t VERSION AS OF 7")
    assert shell.value("SELECT n FROM copy") == 6
    shell.run("RESTORE t TO VERSION AS OF 21")
    shell.change("UPDATE t SET n = n + 1")
    assert shell.value("SELECT n FROM t") == 21
    assert [row.version for row in shell.run("DESCRIBE HISTORY t")] == list(range(51, -1, -1))
    shell.run("VACUUM t")
    assert shell.value("SELECT n FROM t VERSION AS OF 3") == 2


def test_less_than_the_retention_is_refused(shell):
    shell.run("CREATE TABLE t (id STRING)")
    assert "DELTA_VACUUM_RETENTION_PERIOD_TOO_SHORT" in shell.error("VACUUM t RETAIN 0 HOURS")
    assert "DELTA_VACUUM_RETENTION_PERIOD_TOO_SHORT" in shell.error("VACUUM t RETAIN 167 HOURS")
    shell.run("ALTER TABLE t SET TBLPROPERTIES ('delta.deletedFileRetentionDuration' = '30 days')")
    assert "DELTA_VACUUM_RETENTION_PERIOD_TOO_SHORT" in shell.error("VACUUM t RETAIN 700 HOURS")
    shell.run("VACUUM t RETAIN 720 HOURS")


def test_retention_intervals_are_read_or_refused(shell):
    for n, interval in enumerate(("interval 1 seconds", "1 second", "interval 1 day 2 hours")):
        shell.run(f"CREATE TABLE t{n} (id INT) TBLPROPERTIES ('{RETENTION}' = '{interval}')")
        shell.change(f"INSERT INTO t{n} VALUES (1)")
        shell.change(f"DELETE FROM t{n}")
        assert len(shell.run(f"VACUUM t{n} DRY RUN")) == ("second" in interval), interval
    for wrong in ("soon", "interval", "interval 1 moon", "interval 1 day and more"):
        error = shell.error(f"ALTER TABLE t0 SET TBLPROPERTIES ('{RETENTION}' = '{wrong}')")
        assert "DELTA_INVALID_INTERVAL" in error, wrong


def test_a_clone_keeps_the_files_that_it_needs(table):
    table.run("CREATE TABLE shallow SHALLOW CLONE t VERSION AS OF 2")
    table.run("CREATE TABLE deep DEEP CLONE t VERSION AS OF 2")
    table.run("OPTIMIZE t")
    table.run("VACUUM t")
    table.run("DROP TABLE t")
    assert content(table, "shallow") == content(table, "deep") == ALL[:2]


# --- shallow clones ---
def test_a_shallow_clone_copies_no_file(table):
    (row,) = table.run("CREATE TABLE copy SHALLOW CLONE t")
    assert (row.num_copied_files, row.copied_files_size) == (0, 0)
    assert row.source_num_of_files == 4
    latest = table.run("DESCRIBE HISTORY copy LIMIT 1")[0]
    assert dict(latest.operationParameters)["isShallow"] == "true"
    table.change("UPDATE copy SET n = 0")
    assert content(table) == ALL
    table.change("DELETE FROM t")
    assert {n for _, n in content(table, "copy")} == {0}
