"""The change data feed with VACUUM, kills and deleted commits: complete, or an error."""

from __future__ import annotations

import itertools
import json
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from ..sizes import size, soak
from .conftest import folder_of, made_days_ago, shell_on, wait_until

RETENTION = "'delta.deletedFileRetentionDuration'"
FEED = "'delta.enableChangeDataFeed' = 'true'"
# VACUUM keeps no files, while old versions may still be asked for.
FLEETING = "'delta.deletedFileRetentionDuration' = 'interval 59 seconds'"
GONE = "FAILED_READ_FILE.DBR_FILE_NOT_EXIST"
TOO_OLD = "DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION"
SUMS = "SELECT MIN(_commit_version), COUNT(*), MAX(_commit_version) FROM table_changes('{}', {})"


def create(shell, *properties) -> str:
    shell.run(
        "CREATE TABLE t (id STRING NOT NULL, n INT, CONSTRAINT t_pk PRIMARY KEY(id)) "
        f"TBLPROPERTIES ({', '.join((FEED, *properties))})"
    )
    return f"tests.{shell.value('SELECT current_schema()')}.t"


def count_up(shell, times: int) -> None:
    for _ in range(times):
        shell.change("UPDATE t SET n = n + 1 WHERE id = 'a'")


def versions(shell, start: int) -> list[int]:
    query = f"SELECT DISTINCT _commit_version FROM table_changes('t', {start}) ORDER BY 1"
    return [row[0] for row in shell.run(query)]


def added(folder, version: int) -> str:
    """Return the file that a commit added."""
    log = (folder / "_delta_log" / f"{version:020d}.json").read_text()
    actions = [json.loads(line) for line in log.splitlines()]
    return next(action["add"]["path"] for action in actions if "add" in action)


class Beside:
    """Runs functions in threads until the block ends; raises their errors."""

    def __init__(self, server, *tasks) -> None:
        self._server, self._tasks = server, tasks
        self._done = threading.Event()
        self._pool = ThreadPoolExecutor(len(tasks))
        self.rounds = [0] * len(tasks)

    def __enter__(self):
        self._running = [self._pool.submit(self._run, n) for n in range(len(self._tasks))]
        return self

    def _run(self, n: int) -> None:
        with shell_on(self._server) as shell:
            while not self._done.is_set():
                self._tasks[n](shell)
                self.rounds[n] += 1

    def count(self, number: int) -> Iterator[int]:
        """Count to ``number``, or further, until each task has run."""
        for n in itertools.count():
            has_failed = any(each.done() for each in self._running)
            if has_failed or (n >= number and all(self.rounds)):
                return
            yield n

    def __exit__(self, *_) -> None:
        self._done.set()
        for each in self._running:
            each.result(timeout=60)


@soak
def test_a_feed_is_whole_while_vacuum_and_writers_run(server, shell):
    name = create(shell)
    shell.change("INSERT INTO t VALUES ('a', 0), ('b', 0)")
    count_up(shell, 3)

    def read(mine) -> None:
        first, rows, last = mine.run(SUMS.format(name, 0))[0]
        assert (first, rows) == (1, 2 * last)

    def write(mine) -> None:
        mine.change(f"UPDATE {name} SET n = n + 1 WHERE id = 'a'")

    with Beside(server, read, read, read, write) as others:
        for _ in others.count(size(15, 60)):
            shell.run("VACUUM t")
    assert all(others.rounds)


