"""The versions of tables at a moment, from their histories; no warehouse."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from crm.model.namespace import Namespace
from crm.model.schema import ACCOUNTS, TABLES, UPDATES, Table
from crm.repository import versions
from crm.repository.errors import BeforeTheTables, BeyondRetention, NotYet
from crm.repository.versions import CLOCKS_DIFFER, Commit, Timelines
from crm.repository.versions._commits import commit_of
from crm.warehouse import Warehouse
from crm.warehouse.credentials import AccessToken

SECOND = dt.timedelta(seconds=1)
WAREHOUSE: Any = SimpleNamespace(cache_key="a key of this test")


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    versions._cache.clear()
    yield
    versions._cache.clear()


def at(minute: int) -> dt.datetime:
    return dt.datetime(2026, 1, 2, 10, minute, tzinfo=dt.UTC)


def commit(version: int, minute: int, *added: str, operation: str = "WRITE") -> Commit:
    return Commit(version, at(minute), operation, added=frozenset(added))


def timelines(accounts: list[Commit], updates: list[Commit]) -> Timelines:
    return Timelines({ACCOUNTS: tuple(accounts), UPDATES: tuple(updates)}, at(30), at(30))


LINES = timelines([commit(0, 0), commit(1, 5)], [commit(0, 1), commit(3, 7)])


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (at(1), (0, 0)),
        (at(5) - SECOND, (0, 0)),
        (at(5), (1, 0)),
        (at(7), (1, 3)),
        (at(59), (1, 3)),
    ],
)
def test_each_table_has_its_latest_version_at_the_moment(
    moment: dt.datetime, expected: tuple[int, int]
) -> None:
    assert tuple(LINES.versions_at(moment).values()) == expected


def test_a_moment_before_the_youngest_table_cannot_be_read() -> None:
    assert LINES.earliest == at(1)
    with pytest.raises(BeforeTheTables, match="readable from 2026-01-02 10:01:00 UTC") as caught:
        LINES.versions_at(at(1) - SECOND)
    assert caught.value.earliest == at(1)


def test_a_moment_before_the_kept_versions_is_beyond_retention() -> None:
    lines = timelines([commit(0, 0)], [commit(2, 3)])
    assert not lines.is_complete
    with pytest.raises(BeyondRetention):
        lines.versions_at(at(2))


def test_columns_that_were_added_later_are_known() -> None:
    lines = timelines([commit(0, 0), commit(1, 2, "vp"), commit(2, 4, "admin")], [commit(0, 0)])
    assert lines.added_since({"accounts": 0, "updates": 0})["accounts"] == {"vp", "admin"}
    assert lines.added_since({"accounts": 1, "updates": 0})["accounts"] == {"admin"}
    assert lines.added_since({"accounts": 2, "updates": 0})["accounts"] == set()


def test_a_column_that_is_added_after_a_restore_may_have_existed_before() -> None:
    restored = [commit(0, 0), commit(1, 2, operation="RESTORE"), commit(2, 4, "admin")]
    lines = timelines(restored, [commit(0, 0)])
    assert lines.added_since({"accounts": 0, "updates": 0})["accounts"] == set()
    assert lines.added_since({"accounts": 1, "updates": 0})["accounts"] == {"admin"}


def test_a_column_that_was_dropped_and_added_again_existed_before() -> None:
    def row(version: int, operation: str, columns: list[Any]) -> dict[str, Any]:
        parameters = [("columns", json.dumps(columns))]
        return {
            "version": version,
            "timestamp": at(version),
            "operation": operation,
            "operationParameters": parameters,
        }

    vp = {"column": {"name": "vp", "type": "string", "nullable": True}}
    rows = [row(1, "DROP COLUMNS", ["vp"]), row(2, "ADD COLUMNS", [vp])]
    commits = [commit(0, 0), *map(commit_of, rows)]
    lines = timelines(commits, [commit(0, 0)])
    added = [lines.added_since({"accounts": n, "updates": 0})["accounts"] for n in range(3)]
    assert added == [set(), {"vp"}, set()]


def test_commits_say_how_many_rows_were_written_since() -> None:
    def made(version: int, operation: str, **metrics: str) -> Commit:
        row = {"version": version, "timestamp": at(version), "operation": operation}
        return commit_of(row | {"operationMetrics": list(metrics.items())})

    commits = [
        made(0, "RESTORE"),  # this says nothing about rows
        made(1, "WRITE", numOutputRows="3"),
        made(
            2,
            "MERGE",
            numTargetRowsInserted="1",
            numTargetRowsUpdated="20",
            numTargetRowsDeleted="0",
        ),
        made(3, "OPTIMIZE", numRemovedFiles="9"),
        made(4, "DELETE", numDeletedRows="100"),
    ]
    since = [{"accounts": version, "updates": 0} for version in range(-1, 5)]
    lines = timelines(commits, [commit(0, 0)])
    assert [lines.written_since(each) for each in since] == [None, 124, 121, 100, 100, 0]
    for silent in ("WRITE", "UPDATE", "DELETE", "MERGE"):
        lines = timelines([*commits, made(5, silent)], [commit(0, 0)])
        assert [lines.written_since(each) for each in since] == [None] * 6, silent


class Histories:
    """A warehouse whose tables have these commits; notes how many rows each reading returned."""

    cache_key = "a key of this test"
    namespace = Namespace()

    def __init__(self, count: int) -> None:
        self.commits = {table: commits_of(count) for table in TABLES}
        self.read: list[int] = []

    def add(self, table: Table, count: int) -> None:
        self.commits[table] = commits_of(len(self.commits[table]) + count)

    def query(self, sql: str) -> list[dict[str, Any]]:
        table = next(table for table in TABLES if f"`{table.name}`" in sql)
        found = self.commits[table]
        limit = re.search(r"LIMIT (\d+)", sql)
        found = found[-int(limit[1]) :] if limit else found
        self.read.append(len(found))
        return [
            {"version": each.version, "timestamp": each.moment, "operation": each.operation}
            for each in reversed(found)
        ]


def commits_of(count: int, first_minute: int = 0) -> list[Commit]:
    moments = (at(0) + (first_minute + n) * 60 * SECOND for n in range(count))
    return [Commit(n, moment, "WRITE", changed=0) for n, moment in enumerate(moments)]


def refreshed(histories: Any) -> Timelines:
    histories.read.clear()
    lines = versions.latest(histories)
    assert lines.commits == {t: tuple(each) for t, each in histories.commits.items()}
    return lines


def test_only_the_newest_commits_are_read_again() -> None:
    histories = Histories(1_000)
    refreshed(histories)
    assert histories.read == [1_000] * 4
    histories.add(UPDATES, 19)
    refreshed(histories)
    assert histories.read == [20] * 4
    # None of the 20 newest is known: more are read.
    histories.add(ACCOUNTS, 20)
    refreshed(histories)
    assert sorted(histories.read) == [20, 20, 20, 20, 160]


def test_a_history_that_is_short_is_read_whole() -> None:
    histories = Histories(3)
    refreshed(histories)
    histories.add(ACCOUNTS, 1)
    refreshed(histories)
    assert sorted(histories.read) == [3, 3, 3, 4]


@pytest.mark.parametrize("count", [1, 19, 30, 100, 120, 300])
def test_a_table_that_was_created_again_keeps_nothing_of_the_first(count: int) -> None:
    histories = Histories(100)
    refreshed(histories)
    histories.commits[ACCOUNTS] = commits_of(count, first_minute=500)
    refreshed(histories)


@pytest.mark.parametrize("count", [1, 100, 300])
def test_a_table_that_was_created_again_is_noticed_within_a_minute(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Also by pages that ask for moments which the cached histories reach to."""
    histories = Histories(100)
    refreshed(histories)
    histories.commits[ACCOUNTS] = commits_of(count, first_minute=500)
    monkeypatch.setattr(versions, "_NEWEST_FOR", -SECOND)
    histories.read.clear()
    with pytest.raises(BeforeTheTables):
        versions.versions_at(cast(Any, histories), at(59))
    assert histories.read.count(20) >= 3  # of the other tables the newest only
    monkeypatch.undo()
    histories.read.clear()
    with pytest.raises(BeforeTheTables):
        versions.versions_at(cast(Any, histories), at(59))
    assert histories.read == []


