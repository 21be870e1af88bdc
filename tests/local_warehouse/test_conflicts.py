"""Concurrent writes: refused if a row that they read was changed meanwhile, and only then.

Statements arrive while a slow one holds the table, and then run one after the other.
"""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack

import pytest

from tests.patience import seconds

from .conftest import shell_on

CONFLICT = "DELTA_CONCURRENT_APPEND.ROW_LEVEL_CHANGES"
# This takes the engine a while, and changes no row that the others read.
SLOW = (
    "INSERT INTO {0} (id, n) SELECT CONCAT('slow', CAST(COUNT(*) AS STRING)), -1 "
    "FROM RANGE({1}) AS x CROSS JOIN RANGE({1}) AS y WHERE x.id * y.id % 7 = 1"
)
SIZES = (15_000, 30_000, 60_000)


class Queue:
    """The table ``t``, and the statements that arrive while another holds it."""

    def __init__(self, server, shell) -> None:
        self.shell = shell
        self.name = f"tests.{shell.value('SELECT current_schema()')}.t"
        self._server = server

    def after(self, *calls) -> list[str | None]:
        """Create the table, run the statements; return None or the error of each."""
        for size in SIZES:
            self._create()
            with ExitStack() as stack:
                shells = [
                    stack.enter_context(shell_on(self._server)) for _ in range(len(calls) + 1)
                ]
                results, was_held = self._run(shells, [SLOW.format(self.name, size), *calls])
            if was_held:
                return results[1:]
        pytest.fail("the slow statement was not slow enough")

    def _create(self) -> None:
        self.shell.run("DROP TABLE IF EXISTS t")
        self.shell.run(
            "CREATE TABLE t (id STRING NOT NULL, n INT, tags ARRAY<STRING>) TBLPROPERTIES "
            "('delta.deletedFileRetentionDuration' = 'interval 59 seconds')"
        )
        rows = ", ".join(f"('{letter}', {n})" for n, letter in enumerate("abcdef", start=1))
        self.shell.change(f"INSERT INTO t (id, n) VALUES {rows}, ('it\\'s', 7)")
        self.shell.change("UPDATE t SET tags = ARRAY('x', NULL) WHERE id = 'f'")

    def _run(self, shells, calls) -> tuple[list, bool]:
        results: list[str | None] = [None] * len(calls)

        def one(place: int, shell, what, parameters=None) -> None:
            try:
                if callable(what):
                    what(shell)
                else:
                    shell.run(what.replace("{}", self.name), parameters)
            except Exception as error:  # noqa: BLE001 - the test looks at it
                results[place] = str(error)

        threads = []
        for place, (shell, call) in enumerate(zip(shells, calls, strict=True)):
            given = call if isinstance(call, tuple) else (call,)
            threads.append(threading.Thread(target=one, args=(place, shell, *given)))
            _arrive(self._server, threads[-1])
        was_held = threads[0].is_alive()
        for thread in threads:
            thread.join(timeout=60)
        return results, was_held


def _arrive(server, thread: threading.Thread) -> None:
    last = server.control("GET", "/statements/last")["number"]
    thread.start()
    deadline = time.monotonic() + seconds(30)
    while server.control("GET", "/statements/last")["number"] == last:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.1)  # from the list of statements to the queue


@pytest.fixture
def queue(server, shell):
    return Queue(server, shell)


def kinds(results) -> list[bool]:
    assert all(result is None or CONFLICT in result for result in results), results
    return [result is not None for result in results]


CHANGE_A = "UPDATE {} SET n = n + 10 WHERE id = 'a'"


def test_a_write_is_refused_where_rows_that_it_reads_were_changed(queue):
    results = queue.after(
        CHANGE_A,
        CHANGE_A,
        "DELETE FROM {} WHERE id = 'a'",
        "UPDATE {} SET n = 0 WHERE n > 8",  # true only after the change
        "UPDATE {} SET n = 0 WHERE n = 1",  # true only before the change
        "UPDATE {} SET n = 0 WHERE id = 'a' OR id = 'b'",
        "UPDATE {} SET n = 0",
        ("UPDATE {} SET n = 0 WHERE id = :key", {"key": "a"}),
        "UPDATE {} AS x SET n = 0 WHERE x.id = '\\u0061'",
        "MERGE INTO {} AS t USING (SELECT 'a' AS id) AS s ON t.id = s.id "
        "WHEN MATCHED THEN UPDATE SET n = 0",
    )
    assert kinds(results) == [False] + [True] * 9
    assert queue.shell.value("SELECT n FROM t WHERE id = 'a'") == 11


