"""INSERT, UPDATE, DELETE and MERGE: counts, history, time travel, concurrency."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ..sizes import size, soak
from .conftest import shell_on


def create(shell) -> None:
    shell.run("CREATE TABLE t (id STRING NOT NULL, n INT, note STRING)")
    shell.change("INSERT INTO t VALUES ('a', 1, NULL), ('b', 2, NULL), ('c', 3, NULL)")


@pytest.fixture
def table(shell):
    create(shell)
    shell.name = f"tests.{shell.value('SELECT current_schema()')}.t"
    return shell


# Statements and the counts that they return, each run on a new table of `create`.
COUNTS = [
    ("INSERT INTO t (id) VALUES ('x'), ('y')", {"num_affected_rows": 2, "num_inserted_rows": 2}),
    ("INSERT INTO t BY NAME SELECT 7 AS n, 'z' AS id", {"num_affected_rows": 1, "num_inserted_rows": 1}),
    ("INSERT INTO t WITH s AS (SELECT id FROM t) SELECT id, 1, id FROM s", {"num_affected_rows": 3, "num_inserted_rows": 3}),
    ("UPDATE t SET n = n + 1 WHERE n >= 2", {"num_affected_rows": 2}),
    ("UPDATE t AS x SET x.n = 0 WHERE x.id = 'nobody'", {"num_affected_rows": 0}),
    ("UPDATE t SET note = 'in' WHERE id IN (SELECT id FROM t WHERE n = 1)", {"num_affected_rows": 1}),
    ("DELETE FROM t WHERE n = 3", {"num_affected_rows": 1}),
    ("DELETE FROM t", {"num_affected_rows": 3}),
    ("DELETE FROM t WHERE n = 99", {"num_affected_rows": 0}),
    (
        "MERGE INTO t USING (SELECT * FROM VALUES ('a', 9), ('q', 1) AS s(id, n)) s ON t.id = s.id "
        "WHEN MATCHED THEN UPDATE SET n = s.n WHEN NOT MATCHED THEN INSERT (id, n) VALUES (s.id, s.n) "
        "WHEN NOT MATCHED BY SOURCE AND t.id = 'c' THEN DELETE",
        {"num_affected_rows": 3, "num_updated_rows": 1, "num_deleted_rows": 1, "num_inserted_rows": 1},
    ),
]  # fmt: skip


def test_counts_are_rows_really_changed(shell):
    for statement, counts in COUNTS:
        create(shell)
        with shell.connection.cursor() as cursor:
            cursor.execute(statement)
            assert cursor.fetchall()[0].asDict() == counts, statement
            assert cursor.rowcount == counts["num_affected_rows"], statement
        shell.run("DROP TABLE t")


def test_merge_reads_a_source_of_several_tables(table):
    """MERGE reads such a source first, and keeps its types, its duplicate names and its
    CURRENT_TIMESTAMP."""
    source = (
        "SELECT t.id AS key, x.*, y.*, NULL AS nothing, CURRENT_TIMESTAMP() AS now"
        " FROM t LEFT JOIN (SELECT id, n + :more AS n FROM t WHERE id = 'a') AS x ON x.id = t.id"
        " LEFT JOIN (SELECT DATE'2026-01-02' AS day, ARRAY(id) AS ids, id FROM t) AS y ON y.id = t.id"
    )
    merge = (
        f"MERGE INTO t USING ({source}) AS s ON t.id = s.key WHEN MATCHED AND s.n > 10 THEN UPDATE"
        " SET n = s.n, note = IF(s.now = CURRENT_TIMESTAMP() AND s.nothing IS NULL,"
        " CONCAT(s.day, s.ids[0]), 'another moment') WHEN MATCHED AND s.n IS NULL THEN DELETE"
    )
    assert tuple(table.run(merge, {"more": 10})[0]) == (3, 1, 2, 0)
    assert [tuple(row) for row in table.run("SELECT * FROM t")] == [("a", 11, "2026-01-02a")]


def test_merge_refuses_two_source_rows_for_one_target(table):
    error = table.error(
        "MERGE INTO t USING (SELECT * FROM VALUES ('a', 1), ('a', 2) AS s(id, n)) s "
        "ON t.id = s.id WHEN MATCHED THEN UPDATE SET n = s.n"
    )
    assert "SQLSTATE: 21506" in error


def test_rows_travel_as_one_json_parameter(table):
    rows = '[{"id": "j1", "n": 1, "note": "it\'s \\\\ \\u0000"}, {"id": "j2", "n": null}]'
    inserted = table.change(
        "INSERT INTO t (id, n, note) SELECT r.id, r.n, r.note FROM (SELECT explode(from_json("
        ":rows, 'array<struct<id: string, n: int, note: string>>')) AS r)",
        {"rows": rows},
    )
    assert inserted == 2
    assert table.value("SELECT note FROM t WHERE id = 'j1'") == "it's \\ \x00"


def test_history_names_the_user_and_the_metrics(table):
    table.change("UPDATE t SET n = 5 WHERE id = 'a'")
    table.run("ALTER TABLE t ADD COLUMN extra STRING")
    history = table.run("DESCRIBE HISTORY t")
    assert [row.operation for row in history] == ["ADD COLUMNS", "UPDATE", "WRITE", "CREATE TABLE"]
    assert [row.version for row in history] == [3, 2, 1, 0]
    assert {row.userName for row in history} == {"developer@localhost"}
    assert dict(history[1].operationMetrics)["numUpdatedRows"] == "1"
    assert len(table.run("DESCRIBE HISTORY t LIMIT 2")) == 2


def test_time_travel(table):
    table.change("UPDATE t SET n = 100 WHERE id = 'a'")
    at = table.run("DESCRIBE HISTORY t LIMIT 1")[0].timestamp
    table.change("DELETE FROM t")
    query = "SELECT n FROM t VERSION AS OF :v WHERE id = 'a'"
    assert table.value(query, {"v": 1}) == 1
    assert table.value(query, {"v": 2}) == 100
    moment = at.isoformat()
    assert table.value("SELECT count(*) FROM t TIMESTAMP AS OF :at", {"at": moment}) == 3
    assert table.value("SELECT count(*) FROM t") == 0


def test_common_table_expressions_hide_tables(table):
    assert table.value("WITH t AS (SELECT * FROM t WHERE n > 1) SELECT count(*) FROM t") == 2


def test_columns_may_be_fully_qualified(table):
    assert table.value(f"SELECT {table.name}.n FROM {table.name} WHERE t.id = 'b'") == 2


@soak
def test_writers_of_one_row_lose_nothing(server, table):
    """Some writes are refused (2D521), as on Databricks, but none that was accepted is lost."""
    writers, writes = size(5, 8), size(5, 8)

    def add(_: int) -> tuple[int, int]:
        done = refused = 0
        with shell_on(server) as mine:
            for _ in range(writes):
                try:
                    done += mine.change(f"UPDATE {table.name} SET n = n + 1 WHERE id = 'a'")
                except Exception as error:
                    assert "SQLSTATE: 2D521" in error.message, error
                    refused += 1
        return done, refused

    with ThreadPoolExecutor(writers) as pool:
        outcomes = list(pool.map(add, range(writers)))
    done, refused = (sum(column) for column in zip(*outcomes, strict=True))
    assert done + refused == writers * writes
    assert refused > 0
    assert table.value("SELECT n FROM t WHERE id = 'a'") == 1 + done


def test_writers_of_different_rows_never_conflict(server, table):
    def write(letter: str) -> None:
        with shell_on(server) as mine:
            for n in range(5):
                assert (
                    mine.change(
                        f"UPDATE {table.name} SET n = :n WHERE id = :id", {"n": n, "id": letter}
                    )
                    == 1
                )
                assert (
                    mine.change(
                        f"INSERT INTO {table.name} (id) VALUES (:id)", {"id": f"{letter}{n}"}
                    )
                    == 1
                )

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, "abc"))
    assert table.value("SELECT count(*) FROM t") == 3 + 15


def test_merge_guarded_inserts_of_one_key_make_one_row(server, table):
    def create(_: int) -> int:
        with shell_on(server) as mine:
            try:
                return mine.change(
                    f"MERGE INTO {table.name} t USING (SELECT 'new' AS id) s ON t.id = s.id "
                    "WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)"
                )
            except Exception as error:
                assert "SQLSTATE: 2D521" in error.message, error
                return 0

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(8))) == 1
    assert table.value("SELECT count(*) FROM t WHERE id = 'new'") == 1


@soak
def test_sixteen_connections_at_once(server, table):
    ready, reads = threading.Barrier(16), size(2, 5)

    def read(_: int) -> list[int]:
        with shell_on(server) as mine:
            ready.wait(timeout=30)
            return [mine.value(f"SELECT count(*) FROM {table.name}") for _ in range(reads)]

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(read, range(16))) == [[3] * reads] * 16


def test_many_small_commits_are_compacted(table):
    for n in range(70):
        table.change("INSERT INTO t (id) VALUES (:id)", {"id": f"r{n}"})
    for n in range(40):
        table.change("INSERT INTO t (id) VALUES (:id)", {"id": f"s{n}"})
        if any(row.operation == "OPTIMIZE" for row in table.run("DESCRIBE HISTORY t")):
            break
    else:
        pytest.fail("no OPTIMIZE in the history")
    assert table.value("SELECT count(*) FROM t") == 3 + 70 + n + 1


def test_not_null_is_asked_of_the_rows_that_go_in_only(table):
    source = "SELECT note AS id, n FROM t WHERE note IS NOT NULL"
    assert table.change(f"INSERT INTO t (id, n) {source}") == 0
    table.change("UPDATE t SET note = 'd' WHERE id = 'a'")
    merge = f"MERGE INTO t USING ({source}) s ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id, n)"
    assert table.change(f"{merge} VALUES (s.id, s.n)") == 1
    with pytest.raises(Exception, match="DELTA_NOT_NULL_CONSTRAINT_VIOLATED"):
        table.change("INSERT INTO t (id, n) SELECT note, n FROM t WHERE n > 0")


# --- time travel ---
def test_a_version_after_an_at_sign(shell):
    shell.run("CREATE TABLE p (id INT)")
    shell.change("INSERT INTO p VALUES (1)")
    at = shell.run("DESCRIBE HISTORY p LIMIT 1")[0].timestamp
    shell.change("INSERT INTO p VALUES (2)")
    assert shell.value("SELECT COUNT(*) FROM p@v1") == 1
    assert shell.value("SELECT COUNT(*) FROM p@V2 AS x JOIN p@v1 y ON x.id = y.id") == 1
    at = at.astimezone(dt.UTC)
    moment = at.strftime("%Y%m%d%H%M%S") + f"{at.microsecond // 1000:03d}"
    assert shell.value(f"SELECT COUNT(*) FROM p@{moment}") == 1
    assert shell.value("SELECT 'a@v1.org' AS mail FROM p@v1") == "a@v1.org"
    assert "DELTA_VERSION_NOT_FOUND" in shell.error("SELECT * FROM p@v9")
    assert "EARLIER" in shell.error("SELECT * FROM p@20010101000000000")
    for statement in (
        "SELECT * FROM p@1",
        "SELECT * FROM p@x",
        "SELECT * FROM p@v1x",
        "SELECT * FROM p @v1",
    ):
        assert "PARSE_SYNTAX_ERROR" in shell.error(statement)


def test_only_what_is_now_can_be_changed(shell):
    shell.run("CREATE TABLE p (id INT)")
    shell.change("INSERT INTO p VALUES (1)")
    for point in ("@v1", " VERSION AS OF 1"):
        for statement in (
            f"UPDATE p{point} SET id = 2",
            f"DELETE FROM p{point} WHERE id = 1",
            f"INSERT INTO p{point} VALUES (2)",
            f"MERGE INTO p{point} USING (SELECT 1 AS n) s ON id = n WHEN MATCHED THEN DELETE",
        ):
            assert "PARSE_SYNTAX_ERROR" in shell.error(statement), statement
    assert shell.value("SELECT id FROM p") == 1


def test_what_is_no_point_in_time(shell):
    shell.run("CREATE TABLE p (id INT)")
    assert shell.run("SELECT * FROM p VERSION AS OF '0'") == []
    for point, error in (
        ("TIMESTAMP AS OF 'abc'", "DELTA_TIMESTAMP_INVALID"),
        ("VERSION AS OF 'x'", "DELTA_VERSION_INVALID"),
        ("VERSION AS OF 1.5", "PARSE_SYNTAX_ERROR"),
        ("VERSION AS OF '1.5'", "DELTA_VERSION_INVALID"),
        ("VERSION AS OF NULL", "INVALID_TIME_TRAVEL_TIMESTAMP_EXPR"),
        ("VERSION AS OF -1", "DELTA_VERSION_NOT_FOUND"),
    ):
        assert error in shell.error(f"SELECT * FROM p {point}"), point
        restore = error.replace("VERSION_NOT_FOUND", "CANNOT_RESTORE")
        assert restore in shell.error(f"RESTORE p {point}"), point


def test_a_merge_that_only_inserts_names_columns_of_the_table(shell):
    shell.run("CREATE TABLE t (id BIGINT, note STRING)")
    merge = (
        "MERGE INTO t USING (SELECT 1 AS id) AS s ON t.id = s.id "
        "WHEN NOT MATCHED THEN INSERT ({}) VALUES (s.id, 'a')"
    )
    assert "UNRESOLVED_COLUMN" in shell.error(merge.format("id, missing"))
    assert shell.change(merge.format("ID, NOTE")) == 1
    assert [tuple(row) for row in shell.run("SELECT * FROM t")] == [(1, "a")]