@soak
def test_what_is_read_stays_while_vacuum_deletes(server, shell):
    """Later versions are read completely; earlier ones are refused, never read in part."""
    name = create(shell, FLEETING)
    shell.change("INSERT INTO t VALUES ('a', 0), ('b', 0)")
    count_up(shell, 3)

    def read(mine) -> None:
        now = mine.run(f"DESCRIBE HISTORY {name} LIMIT 1")[0].version
        try:
            _, rows, last = mine.run(SUMS.format(name, now))[0]
        except Exception as error:
            assert GONE in str(error) or TOO_OLD in str(error), error
            return
        # VACUUM and OPTIMIZE make versions without changes.
        assert rows % 2 == 0
        assert rows <= 2 * ((last or now) - now + 1)

    def past(mine) -> None:
        now = mine.run(f"DESCRIBE HISTORY {name} LIMIT 1")[0].version
        try:
            assert mine.value(f"SELECT COUNT(*) FROM {name} VERSION AS OF {now}") == 2
        except Exception as error:
            assert GONE in str(error) or TOO_OLD in str(error), error

    def write(mine) -> None:
        mine.change(f"UPDATE {name} SET n = n + 1 WHERE id = 'a'")

    with Beside(server, read, read, past, write) as others:
        for _ in others.count(size(8, 25)):
            shell.run("VACUUM t")
    assert all(others.rounds)


def test_a_vacuum_that_deletes_nothing_leaves_no_trace(shell):
    create(shell)
    shell.change("INSERT INTO t VALUES ('a', 0)")
    count_up(shell, 2)
    shell.run("VACUUM t")
    assert versions(shell, 0) == [1, 2, 3]
    assert shell.run("DESCRIBE HISTORY t")[0].operation == "UPDATE"


# --- kills ---
def test_a_kill_while_vacuum_deletes_is_found_out(server, shell):
    """The files are deleted, but the catalog does not know."""
    name = create(shell)
    shell.change("INSERT INTO t VALUES ('a', 0)")
    count_up(shell, 2)
    folder = folder_of(server, name)
    (folder / added(folder, 1)).unlink()  # versions 1 and 2 need it
    assert GONE in shell.error("SELECT * FROM table_changes('t', 0)")
    assert GONE in shell.error("SELECT * FROM table_changes('t', 2)")
    assert versions(shell, 3) == [3]


def test_a_folder_that_went_missing_is_made_again(server, shell):
    name = create(shell)
    shell.change("INSERT INTO t VALUES ('a', 0)")
    count_up(shell, 2)
    assert versions(shell, 0) == [1, 2, 3]
    shutil.rmtree(server.data / "changes" / folder_of(server, name).name)
    assert versions(shell, 0) == [1, 2, 3]
    count_up(shell, 1)
    assert versions(shell, 0) == [1, 2, 3, 4]


# --- deleted commits ---
def test_the_feed_and_the_past_begin_later_after_the_log_was_cleaned(server, shell):
    first, latest = make_table_with_cleaned_log(server, shell)
    check_feed_of_cleaned_log(shell, first, latest)
    check_past_of_cleaned_log(shell, latest)
    check_upkeep_of_cleaned_log(shell, latest)


def make_table_with_cleaned_log(server, shell) -> tuple[int, int]:
    """Make a table without its first commits; return the first and the latest version.

    After a month the warehouse deletes commits up to a checkpoint. ``n`` is one less than the
    version.
    """
    name = create(shell, f"{RETENTION} = '50 days'")
    shell.change("INSERT INTO t VALUES ('a', 0)")
    count_up(shell, 12)
    log = folder_of(server, name) / "_delta_log"
    for commit in log.glob("*.json"):
        made_days_ago(commit, 40)
    count_up(shell, 10)
    wait_until(lambda: not (log / f"{9:020d}.json").exists())
    first = min(int(entry.stem) for entry in log.glob("*.json"))
    assert first == 10
    return first, 23


def check_feed_of_cleaned_log(shell, first: int, latest: int) -> None:
    assert versions(shell, first) == list(range(first, latest + 1))
    assert "[DELTA_LOG_FILE_NOT_FOUND]" in shell.error("SELECT * FROM table_changes('t', 0)")
    # A moment before all commits means the first one that is known.
    query = "SELECT MIN(_commit_version) FROM table_changes('t', TIMESTAMP'2001-01-01')"
    assert shell.value(query) == first