def test_a_write_of_other_rows_is_not(queue):
    results = queue.after(
        CHANGE_A,
        "UPDATE {} SET n = 0 WHERE id = 'b'",
        "DELETE FROM {} WHERE 'c' = id AND n = 3",
        "UPDATE {} SET n = 0 WHERE id = 'a' AND n = 99",
        "UPDATE {} SET n = 0 WHERE id IN ('d', 'x')",
        ("UPDATE {} SET n = 0 WHERE id = :key AND n = :n", {"key": "it's", "n": 7}),
        "MERGE INTO {} AS t USING (SELECT 'e' AS id) AS s ON t.id = s.id "
        "WHEN MATCHED THEN UPDATE SET n = 0",
        "INSERT INTO {} (id, n) VALUES ('a', 0)",
    )
    assert kinds(results) == [False] * 8
    rows = queue.shell.run("SELECT id, n FROM t WHERE n >= 0 ORDER BY id, n")
    assert [tuple(row) for row in rows] == [
        ("a", 0), ("a", 11), ("b", 0), ("d", 0), ("e", 0), ("f", 6), ("it's", 0),
    ]  # fmt: skip


def test_what_a_commit_left_as_it_was_is_no_conflict(queue):
    same = "UPDATE {} SET n = n + 0 WHERE id = 'b'"
    assert kinds(queue.after(same, "UPDATE {} SET n = 0 WHERE id = 'b'")) == [False, False]


def test_inserted_rows_alone_refuse_nobody(queue):
    assert kinds(queue.after("INSERT INTO {} (id, n) VALUES ('a', 7)", CHANGE_A)) == [False] * 2
    rows = queue.shell.run("SELECT n FROM t WHERE id = 'a' ORDER BY n")
    assert [row.n for row in rows] == [11, 17]


def test_inserts_of_one_key_conflict_unless_they_are_told_not_to(queue, server):
    merge = (
        "MERGE INTO {} AS t USING (SELECT :id AS id, 1 AS n) AS s ON t.id = s.id "
        "WHEN NOT MATCHED AND s.n > 0 THEN INSERT (id, n) VALUES (s.id, s.n)"
    )
    merges = [(merge, {"id": id}) for id in ("new", "new", "a")]
    assert kinds(queue.after(CHANGE_A, *merges)) == [False, False, True, True]
    server.control("POST", "/warehouse", inserts_conflict=False)
    try:
        assert kinds(queue.after(CHANGE_A, *merges)) == [False] * 4
    finally:
        server.control("POST", "/warehouse", inserts_conflict=True)
    rows = queue.shell.run("SELECT id, n, tags FROM t WHERE id IN ('a', 'new') ORDER BY id")
    assert [tuple(row) for row in rows] == [("a", 11, None), ("new", 1, None), ("new", 1, None)]


def test_a_write_behind_vacuum_goes_on_or_is_refused(queue):
    # No write needs the files that VACUUM deletes here.
    assert kinds(queue.after("VACUUM {}", CHANGE_A)) == [False, False]
    # Here it deletes files that are needed to find out whether the two conflict.
    change = "UPDATE {} SET n = 0 WHERE id = 'b'"
    *others, last = queue.after(change, "OPTIMIZE {}", "VACUUM {}", CHANGE_A)
    assert others == [None] * 3
    assert last is None or "SQLSTATE: 2D521" in last


def test_writers_come_in_the_order_in_which_they_asked(queue):
    inserts = [f"INSERT INTO {{}} (id, n) VALUES ('q{n}', {n})" for n in range(6)]
    assert queue.after(*inserts) == [None] * 6
    counted = "SELECT COUNT(*), MAX(n) FROM t VERSION AS OF {} WHERE id LIKE 'q%'"
    versions = sorted(row.version for row in queue.shell.run("DESCRIBE HISTORY t LIMIT 6"))
    found = [tuple(queue.shell.run(counted.format(version))[0]) for version in versions]
    assert found == [(n + 1, n) for n in range(6)]


def test_who_waits_can_give_up(queue):
    """A cancelled statement lets the next one run."""

    def give_up(shell) -> None:
        with shell.connection.cursor() as cursor:
            cursor.execute_async(f"UPDATE {queue.name} SET n = n + 10 WHERE id = 'a'")
            time.sleep(0.05)
            cursor.cancel()

    add = "UPDATE {} SET n = n + 100 WHERE id = 'a'"
    results = queue.after(give_up, add, "INSERT INTO {} (id) VALUES ('x')")
    assert kinds(results) == [False] * 3
    assert queue.shell.value("SELECT n FROM t WHERE id = 'a'") == 101
