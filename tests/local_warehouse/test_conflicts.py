"""Concurrent writes: refused where a row that they read was changed meanwhile, and only there.

A statement arrives, waits behind a slow one, and meanwhile others commit: the ``busy`` table.
"""

from __future__ import annotations

import threading
import time

import pytest

from .conftest import shell_on

CONFLICT = "DELTA_CONCURRENT_APPEND.ROW_LEVEL_CHANGES"
# Takes the engine a while, and changes no row that the others read.
SLOW = (
    "INSERT INTO {} (id, n) SELECT CONCAT('slow', CAST(COUNT(*) AS STRING)), 0 "
    "FROM RANGE(9000) AS x CROSS JOIN RANGE(9000) AS y WHERE x.id * y.id % 7 = 1"
)


@pytest.fixture
def table(shell):
    shell.run(
        "CREATE TABLE t (id STRING NOT NULL, n INT, tags ARRAY<STRING>) TBLPROPERTIES "
        "('delta.deletedFileRetentionDuration' = 'interval 0 hours')"
    )
    shell.change("INSERT INTO t (id, n) VALUES ('a', 1), ('b', 2), ('it\\'s', 3)")
    shell.name = f"tests.{shell.value('SELECT current_schema()')}.t"
    return shell


@pytest.fixture
def after(server, table):
    """What becomes of statements that all arrive while a slow one runs, and come after it one by
    one: None, or the error."""

    def run(*statements) -> list:
        results: list = [None] * (len(statements) + 1)

        def one(place: int, statement: str, parameters=None) -> None:
            with shell_on(server) as mine:
                mine.run("SELECT 1")
                try:
                    mine.run(statement, parameters)
                except Exception as error:  # noqa: BLE001 - the test looks at it
                    results[place] = str(error)

        calls = [SLOW, *statements]
        threads = []
        for place, call in enumerate(calls):
            text, *parameters = (call,) if isinstance(call, str) else call
            given = (place, text.format(table.name), *parameters)
            threads.append(threading.Thread(target=one, args=given))
            before = len(server.statements())
            threads[-1].start()
            _wait(lambda before=before: len(server.statements()) >= before + 2)
        for thread in threads:
            thread.join(timeout=60)
        assert results[0] is None
        return results[1:]

    return run


def _wait(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.05)  # from the list of statements to the queue


def kinds(results) -> list[bool]:
    assert all(result is None or CONFLICT in result for result in results), results
    return [result is not None for result in results]


CHANGE_A = "UPDATE {} SET n = n + 10 WHERE id = 'a'"


@pytest.mark.parametrize(
    ("second", "refused"),
    [
        (CHANGE_A, True),
        ("UPDATE {} SET n = 0 WHERE id = 'b'", False),
        ("DELETE FROM {} WHERE id = 'a'", True),
        ("DELETE FROM {} WHERE 'b' = id AND n = 2", False),
        ("UPDATE {} SET n = 0 WHERE n > 5", True),  # true of the row only now
        ("UPDATE {} SET n = 0 WHERE n = 1", True),  # and only then
        ("UPDATE {} SET n = 0 WHERE id = 'a' AND n = 99", False),
        ("UPDATE {} SET n = 0 WHERE id = 'a' OR id = 'b'", True),
        ("UPDATE {} SET n = 0 WHERE id IN ('b', 'c')", False),
        ("UPDATE {} SET n = 0", True),
        (("UPDATE {} SET n = 0 WHERE id = :key", {"key": "a"}), True),
        (("UPDATE {} SET n = 0 WHERE id = :key", {"key": "it's"}), False),
        ("UPDATE {} AS x SET n = 0 WHERE x.id = '\\u0061'", True),
        (
            "MERGE INTO {} AS t USING (SELECT 'a' AS id) AS s ON t.id = s.id "
            "WHEN MATCHED THEN UPDATE SET n = 0",
            True,
        ),
        (
            "MERGE INTO {} AS t USING (SELECT 'b' AS id) AS s ON t.id = s.id "
            "WHEN MATCHED THEN UPDATE SET n = 0",
            False,
        ),
        ("INSERT INTO {} (id) VALUES ('a')", False),
    ],
)
def test_only_changed_rows_that_it_reads_refuse_a_write(table, after, second, refused):
    assert kinds(after(CHANGE_A, second)) == [False, refused]


def test_what_was_changed_back_is_no_conflict(table, after):
    back = "UPDATE {} SET n = n - 10 WHERE id = 'b' AND n >= 12"
    there = "UPDATE {} SET n = n + 10 WHERE id = 'b' AND n < 12 AND n > 0"
    table.change(f"UPDATE {table.name} SET tags = ARRAY('x', NULL) WHERE id = 'a'")
    assert kinds(after(there, "UPDATE {} SET n = 5 WHERE id = 'a'")) == [False, False]
    assert kinds(after(back.replace("n >= 12", "n >= 0"), CHANGE_A)) == [False, False]


def test_inserted_rows_alone_refuse_nobody(table, after):
    results = after("INSERT INTO {} (id, n) VALUES ('a', 7)", CHANGE_A)
    assert kinds(results) == [False, False]
    assert sorted(row.n for row in table.run("SELECT n FROM t WHERE id = 'a'")) == [11, 17]


def test_a_write_behind_vacuum_goes_on_or_is_refused(table, after):
    table.change(CHANGE_A.format("t"))
    # What VACUUM deletes here no write needs to know.
    assert kinds(after("VACUUM {}", CHANGE_A)) == [False, False]
    # Here it deletes what would tell whether the two conflict.
    changes = ["UPDATE {} SET n = 0 WHERE id = 'b'"] * 2
    results = after(changes[0], "OPTIMIZE {}", "VACUUM {}", CHANGE_A)
    assert kinds(results)[:3] == [False] * 3
    assert results[3] is None or "2D521" in results[3]


def test_writers_come_in_the_order_in_which_they_asked(table, after):
    results = after(*(f"INSERT INTO {{}} (id, n) VALUES ('q{n}', {n})" for n in range(6)))
    assert results == [None] * 6
    makers = table.run("DESCRIBE HISTORY t LIMIT 6")
    order = [
        table.value(f"SELECT MAX(n) FROM t VERSION AS OF {row.version} WHERE id LIKE 'q%'")
        for row in reversed(makers)
    ]
    assert order == list(range(6))


def test_who_waits_can_give_up(server, table):
    """And lets the next one come."""
    with shell_on(server) as slow, shell_on(server) as gives_up:
        running = threading.Thread(target=lambda: slow.run(SLOW.format(table.name)))
        running.start()
        time.sleep(0.2)
        cursor = gives_up.connection.cursor()
        cursor.execute_async(CHANGE_A.format(table.name))
        time.sleep(0.2)
        cursor.cancel()
        running.join(timeout=60)
        assert table.change("UPDATE t SET n = n + 100 WHERE id = 'a'") == 1
    assert table.value("SELECT n FROM t WHERE id = 'a'") == 101
