"""Kills between the commit in a table's log and the change of the catalog, and in mid-write."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_warehouse.serve.control import _is_alive

from ..sizes import only_soak
from .conftest import Server, Shell, folder_of, shell_on
from .test_copy_schema import references

MAPPING = "'delta.columnMapping.mode' = 'name'"
MANAGED = "'delta.feature.catalogManaged' = 'supported'"
FEED = "'delta.enableChangeDataFeed' = 'true'"

BUSY = "CREATE TABLE IF NOT EXISTS busy (n BIGINT, text STRING)"
ROWS = 20_000

# Each test has tables of its own; all share one kill. The catalog knows what BEFORE did; only the
# tables' logs know what COMMITTED did.
BEFORE = [
    # test_renaming_a_column_again_loses_nothing
    f"CREATE TABLE renamed (id INT, s STRING) TBLPROPERTIES ({MAPPING})",
    "INSERT INTO renamed VALUES (1, 'a'), (2, 'b')",
    # test_tables_stay_writable
    f"CREATE TABLE dropped (id INT, s STRING) TBLPROPERTIES ({MAPPING})",
    "CREATE TABLE added (id INT)",
    "CREATE TABLE restored (id INT)",
    "ALTER TABLE restored ADD COLUMN s STRING",
    "CREATE TABLE replaced (x STRING, CONSTRAINT k PRIMARY KEY(x))",
    # test_all_that_is_said_of_a_table_is_there
    "CREATE TABLE described (id INT, word STRING)",
    "INSERT INTO described VALUES (1, 'a')",
    # test_a_clone_in_place_of_a_table_can_be_tried_again
    "CREATE TABLE source (id INT)",
    "CREATE TABLE target (id INT)",
    "INSERT INTO source VALUES (1)",
    "INSERT INTO target VALUES (1)",
    "CREATE OR REPLACE TABLE target DEEP CLONE source",
    # test_logs_of_former_times_show_the_columns
    f"CREATE TABLE former (id INT, s STRING) TBLPROPERTIES ({MAPPING})",
    "ALTER TABLE former ADD CONSTRAINT short CHECK (LENGTH(s) < 9)",
    "ALTER TABLE former ADD COLUMN n STRUCT<aB: INT>",
    # test_a_change_feed_that_was_being_written_leaves_no_draft
    f"CREATE TABLE fed (id STRING, n INT) TBLPROPERTIES ({FEED})",
    "INSERT INTO fed VALUES ('a', 1)",
    "SELECT * FROM table_changes('fed', 0)",
    # test_a_transaction_that_was_committed_is_in_all_tables
    f"CREATE TABLE debited (n INT) TBLPROPERTIES ({MANAGED})",
    f"CREATE TABLE credited (n INT) TBLPROPERTIES ({MANAGED})",
    # test_a_copied_schema_has_the_same_foreign_keys
    "CREATE SCHEMA original_5b1e",
    "CREATE TABLE original_5b1e.parent (id STRING NOT NULL PRIMARY KEY)",
    "CREATE TABLE original_5b1e.t (id STRING, parent STRING, CONSTRAINT original_5b1e_fk "
    "FOREIGN KEY (parent) REFERENCES workspace.original_5b1e.parent (id))",
    # test_a_write_that_was_cut_off_leaves_a_readable_table
    BUSY,
]
RENAME = "ALTER TABLE renamed RENAME COLUMN s TO t"
COMMITTED = [
    RENAME,
    "ALTER TABLE dropped DROP COLUMN s",
    "ALTER TABLE added ADD COLUMN s STRING",
    "RESTORE TABLE restored TO VERSION AS OF 0",
    "CREATE OR REPLACE TABLE replaced DEEP CLONE dropped",
    f"ALTER TABLE described SET TBLPROPERTIES ({FEED}, "
    "'delta.feature.allowColumnDefaults' = 'supported')",
    "ALTER TABLE described ALTER COLUMN word SET DEFAULT 'none'",
    "ALTER TABLE described ALTER COLUMN id SET NOT NULL",
    "ALTER TABLE described ADD CONSTRAINT positive CHECK (id > 0 OR id IS NULL)",
    "ALTER TABLE described ADD CONSTRAINT k PRIMARY KEY (id)",
    "ALTER TABLE described CLUSTER BY (id)",
    "COMMENT ON TABLE described IS 'Dinge “und” mehr'",
    "COMMENT ON COLUMN described.id IS 'key'",
    "ALTER TABLE former RENAME COLUMN n TO m",
    "BEGIN ATOMIC INSERT INTO debited VALUES (-1); INSERT INTO credited VALUES (1); END",
]


@pytest.fixture(scope="module")
def shell(tmp_path_factory) -> Iterator[Shell]:
    """A shell on a server whose predecessor was killed between log and catalog."""
    data = tmp_path_factory.mktemp("killed")
    first = Server(data)
    with shell_on(first) as shell:
        for statement in BEFORE:
            shell.run(statement)
        copied = {"catalog": "workspace", "source": "original_5b1e", "name": "copied_5b1e77"}
        first.control("POST", "/schemas", **copied)
        catalog = (data / "catalog.json").read_bytes()
        for statement in COMMITTED:
            shell.run(statement)
    engines = first.control("GET", "/warehouse")["engines"]
    written = kill_in_mid_write(first)
    (data / "catalog.json").write_bytes(catalog)
    # A kill before the commit leaves the files, but no version.
    (folder_of(first, "workspace.default.target") / "_delta_log" / f"{2:020d}.json").unlink()
    # The commits of older versions of this warehouse have no description.
    for file in (folder_of(first, "workspace.default.former") / "_delta_log").iterdir():
        file.write_text("".join(_without_description(line) for line in file.open()))
    _take_back_half_of_a_transaction(first)
    feed = _feed_folder(first)
    (feed / ".0-2").mkdir()
    (feed / ".1").mkdir()
    second = Server(data)
    with shell_on(second) as shell:
        shell.server, shell.written, shell.killed_engines = second, written, engines
        yield shell
    second.kill()


def kill_in_mid_write(server: Server) -> int:
    """Return the number of rows that were surely written to ``busy``."""
    written = []

    def write() -> None:
        try:
            with shell_on(server) as writer:
                while True:
                    insert = f"INSERT INTO busy SELECT id, repeat('x', 100) FROM range({ROWS})"
                    written.append(writer.change(insert))
        except Exception:
            return  # the server has ended, as expected

    thread = threading.Thread(target=write)
    thread.start()
    while len(written) < 2:
        time.sleep(0.01)
    time.sleep(0.03)
    server.kill()
    thread.join(timeout=60)
    return sum(written)


def _take_back_half_of_a_transaction(server: Server) -> None:
    """Leave the files as a kill does between the publications of two tables."""
    commits = []
    for name in ("debited", "credited"):
        folder = folder_of(server, f"workspace.default.{name}")
        whose = {"user": "ann@example.com", "statement_id": "s"}
        commits.append({"table_id": folder.name, "version": 1, **whose})
        (server.data / "commits" / f"{folder.name}.jsonl").unlink()
    log = folder / "_delta_log"
    (log / f"{1:020d}.json").rename(log / ".1.transaction")
    (server.data / "transactions" / "0.json").write_text(json.dumps(commits))
    (server.data / "staged" / "left_over").mkdir(parents=True)


def _feed_folder(server: Server) -> Path:
    table = folder_of(server, "workspace.default.fed").name
    (folder,) = (server.data / "changes" / table).iterdir()
    return folder


def _without_description(line: str) -> str:
    action = json.loads(line)
    if "metaData" in action:
        action["metaData"]["configuration"] = {}
    return json.dumps(action) + "\n"


def rows(shell, sql):
    return [tuple(row) for row in shell.run(sql)]


def test_renaming_a_column_again_loses_nothing(shell):
    assert [row.col_name for row in shell.run("DESCRIBE renamed")] == ["id", "t"]
    assert "UNRESOLVED_COLUMN" in shell.error(RENAME)
    shell.change("INSERT INTO renamed VALUES (3, 'c')")
    found = rows(shell, "SELECT id, t FROM renamed ORDER BY id")
    assert found == [(1, "a"), (2, "b"), (3, "c")]


def test_tables_stay_writable(shell):
    for name, values in [
        ("dropped", "(1)"),
        ("added", "(1, 's')"),
        ("restored", "(1)"),
        ("replaced", "(1)"),
    ]:
        shell.change(f"INSERT INTO {name} VALUES {values}")
        assert shell.value(f"SELECT id FROM {name}") == 1
    assert not shell.run(
        "SELECT * FROM system.information_schema.table_constraints WHERE table_name = 'replaced'"
    )


def test_all_that_is_said_of_a_table_is_there(shell):
    properties = dict(rows(shell, "SHOW TBLPROPERTIES described"))
    assert properties["delta.enableChangeDataFeed"] == "true"
    shell.change("INSERT INTO described (id) VALUES (2)")
    assert rows(shell, "SELECT word FROM table_changes('described', 9, 10)") == [("none",)]
    assert "positive" in shell.error("INSERT INTO described VALUES (-1, 'b')")
    assert "NOT_NULL" in shell.error("INSERT INTO described VALUES (NULL, 'b')")
    detail = shell.run("DESCRIBE DETAIL described")[0]
    assert (detail.description, list(detail.clusteringColumns)) == ("Dinge “und” mehr", ["id"])
    assert shell.run("DESCRIBE described")[0].comment == "key"
    assert rows(
        shell,
        "SELECT constraint_name FROM system.information_schema.table_constraints "
        "WHERE table_name = 'described'",
    ) == [("k",)]


def test_a_clone_in_place_of_a_table_can_be_tried_again(shell):
    shell.run("CREATE OR REPLACE TABLE target DEEP CLONE source")
    assert rows(shell, "SELECT id FROM target") == [(1,)]


def test_logs_of_former_times_show_the_columns(shell):
    assert [(row.col_name, row.data_type) for row in shell.run("DESCRIBE former")] == [
        ("id", "int"),
        ("s", "string"),
        ("m", "struct<aB: int>"),
    ]
    shell.run("ALTER TABLE former ADD CONSTRAINT whole CHECK (m IS NOT NULL)")
    shell.run("RESTORE TABLE former TO VERSION AS OF 1")
    shell.change("INSERT INTO former VALUES (1, 's')")
    assert "short" in shell.error("INSERT INTO former VALUES (1, '0123456789')")


def test_a_change_feed_that_was_being_written_leaves_no_draft(shell):
    assert [entry.name for entry in _feed_folder(shell.server).iterdir()] == ["0-1"]
    shell.change("INSERT INTO fed VALUES ('b', 2)")
    query = "SELECT DISTINCT _commit_version FROM table_changes('fed', 0) ORDER BY 1"
    assert rows(shell, query) == [(1,), (2,)]


def test_a_transaction_that_was_committed_is_in_all_tables(shell):
    assert rows(shell, "SELECT d.n, c.n FROM debited AS d, credited AS c") == [(-1, 1)]
    assert shell.run("DESCRIBE HISTORY credited")[0].userName == "ann@example.com"
    assert not (shell.server.data / "staged").exists()


def test_a_copied_schema_has_the_same_foreign_keys(shell):
    assert references(shell, "workspace.copied_5b1e77.t") == ["copied_5b1e77"]


@pytest.mark.timeout(30)
def test_no_engine_outlives_its_warehouse(shell):
    while any(_is_alive(pid) for pid in shell.killed_engines):
        time.sleep(0.02)


def test_a_write_that_was_cut_off_leaves_a_readable_table(shell):
    is_readable(shell, shell.written)


def is_readable(shell, written: int) -> None:
    count = shell.value("SELECT count(*) FROM busy")
    assert count % ROWS == 0
    assert count >= written
    assert shell.change("DELETE FROM busy") == count


@only_soak
def test_killed_in_mid_write_again_and_again(start):
    for _ in range(3):
        server = start()
        with shell_on(server) as shell:
            shell.run(BUSY)
        written = kill_in_mid_write(server)
        server = start()
        with shell_on(server) as shell:
            is_readable(shell, written)
        server.stop()