def check_past_of_cleaned_log(shell, latest: int) -> None:
    assert "DELTA_VERSION_NOT_FOUND" in shell.error("SELECT * FROM t VERSION AS OF 1")
    early = "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION"
    assert early in shell.error("SELECT * FROM t TIMESTAMP AS OF '2020-01-01'")
    restore = shell.error("RESTORE t TO VERSION AS OF 1")
    assert "DELTA_CANNOT_RESTORE_TABLE_VERSION" in restore
    assert "VACUUM" not in restore
    assert shell.value(f"SELECT n FROM t VERSION AS OF {latest - 2}") == latest - 3
    moment = shell.run("DESCRIBE HISTORY t LIMIT 3")[2].timestamp.isoformat()
    assert shell.value("SELECT n FROM t TIMESTAMP AS OF :at", {"at": moment}) == latest - 3


def check_upkeep_of_cleaned_log(shell, latest: int) -> None:
    count_up(shell, 1)
    assert versions(shell, latest + 1) == [latest + 1]
    shell.run("VACUUM t")
    shell.run(f"ALTER TABLE t SET TBLPROPERTIES ({FLEETING})")
    shell.run("VACUUM t")
    assert shell.value("SELECT n FROM t") == latest
    count_up(shell, 1)
    newest = shell.run("DESCRIBE HISTORY t LIMIT 1")[0].version
    assert versions(shell, newest) == [newest]


# --- retention ---
def test_what_is_older_than_the_retention_is_refused(shell):
    """Although all files are there. The latest version can always be read, however old it is."""
    create(shell)
    shell.change("INSERT INTO t VALUES ('a', 0)")
    count_up(shell, 1)
    assert versions(shell, 0) == [1, 2]
    shell.run(f"ALTER TABLE t SET TBLPROPERTIES ({RETENTION} = 'interval 1 second')")  # 3
    time.sleep(1.1)
    assert versions(shell, 3) == []
    count_up(shell, 1)
    assert versions(shell, 4) == [4]
    for statement in (
        "SELECT * FROM table_changes('t', 0)",
        "SELECT * FROM table_changes('t', 3)",
        "SELECT * FROM table_changes('t', 0, 4)",
        "SELECT * FROM t VERSION AS OF 2",
        "RESTORE TABLE t TO VERSION AS OF 2",
        "CREATE TABLE copy CLONE t VERSION AS OF 2",
    ):
        assert f"[{TOO_OLD}]" in shell.error(statement)
    shell.run(f"ALTER TABLE t SET TBLPROPERTIES ({RETENTION} = 'interval 1 week')")
    assert versions(shell, 0) == [1, 2, 4]
    assert shell.value("SELECT n FROM t VERSION AS OF 2") == 1
    assert f"[{TOO_OLD}]" not in shell.error("SELECT * FROM table_changes('t', 99)")


# --- NOT NULL ---
def test_a_column_that_must_not_be_null_any_more_ends_the_feed_before(shell):
    """Delta does not read nullable values with a schema that has none."""
    create(shell)
    shell.change("INSERT INTO t VALUES ('a', 0)")
    shell.run("ALTER TABLE t ALTER COLUMN n COMMENT 'a number'")  # 2
    assert versions(shell, 0) == [1]
    shell.run("ALTER TABLE t ALTER COLUMN n SET NOT NULL")  # 3
    refused = "[DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_DATA_SCHEMA]"
    for range_ in ("0", "2", "0, 1"):
        assert refused in shell.error(f"SELECT * FROM table_changes('t', {range_})")
    count_up(shell, 1)
    assert versions(shell, 3) == [4]
    assert "NOT_NULL" in shell.error("INSERT INTO t VALUES ('b', NULL)")
    shell.run("CREATE TABLE copy CLONE t")
    assert shell.value("SELECT COUNT(*) FROM table_changes('copy', 0)") == 1
    shell.run("ALTER TABLE t ALTER COLUMN n DROP NOT NULL")
    assert versions(shell, 0) == [1, 4]
    shell.run("RESTORE TABLE t TO VERSION AS OF 4")
    assert refused in shell.error("SELECT * FROM table_changes('t', 4)")
