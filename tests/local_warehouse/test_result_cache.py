"""Queries over tables that did not change are answered from the result cache."""

from __future__ import annotations

import resource
from pathlib import Path

import pyarrow as pa
import pytest

from local_warehouse.result_cache import ResultCache, is_repeatable
from local_warehouse.sql.template import Marker, Template

STATM = Path("/proc/self/statm")
TABLE = "CREATE TABLE t (id BIGINT, note STRING) TBLPROPERTIES (delta.enableChangeDataFeed = true)"


def cached(shell, since: str) -> list[bool]:
    """Return for each query after the statement ``since`` whether it came from the cache."""
    log = shell.run(
        "SELECT statement_text AS text, from_result_cache AS cached FROM system.query.history "
        "WHERE statement_type = 'SELECT' OR statement_text = :since ORDER BY start_time",
        {"since": since},
    )
    last = max(i for i, row in enumerate(log) if row.text == since)
    return [row.cached for row in log[last + 1 :] if "query.history" not in row.text]


def test_a_query_is_answered_from_the_cache_until_its_table_changes(shell):
    shell.run(TABLE)
    insert = "INSERT INTO t VALUES (1, 'a')"
    shell.change(insert)
    reads = {
        "SELECT * FROM t WHERE id = 1": [(1, "a")],
        "SELECT note, _change_type FROM table_changes('t', 1)": [("a", "insert")],
        "SELECT note FROM t VERSION AS OF 1": [("a",)],
    }
    for text, expected in reads.items():
        for _ in range(2):
            assert [tuple(row) for row in shell.run(text)] == expected
    assert cached(shell, insert) == [False, True] * 3
    for note in ("b", "c"):
        update = f"UPDATE t SET note = '{note}' WHERE id = 1"
        shell.change(update)
        assert shell.value("SELECT note FROM t") == note
        assert cached(shell, update) == [False]


def test_other_parameters_and_other_users_have_other_results(shell):
    shell.run(TABLE)
    insert = "INSERT INTO t VALUES (1, 'a'), (2, 'b')"
    shell.change(insert)
    text = "SELECT note, CURRENT_USER() FROM t WHERE id = :id"
    assert [shell.run(text, {"id": n})[0].note for n in (1, 2, 1)] == ["a", "b", "a"]
    assert cached(shell, insert) == [False, False, True]


def test_a_session_or_the_whole_warehouse_can_switch_the_cache_off(shell, server):
    shell.run(TABLE)
    last = "DESCRIBE TABLE t"
    shell.run(last)
    server.control("POST", "/warehouse", result_cache=False)
    try:
        for _ in range(2):
            assert shell.run("SELECT * FROM t") == []
        assert cached(shell, last) == [False, False]
    finally:
        server.control("POST", "/warehouse", result_cache=True)
    switch = "SET use_cached_result = false"
    shell.run(switch)
    for _ in range(2):
        assert shell.run("SELECT * FROM t") == []
    assert cached(shell, switch) == [False, False]


@pytest.mark.parametrize("text", ["SELECT NOW()", "SELECT uuid()", "SELECT CURRENT_DATE"])
def test_what_changes_by_itself_is_not_repeatable(text):
    assert not is_repeatable(Template((text,)))
    assert not is_repeatable(Template(("SELECT * FROM ", Marker("system", "query.history"))))
    assert is_repeatable(Template(("SELECT id FROM t WHERE id = ", Marker("named", "id"))))


@pytest.mark.skipif(not STATM.exists(), reason="reads Linux’ /proc")
def test_small_results_take_no_more_memory_than_the_cache_counts():
    cache, count = ResultCache(None, None), 2000
    before = memory()
    for number in range(count):
        sql = f"SELECT {number}"
        columns = {f"column{n}": pa.array(["a"]) for n in range(20)}
        cache.put(sql, cache.key(sql), pa.table(columns))
    assert cache.get(cache.key("SELECT 7")).num_columns == 20
    # As tables they took 21 kB each, and counted as 1 kB.
    assert (memory() - before) / count < 10_000


def memory() -> int:
    """Return how many bytes of memory this process has."""
    return int(STATM.read_text().split()[1]) * resource.getpagesize()
