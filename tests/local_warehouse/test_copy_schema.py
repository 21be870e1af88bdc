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


@pytest.mark.parametrize("query", [HISTORY, FEED])
def test_it_has_the_same_versions_with_their_times(copied, query) -> None:
    before, after = (sorted(copied.run(query.format(name)), key=str) for name in (SOURCE, COPY))
    assert before == after
    assert len(after) >= 3


def test_its_foreign_keys_lead_to_its_own_tables(copied) -> None:
    assert references(copied) == [COPY]


def test_a_table_that_nobody_used_yet_is_read_by_many_at_once(copied, server) -> None:
    """The engine learns a table's columns from the first statement that names it."""

    def count(_: int) -> int:
        with shell_on(server) as shell:
            ready.wait()
            return shell.value(f"SELECT COUNT(*) FROM tests.{COPY}.t")

    ready = threading.Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(count, range(4))) == {1}


def test_a_restarted_server_has_the_same_foreign_keys(start) -> None:
    first = start()
    with shell_on(first) as shell:
        shell.run("CREATE CATALOG IF NOT EXISTS tests")
        create(shell)
        copy(first)
    first.kill()
    with shell_on(start()) as shell:
        assert references(shell) == [COPY]


def references(shell) -> list[str]:
    """Return the schemas that the copy's foreign keys refer to."""
    described = "\n".join(str(row) for row in shell.run(f"DESCRIBE EXTENDED tests.{COPY}.t"))
    return re.findall(r"REFERENCES `tests`\.`(\w+)`", described)


def test_writing_to_it_leaves_the_source_alone(copied) -> None:
    copied.change(f"INSERT INTO tests.{COPY}.t VALUES ('c', 'p')")
    copied.run(f"DROP SCHEMA tests.{COPY} CASCADE")
    assert [row[0] for row in copied.run(f"SELECT id FROM tests.{SOURCE}.t")] == ["b"]
