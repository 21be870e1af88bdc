"""Concurrent writes: refused if a row that they read was changed meanwhile, and only then.

Statements arrive while another holds the table, and then run one after the other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.patience import seconds

from .conftest import shell_on

CONFLICT = "DELTA_CONCURRENT_APPEND.ROW_LEVEL_CHANGES"
# This changes no row that the others read.
HOLD = "INSERT INTO {} (id, n) VALUES ('hold', -1)"


class Queue:
    """The table ``t``, and the statements that arrive while another holds it."""

    def __init__(self, server, shell, stack: ExitStack) -> None:
        self.shell = shell
        self.name = f"tests.{shell.value('SELECT current_schema()')}.t"
        self._server = server
        self._stack = stack
        self._shells: list = []

    def after(self, *calls) -> list[str | None]:
        """Create the table, run the statements; return None or the error of each.

        A function among them gets a shell, and leaves the queue before it returns.
        """
        self._create()
        while len(self._shells) < len(calls) + 1:
            self._shells.append(self._stack.enter_context(shell_on(self._server)))
        results: list[str | None] = [None] * (len(calls) + 1)
        threads: list[threading.Thread] = []
        with self._held():
            for place, call in enumerate([HOLD, *calls]):
                if callable(call):
                    call(self._shells[place])
                    continue
                given = call if isinstance(call, tuple) else (call,)
                threads.append(threading.Thread(target=self._run, args=(results, place, *given)))
                threads[-1].start()
                self.wait_for_writers(len(threads))
        for thread in threads:
            thread.join(timeout=60)
        return results[1:]

    def wait_for_writers(self, number: int) -> None:
        """Wait until so many statements hold the table or wait for it."""
        deadline = time.monotonic() + seconds(30)
        while self._server.control("GET", "/warehouse")["writers"] != number:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def _create(self) -> None:
        self.shell.run("DROP TABLE IF EXISTS t")
        self.shell.run(
            "CREATE TABLE t (id STRING NOT NULL, n INT, tags ARRAY<STRING>) TBLPROPERTIES "
            "('delta.deletedFileRetentionDuration' = 'interval 59 seconds')"
        )
        rows = ", ".join(f"('{letter}', {n})" for n, letter in enumerate("abcdef", start=1))
        self.shell.change(f"INSERT INTO t (id, n) VALUES {rows}, ('it\\'s', 7), ('g', 8)")
        self.shell.change("UPDATE t SET tags = ARRAY('x', NULL) WHERE id = 'f'")

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Let all writers of the warehouse wait until the block ends."""
        self.wait_for_writers(0)
        self._server.control("POST", "/warehouse", writes=False)
        try:
            yield
        finally:
            self._server.control("POST", "/warehouse", writes=True)

    def _run(self, results, place: int, statement: str, parameters=None) -> None:
        try:
            self._shells[place].run(statement.replace("{}", self.name), parameters)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[place] = str(error)


@pytest.fixture
def queue(server, shell) -> Iterator[Queue]:
    with ExitStack() as stack:
        yield Queue(server, shell, stack)


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
        # A commit that leaves a row as it was is no conflict for it.
        "UPDATE {} SET n = n + 0 WHERE id = 'g'",
        "UPDATE {} SET n = 0 WHERE id = 'g'",
    )
    assert kinds(results) == [False] * 10
    rows = queue.shell.run("SELECT id, n FROM t WHERE n >= 0 ORDER BY id, n")
    assert [tuple(row) for row in rows] == [
        ("a", 0), ("a", 11), ("b", 0), ("d", 0), ("e", 0), ("f", 6), ("g", 0), ("it's", 0),
    ]  # fmt: skip


def test_inserted_rows_alone_refuse_nobody(queue):
    assert kinds(queue.after("INSERT INTO {} (id, n) VALUES ('a', 7)", CHANGE_A)) == [False] * 2
    rows = queue.shell.run("SELECT n FROM t WHERE id = 'a' ORDER BY n")
    assert [row.n for row in rows] == [11, 17]


def test_inserts_of_one_key_conflict_unless_that_is_switched_off(queue, server):
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


def test_writes_wait_until_they_are_let_through(queue, server):
    rows = []

    def look(shell) -> None:
        queue.wait_for_writers(2)
        # Nobody has written yet, and reads go on.
        rows.append(shell.value(f"SELECT COUNT(*) FROM {queue.name} WHERE n < 0"))

    insert = "INSERT INTO {} (id, n) VALUES ('waits', -2)"
    assert queue.after(insert, look) == [None, None]
    assert rows == [0]
    assert server.control("GET", "/warehouse")["writers"] == 0
    assert queue.shell.value("SELECT COUNT(*) FROM t WHERE n < 0") == 2


def test_who_waits_can_give_up(queue):
    """A cancelled statement lets the next one run."""

    def give_up(shell) -> None:
        with shell.connection.cursor() as cursor:
            cursor.execute_async(f"UPDATE {queue.name} SET n = n + 10 WHERE id = 'a'")
            queue.wait_for_writers(2)
            cursor.cancel()
        queue.wait_for_writers(1)

    add = "UPDATE {} SET n = n + 100 WHERE id = 'a'"
    results = queue.after(give_up, add, "INSERT INTO {} (id) VALUES ('x')")
    assert kinds(results) == [False] * 3
    assert queue.shell.value("SELECT n FROM t WHERE id = 'a'") == 101
