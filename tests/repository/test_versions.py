"""The versions of tables at a moment, from their histories; no warehouse."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from crm.model.schema import ACCOUNTS, UPDATES
from crm.repository import versions
from crm.repository.errors import BeforeTheTables, BeyondRetention, NotYet
from crm.repository.versions import CLOCKS_DIFFER, Commit, Timelines

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
    return Timelines({ACCOUNTS: tuple(accounts), UPDATES: tuple(updates)}, at(30))


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


def loads(monkeypatch: pytest.MonkeyPatch, *readings: Timelines) -> list[Timelines]:
    """Let each reading of the histories return the next of these; return what is left."""
    left = list(readings)
    monkeypatch.setattr(versions, "load", lambda _: left.pop(0))
    return left


def test_histories_are_read_again_only_for_a_moment_after_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = loads(monkeypatch, LINES, LINES, LINES)
    versions.timelines_until(WAREHOUSE, at(5))
    versions.timelines_until(WAREHOUSE, LINES.read_at - CLOCKS_DIFFER)
    assert len(left) == 2
    # The warehouse's clock may be behind: a commit before this moment may be missing.
    versions.timelines_until(WAREHOUSE, LINES.read_at - CLOCKS_DIFFER + SECOND)
    assert len(left) == 1


def test_a_moment_in_the_future_has_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    loads(monkeypatch, LINES)
    now = dt.datetime.now(dt.UTC)
    with pytest.raises(NotYet):
        versions.versions_at(WAREHOUSE, now + CLOCKS_DIFFER + dt.timedelta(minutes=1))
    assert versions.versions_at(WAREHOUSE, now) == {"accounts": 1, "updates": 3}


def test_versions_of_one_moment_include_commits_that_the_first_reading_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = timelines([commit(0, 0), commit(1, 5)], [commit(0, 1)])
    second = timelines([commit(0, 0), commit(1, 5), commit(2, 8)], [commit(0, 1), commit(1, 4)])
    loads(monkeypatch, first, second)
    found = versions.consistent_versions(WAREHOUSE)
    assert found == ({"accounts": 1, "updates": 1}, at(5))


def test_who_committed_a_version_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    by_ana = Commit(1, at(5), "WRITE", person="ana@example.com")
    lines = Timelines(
        {table: (commit(0, 0), by_ana) for table in versions.TABLES},
        at(30),
    )
    left = loads(monkeypatch, lines, lines)
    wanted = [(ACCOUNTS, 1), (UPDATES, 0)]
    expected = {(ACCOUNTS, 1): "ana@example.com", (UPDATES, 0): ""}
    assert versions.committers(WAREHOUSE, wanted) == expected
    assert versions.committers(WAREHOUSE, wanted) == expected
    assert len(left) == 1
    assert versions.committers(WAREHOUSE, [(ACCOUNTS, 2)]) == {(ACCOUNTS, 2): ""}
    assert not left