def test_commits_that_were_removed_from_the_log_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    histories = Histories(100)
    refreshed(histories)
    histories.commits[ACCOUNTS] = histories.commits[ACCOUNTS][50:]
    monkeypatch.setattr(versions, "_WHOLE_FOR", -SECOND)
    assert refreshed(histories).earliest == at(50)
    # The same holds if only moments are asked for that the cached histories cover.
    histories.commits[ACCOUNTS] = histories.commits[ACCOUNTS][5:]
    assert versions.timelines_until(cast(Any, histories), at(59)).earliest == at(55)
    # The time counts from the last complete reading.
    monkeypatch.setattr(versions, "_WHOLE_FOR", 10 * SECOND)
    whole_at = refreshed(histories).whole_at
    assert whole_at == refreshed(histories).whole_at


def test_histories_are_read_again_only_for_a_moment_after_them() -> None:
    histories: Any = Histories(30)
    read_at = versions.timelines_until(histories, at(5)).read_at
    versions.timelines_until(histories, read_at - CLOCKS_DIFFER)
    versions.known(histories)
    assert len(histories.read) == 4
    # The warehouse's clock may be behind: a commit before this moment may be missing.
    versions.timelines_until(histories, read_at - CLOCKS_DIFFER + SECOND)
    assert len(histories.read) == 8


