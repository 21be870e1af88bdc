"""The control request that copies a schema: the copy has the rows, the history and the keys."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from .conftest import shell_on

SOURCE, COPY = "original_5b1e", "copied_5b1e77"
HISTORY = "DESCRIBE HISTORY tests.{}.t"
FEED = "SELECT id, _commit_version, _commit_timestamp FROM table_changes('tests.{}.t', 0)"


def create(shell) -> None:
    shell.run(f"CREATE SCHEMA tests.{SOURCE}")
    shell.run(f"CREATE TABLE tests.{SOURCE}.parent (id STRING NOT NULL PRIMARY KEY)")
    shell.run(
        f"CREATE TABLE tests.{SOURCE}.t (id STRING, parent STRING, CONSTRAINT {SOURCE}_fk "
        f"FOREIGN KEY (parent) REFERENCES tests.{SOURCE}.parent (id)) "
        "TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')"
    )
    shell.change(f"INSERT INTO tests.{SOURCE}.t VALUES ('a', 'p'), ('b', 'p')")
    shell.change(f"DELETE FROM tests.{SOURCE}.t WHERE id = 'a'")


def copy(server) -> None:
    server.control("POST", "/schemas", catalog="tests", source=SOURCE, name=COPY)


@pytest.fixture
def copied(shell, server):
    create(shell)
    copy(server)
    yield shell
    for name in (SOURCE, COPY):
        shell.run(f"DROP SCHEMA IF EXISTS tests.{name} CASCADE")


def test_a_copy_has_the_rows_the_history_and_the_keys(copied, server) -> None:
    is_read_by_many_at_once(server)
    for query in (HISTORY, FEED):
        before, after = (rows(copied, query.format(name)) for name in (SOURCE, COPY))
        assert before == after
        assert len(after) >= 3
    assert references(copied, f"tests.{COPY}.t") == [COPY]
    copied.change(f"INSERT INTO tests.{COPY}.t VALUES ('c', 'p')")
    copied.run(f"DROP SCHEMA tests.{COPY} CASCADE")
    assert [row[0] for row in copied.run(f"SELECT id FROM tests.{SOURCE}.t")] == ["b"]


def is_read_by_many_at_once(server) -> None:
    """The engine learns a table's columns from the first statement that names it."""

    def count(_: int) -> int:
        with shell_on(server) as shell:
            ready.wait()
            return shell.value(f"SELECT COUNT(*) FROM tests.{COPY}.t")

    ready = threading.Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(count, range(4))) == {1}


def test_a_reset_copy_is_as_it_was_made(copied, server) -> None:
    """Nothing is remembered of the versions that are gone: rows, changes, older versions."""
    table = f"tests.{COPY}.t"
    made = seen(copied)
    for new in ("c", "d"):
        copied.change(f"INSERT INTO {table} VALUES ('{new}', 'p')")
        copied.change(f"UPDATE {table} SET parent = 'q' WHERE id = 'b'")
        changed = seen(copied)
        assert changed[0] == [("b", "q"), (new, "p")]
        assert [change[0] for change in changed[2]].count(new) == 1
        assert copied.run(f"SELECT id FROM {table} VERSION AS OF 3 WHERE id > 'b'")[0][0] == new
        server.control("POST", "/schemas/reset", catalog="tests", source=SOURCE, name=COPY)
        assert seen(copied) == made
        assert "DELTA_VERSION_NOT_FOUND" in copied.error(f"SELECT * FROM {table} VERSION AS OF 3")
    assert made == seen(copied, SOURCE)


def seen(shell, schema: str = COPY) -> tuple[list, list, list]:
    """Return the rows of ``t``, its history and its changes."""
    queries = ("SELECT id, parent FROM tests.{}.t", HISTORY, FEED)
    found = [rows(shell, query.format(schema)) for query in queries]
    return found[0], found[1], found[2]


def rows(shell, query: str) -> list:
    return sorted((tuple(row) for row in shell.run(query)), key=str)


def references(shell, table: str) -> list[str]:
    """Return the schemas that the table's foreign keys refer to."""
    described = "\n".join(str(row) for row in shell.run(f"DESCRIBE EXTENDED {table}"))
    return re.findall(r"REFERENCES `\w+`\.`(\w+)`", described)
