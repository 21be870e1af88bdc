"""The Delta log is JSON Lines: only a line feed ends a line, whatever characters are in a text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local_warehouse.catalog.catalog import Catalog
from local_warehouse.catalog.objects import Table
from local_warehouse.delta import log
from local_warehouse.delta.commits import Commits

# ``str.splitlines`` splits at each of these.
SEPARATORS = ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\r"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "_delta_log").mkdir()
    return tmp_path


def write_like_the_engine(location: Path, *actions: dict) -> None:
    """A commit whose text is not escaped to ASCII, as the engine writes it."""
    lines = [json.dumps(action, ensure_ascii=False) for action in actions]
    file = location / "_delta_log" / f"{0:020d}.json"
    file.write_bytes(("\n".join(lines) + "\n").encode())


@pytest.mark.parametrize("separator", SEPARATORS)
def test_a_commit_of_the_engine(table: Path, separator: str) -> None:
    text = f"before{separator}after"
    info = {"commitInfo": {"operation": "MERGE", "operationParameters": {"predicate": text}}}
    add = {"add": {"path": f"part-{separator}.parquet", "dataChange": True}}
    write_like_the_engine(table, info, add)
    assert log.read_commit(table, 0) == [info, add]
    assert log.commit_info(table, 0) == info["commitInfo"]
    files = log.files_of_commit(table, 0)
    assert files.added == [add["add"]["path"]]
    assert files.info == info["commitInfo"]


@pytest.mark.parametrize("separator", SEPARATORS)
def test_a_commit_of_the_warehouse(table: Path, separator: str) -> None:
    actions = [log.commit_info_action("SET TBLPROPERTIES", {"a": separator}), {"x": separator}]
    log.commit(table, 0, actions)
    assert log.read_commit(table, 0) == actions


def test_the_last_line_may_lack_its_line_feed(table: Path) -> None:
    (table / "_delta_log" / f"{0:020d}.json").write_text('{"a": 1}\n\n{"b": 2}')
    assert log.read_commit(table, 0) == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize("separator", SEPARATORS)
def test_makers_of_versions(tmp_path: Path, separator: str) -> None:
    user = f"a{separator}b@example.com"
    table = Table("cat", "sch", "t", [], "owner", id="t_t")
    commits = Commits(Catalog(tmp_path), tmp_path)
    line = {"version": 1, "user": user, "statement_id": "s"}
    (tmp_path / "commits" / "t_t.jsonl").write_bytes(
        (json.dumps(line, ensure_ascii=False) + "\n").encode()
    )
    commits.record(table, 2, user, "s2")
    again = Commits(Catalog(tmp_path), tmp_path)
    assert {version: maker["user"] for version, maker in again.makers(table).items()} == {
        1: user,
        2: user,
    }