def test_a_moment_in_the_future_has_not_come() -> None:
    histories: Any = Histories(2)
    now = dt.datetime.now(dt.UTC)
    with pytest.raises(NotYet):
        versions.versions_at(histories, now + CLOCKS_DIFFER + dt.timedelta(minutes=1))
    assert versions.versions_at(histories, now) == {table.name: 1 for table in TABLES}


def test_versions_of_one_moment_include_commits_that_the_first_reading_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = timelines([commit(0, 0), commit(1, 5)], [commit(0, 1)])
    second = timelines([commit(0, 0), commit(1, 5), commit(2, 8)], [commit(0, 1), commit(1, 4)])
    left = [first, second]
    monkeypatch.setattr(versions, "latest", lambda _: left.pop(0))
    found = versions.consistent_versions(WAREHOUSE)
    assert found == ({"accounts": 1, "updates": 1}, at(5))


def test_who_committed_a_version_is_read_once() -> None:
    histories: Any = Histories(2)
    query = histories.query
    histories.query = lambda sql: [{**row, "userName": "ana@example.com"} for row in query(sql)]
    wanted = [(ACCOUNTS, 1), (UPDATES, 0)]
    expected = dict.fromkeys(wanted, "ana@example.com")
    assert versions.committers(histories, wanted) == expected
    assert versions.committers(histories, wanted) == expected
    assert len(histories.read) == 4
    assert versions.committers(histories, [(ACCOUNTS, 2)]) == {(ACCOUNTS, 2): ""}
    assert len(histories.read) == 8


def test_tokens_share_commits(warehouse: Warehouse) -> None:
    """Each token has timelines of its own: thousands of commits each would fill the memory."""
    other = replace(warehouse, identity=AccessToken("next", warehouse.identity.token))
    one, two = (versions.load(each).commits[ACCOUNTS] for each in (warehouse, other))
    assert [id(each) for each in one] == [id(each) for each in two] != []
