"""``BEGIN ATOMIC … END``: several statements that commit together, or not at all."""

from __future__ import annotations

import threading

import pytest

from .conftest import shell_on

MANAGED = "TBLPROPERTIES ('delta.feature.catalogManaged' = 'supported')"
MOVE = (
    "BEGIN ATOMIC"
    " DELETE FROM a WHERE id = :id;"
    " INSERT INTO b SELECT id, n + 1 FROM b WHERE id = :id;"
    " UPDATE b SET n = n + 10 WHERE id = :id;"
    " SELECT (SELECT COUNT(*) FROM a) AS left, SUM(n) AS total, :word AS word FROM b; END"
)


@pytest.fixture
def tables(shell):
    for name in ("a", "b"):
        shell.run(f"CREATE TABLE {name} (id STRING NOT NULL, n INT) {MANAGED}")
        shell.run(f"INSERT INTO {name} VALUES ('x', 1), ('y', 2)")
    return shell


def content(shell, table):
    return sorted(tuple(row) for row in shell.run(f"SELECT id, n FROM {table}"))


def test_statements_see_those_before_and_commit_together(tables):
    (row,) = tables.run(MOVE, {"id": "x", "word": "it's; END"})
    assert tuple(row) == (1, 25, "it's; END")
    assert content(tables, "a") == [("y", 2)]
    assert content(tables, "b") == [("x", 11), ("x", 12), ("y", 2)]
    # One version of each table, whose changes are those of the whole block.
    history = tables.run("DESCRIBE HISTORY b")
    assert [(row.version, row.operation) for row in history[:2]] == [(2, "UPDATE"), (1, "WRITE")]
    assert history[0].userName == history[1].userName
    tables.run("ALTER TABLE a SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')")
    positions = "BEGIN ATOMIC UPDATE a SET n = ? WHERE n = ?; DELETE FROM b WHERE n > ?; END;"
    assert tuple(tables.run(positions, [5, 2, 11])[0]) == (1,)
    changes = "SELECT _change_type, n FROM table_changes('a', 4) ORDER BY n"
    found = [tuple(row) for row in tables.run(changes)]
    assert found == [("update_preimage", 2), ("update_postimage", 5)]
    assert content(tables, "b") == [("x", 11), ("y", 2)]
    # The tables are as others: they can be written to, also by one statement alone.
    assert tables.change("UPDATE a SET n = 6 WHERE n = 5") == 1
    assert tables.run("BEGIN ATOMIC SELECT 1; END")[0][0] == 1


def test_a_merge_sees_statements_before_in_the_tables_of_its_source(tables):
    merge = (
        "BEGIN ATOMIC UPDATE a SET n = ? WHERE id = 'x'; MERGE INTO b USING ("
        " SELECT a.id, a.n + ? AS n FROM a JOIN b ON b.id = a.id WHERE a.n = ?) AS s"
        " ON b.id = s.id WHEN MATCHED THEN UPDATE SET n = s.n; END"
    )
    assert tuple(tables.run(merge, [7, 10, 7])[0])[:1] == (1,)
    assert content(tables, "b") == [("x", 17), ("y", 2)]


def test_a_failure_changes_nothing(tables):
    failing = "BEGIN ATOMIC DELETE FROM a; INSERT INTO b VALUES (NULL, 1); END"
    assert "DELTA_NOT_NULL_CONSTRAINT_VIOLATED" in tables.error(failing)
    assert len(content(tables, "a")) == len(content(tables, "b")) == 2
    assert tables.run("DESCRIBE HISTORY a")[0].version == 1


def test_what_no_transaction_may_do(tables):
    tables.run("CREATE TABLE plain (id STRING)")
    tables.run("CREATE FUNCTION hide(x STRING) RETURNS STRING RETURN '*'")
    tables.run(f"CREATE TABLE masked (id STRING) {MANAGED}")
    tables.run("ALTER TABLE masked ALTER COLUMN id SET MASK hide")
    tables.run(f"CREATE TABLE filtered (id STRING) {MANAGED}")
    tables.run("CREATE FUNCTION show(x STRING) RETURNS BOOLEAN RETURN true")
    tables.run("ALTER TABLE filtered SET ROW FILTER show ON (id)")
    for statement, condition in {
        "DELETE FROM plain WHERE false": "WRITE_NON_CATALOG_MANAGED_TABLE",
        "DELETE FROM masked WHERE false": "ACCESS_DELTA_TABLE_WITH_RLS_CM",
        "INSERT INTO a SELECT id, 1 FROM filtered": "ACCESS_DELTA_TABLE_WITH_RLS_CM",
        "SELECT * FROM table_changes('a', 0)": "CDF_READ",
        "SELECT * FROM a VERSION AS OF 0": "TIME_TRAVEL_QUERY",
        "SELECT * FROM information_schema.tables": "INFORMATION_SCHEMA_TABLE",
        "CREATE TABLE c (id INT)": "COMMAND",
    }.items():
        block = f"BEGIN ATOMIC DELETE FROM a WHERE id = 'x'; {statement}; END"
        assert tables.error(block).startswith(f"[TRANSACTION_NOT_SUPPORTED.{condition}]"), block
    assert len(content(tables, "a")) == 2
    # What is not written needs no feature.
    assert tables.run("BEGIN ATOMIC SELECT COUNT(*) FROM plain; END")[0][0] == 0
    assert "PARSE_SYNTAX_ERROR" in tables.error("BEGIN ATOMIC DELETE FROM a END")


@pytest.mark.parametrize("rival", ["INSERT INTO b VALUES ('z', 3)", "INSERT INTO c VALUES (1)"])
def test_a_write_to_one_of_its_tables_is_a_conflict(server, tables, rival):
    tables.run("CREATE TABLE c (id INT)")
    schema = tables.value("SELECT current_schema()")
    errors: list[str | None] = []

    def run(statement: str, parameters=None) -> None:
        with shell_on(server, catalog="tests", schema=schema) as shell:
            try:
                shell.run(statement, parameters)
            except Exception as error:
                errors.append(str(error))

    server.control("POST", "/warehouse", writes=False)
    try:
        threads = []
        for call in ((rival,), (MOVE, {"id": "x", "word": ""})):
            threads.append(threading.Thread(target=run, args=call))
            threads[-1].start()
            wait_for_writers(server, len(threads))
    finally:
        server.control("POST", "/warehouse", writes=True)
    for thread in threads:
        thread.join(60)
    if " b " in rival:
        assert len(errors) == 1
        assert "DELTA_CONCURRENT_APPEND" in errors[0]
        assert content(tables, "a") == [("x", 1), ("y", 2)]
    else:
        assert not errors
        assert content(tables, "a") == [("y", 2)]


def test_readers_never_see_half_of_it(server, tables):
    schema = tables.value("SELECT current_schema()")
    seen, stop = set(), threading.Event()

    def read() -> None:
        with shell_on(server, catalog="tests", schema=schema) as shell:
            while not stop.is_set():
                (row,) = shell.run(
                    "SELECT (SELECT SUM(n) FROM a) AS a, (SELECT SUM(n) FROM b) AS b"
                )
                seen.add(tuple(row))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(8):
        tables.run("BEGIN ATOMIC UPDATE a SET n = n + 1; UPDATE b SET n = n - 1; END")
    stop.set()
    reader.join(60)
    assert {a + b for a, b in seen} == {6}
    assert len(seen) > 1


def wait_for_writers(server, number: int) -> None:
    while server.control("GET", "/warehouse")["writers"] < number:
        pass
