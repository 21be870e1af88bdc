"""``table_changes``: which versions and times it can read, and the errors for the others."""

from __future__ import annotations

import datetime as dt
import time

import pyarrow.parquet as pq
import pytest

from .conftest import changes


def test_ranges_by_version_and_by_time(table):
    for n in range(1, 5):
        table.change("INSERT INTO t VALUES (:id, :n)", {"id": f"r{n}", "n": n})
    moments = {row.version: row.timestamp for row in table.run("DESCRIBE HISTORY t")}
    assert [row[3] for row in changes(table, 2, end=3)] == [2, 3]
    assert [row[3] for row in changes(table, ":start", parameters={"start": 3})] == [3, 4]
    between = {"start": moments[2], "end": moments[3]}
    assert [row[3] for row in changes(table, ":start", end=":end", parameters=between)] == [2, 3]
    text = moments[4].strftime("%Y-%m-%d %H:%M:%S.%f")
    assert [row[3] for row in changes(table, f"'{text}'")] == [4]
    # A moment before all commits means the first one.
    assert [row[3] for row in changes(table, "TIMESTAMP'2001-01-01'")] == [1, 2, 3, 4]
    stamped = table.run("SELECT _commit_version v, _commit_timestamp t FROM table_changes('t', 0)")
    assert {row.v: row.t for row in stamped} == {v: moments[v] for v in (1, 2, 3, 4)}


def test_no_commit_between_two_moments_is_no_error(table):
    table.change("INSERT INTO t VALUES ('a', 1)")
    time.sleep(0.02)
    table.change("INSERT INTO t VALUES ('b', 2)")
    moments = {row.version: row.timestamp for row in table.run("DESCRIBE HISTORY t")}
    millis = dt.timedelta(milliseconds=1)
    between = {"start": moments[1] + millis, "end": moments[2] - millis}
    assert changes(table, ":start", end=":end", parameters=between) == []
    turned = {"start": between["end"], "end": between["start"]}
    query = "SELECT * FROM table_changes('t', :start, :end)"
    assert "DELTA_INVALID_CDC_RANGE" in table.error(query, turned)


def test_what_was_recorded_stays_readable_when_the_feed_is_off(shell):
    switch = "ALTER TABLE t SET TBLPROPERTIES ('delta.enableChangeDataFeed' = '{}')"
    shell.run("CREATE TABLE t (id STRING, n INT)")
    shell.change("INSERT INTO t VALUES ('a', 1)")
    shell.run(switch.format("true"))  # 2
    shell.change("INSERT INTO t VALUES ('b', 3)")
    shell.run(switch.format("false"))  # 4
    shell.change("INSERT INTO t VALUES ('c', 5)")
    assert [row[2] for row in changes(shell, 2, end=3)] == ["b"]
    missing = "DELTA_MISSING_CHANGE_DATA"
    assert "for version [4]" in shell.error("SELECT * FROM table_changes('t', 2)")
    assert missing in shell.error("SELECT * FROM table_changes('t', 1, 3)")
    assert missing in shell.error("SELECT * FROM table_changes('t', 5)")
    shell.run(switch.format("true"))  # 6
    shell.change("INSERT INTO t VALUES ('d', 7)")
    assert [row[2] for row in changes(shell, 2, end=3)] == ["b"]
    assert [row[2] for row in changes(shell, 6)] == ["d"]
    assert missing in shell.error("SELECT * FROM table_changes('t', 2)")


@pytest.mark.parametrize(
    ("range_", "error"),
    [
        ("9", "DELTA_CDC_START_VERSION_AFTER_LATEST"),
        ("1, 0", "DELTA_INVALID_CDC_RANGE"),
        ("0, 9", "DELTA_VERSION_NOT_FOUND"),
        ("TIMESTAMP'2999-01-01'", "DELTA_TIMESTAMP_GREATER_THAN_COMMIT"),
        ("CAST(NULL AS INT)", "DELTA_CDC_READ_NULL_RANGE_BOUNDARY"),
        ("'abc'", "[DELTA_TIMESTAMP_INVALID] The provided timestamp (abc) cannot"),
        ("0, 'abc'", "SQLSTATE: 42816"),
    ],
)
def test_ranges_that_there_are_not(table, range_, error):
    table.change("INSERT INTO t VALUES ('a', 1)")
    assert error in table.error(f"SELECT * FROM table_changes('t', {range_})")


def test_only_where_and_since_the_feed_is_on(shell):
    shell.run("CREATE TABLE t (id STRING, n INT)")
    shell.change("INSERT INTO t VALUES ('a', 1)")
    assert "DELTA_MISSING_CHANGE_DATA" in shell.error("SELECT * FROM table_changes('t', 0)")
    shell.run("ALTER TABLE t SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')")
    shell.change("INSERT INTO t VALUES ('b', 2)")
    assert "DELTA_MISSING_CHANGE_DATA" in shell.error("SELECT * FROM table_changes('t', 1)")
    assert [row[2] for row in changes(shell, 2)] == ["b"]
    shell.run("ALTER TABLE t SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'false')")
    assert "DELTA_MISSING_CHANGE_DATA" in shell.error("SELECT * FROM table_changes('t', 3)")


def test_a_large_commit_is_stored_in_groups_that_readers_of_later_ones_skip(table, server):
    table.change("INSERT INTO t SELECT CAST(id AS STRING), 1 FROM range(20000)")
    assert len(changes(table)) == 20_000
    files = [pq.read_metadata(file) for file in server.data.rglob("????????-????????.parquet")]
    [groups] = {file.num_row_groups for file in files if file.num_rows == 20_000}
    assert groups >= 3
