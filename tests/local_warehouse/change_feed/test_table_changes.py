"""``table_changes``: every change exactly once, with the row before and after it."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

from ...sizes import size, soak
from ..conftest import folder_of, shell_on
from .conftest import FEED, changes


def test_what_each_statement_did(table):
    table.change("INSERT INTO t VALUES ('a', 1), ('b', 2)")
    table.change("UPDATE t SET n = 20 WHERE id = 'b'")
    table.change("DELETE FROM t WHERE id = 'a'")
    table.change(
        "MERGE INTO t USING (SELECT * FROM VALUES ('b', 21), ('c', 3) AS s(id, n)) s ON t.id = s.id "
        "WHEN MATCHED THEN UPDATE SET n = s.n WHEN NOT MATCHED THEN INSERT (id, n) VALUES (s.id, s.n)"
    )
    assert changes(table) == [
        (1, "insert", "a", 1),
        (1, "insert", "b", 2),
        (2, "update_preimage", "b", 2),
        (2, "update_postimage", "b", 20),
        (3, "delete", "a", 1),
        (4, "update_preimage", "b", 20),
        (4, "update_postimage", "b", 21),
        (4, "insert", "c", 3),
    ]
    table.run("RESTORE TABLE t TO VERSION AS OF 2")
    assert changes(table, 5) == [
        (5, "insert", "a", 1),
        (5, "insert", "b", 20),
        (5, "delete", "b", 21),
        (5, "delete", "c", 3),
    ]


def test_what_replaces_a_table_deletes_and_inserts(table):
    """It is unknown which row replaced which."""
    table.change("INSERT INTO t VALUES ('a', 1), ('b', 2)")
    table.run("CREATE TABLE other DEEP CLONE t")
    table.change("UPDATE other SET n = 20 WHERE id = 'b'")
    table.run("CREATE OR REPLACE TABLE t DEEP CLONE other")
    assert changes(table, 2) == [(2, "insert", "b", 20), (2, "delete", "b", 2)]


def test_a_merge_that_deletes_and_inserts_one_key_updates_nothing(table):
    table.change("INSERT INTO t VALUES ('a', 1), ('b', 2)")
    table.change(
        "MERGE INTO t USING (SELECT 'a' AS id, 0 AS f UNION ALL SELECT 'a', 1) AS s "
        "ON t.id = s.id AND s.f = 0 WHEN MATCHED THEN DELETE "
        "WHEN NOT MATCHED THEN INSERT (id, n) VALUES (s.id, 50)"
    )
    assert changes(table, 2) == [(2, "insert", "a", 50), (2, "delete", "a", 1)]


def test_a_merge_that_only_updates_needs_no_key(shell):
    shell.run(f"CREATE TABLE t (id STRING, n INT) {FEED}")
    shell.change("INSERT INTO t VALUES ('a', 1), ('b', 2)")
    shell.change(
        "MERGE INTO t USING (SELECT 'a' AS id) AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET n = 7"
    )
    assert changes(shell, 2) == [(2, "update_preimage", "a", 1), (2, "update_postimage", "a", 7)]


def test_rows_that_were_only_moved_are_no_changes(table):
    table.change("INSERT INTO t SELECT CAST(id AS STRING), id FROM RANGE(500)")
    table.change("UPDATE t SET n = -1 WHERE id = '7'")
    assert [row[1:] for row in changes(table, 2)] == [
        ("update_preimage", "7", 7),
        ("update_postimage", "7", -1),
    ]
    for n in range(3):
        table.change("INSERT INTO t (id) VALUES (:id)", {"id": f"x{n}"})
    table.run("OPTIMIZE t")
    assert table.run("DESCRIBE HISTORY t LIMIT 1")[0].operation == "OPTIMIZE"
    assert [row[2] for row in changes(table, 3)] == ["x0", "x1", "x2"]


def test_other_properties_and_comments_leave_the_feed_as_it_is(server, table):
    table.change("INSERT INTO t VALUES ('a', 1)")
    before = changes(table)
    home = server.data / "changes" / folder_of(server, table.name).name
    (folder,) = home.glob("*/*")
    table.run("COMMENT ON TABLE t IS 'text'")
    table.run("ALTER TABLE t SET TBLPROPERTIES ('some' = 'thing')")
    assert changes(table) == before
    (after,) = home.glob("*/*")
    # The feed is not computed again: its files are linked.
    (old,) = (entry.name for entry in after.iterdir())
    assert old == "00000000-00000001.parquet"
    assert folder.parent == after.parent


def test_without_a_key_updates_are_still_updates(shell):
    shell.run(f"CREATE TABLE t (id STRING, n INT) {FEED}")
    shell.change("INSERT INTO t VALUES ('a', 1), ('a', 1), ('b', NULL)")
    shell.change("UPDATE t SET n = 2 WHERE id = 'a'")
    kinds = [row[1] for row in changes(shell, 2)]
    assert sorted(kinds) == ["update_postimage"] * 2 + ["update_preimage"] * 2


def test_columns_that_came_later_are_empty_before(table):
    table.change("INSERT INTO t VALUES ('a', 1)")
    table.run("ALTER TABLE t ADD COLUMNS (note STRING)")
    table.change("UPDATE t SET note = 'x'")
    rows = table.run("SELECT _change_type, note FROM table_changes('t', 0) ORDER BY 2 NULLS FIRST")
    assert {tuple(row) for row in rows} == {
        ("insert", None),
        ("update_preimage", None),
        ("update_postimage", "x"),
    }


def test_as_part_of_larger_statements(table):
    table.change("INSERT INTO t VALUES ('a', 1)")
    table.change("UPDATE t SET n = n + 1")
    rows = table.run(
        f"WITH c AS (SELECT * FROM table_changes('{table.name}', 0)) "
        "SELECT x.id, x.n, LAG(c.n) OVER (PARTITION BY c.id ORDER BY c._commit_version) AS was "
        "FROM c JOIN t AS x ON x.id = c.id WHERE c._change_type IN ('insert', 'update_postimage') "
        "UNION ALL SELECT d.id, d.n, -1 FROM table_changes('`t`', 2) AS d ORDER BY 3"
    )
    assert sorted(rows, key=str) == [("a", 1, -1), ("a", 2, -1), ("a", 2, 1), ("a", 2, None)]


def test_tables_with_a_row_filter_or_masks_have_no_past(table):
    """Databricks refuses it, too; the feed would show hidden rows and values."""
    table.change("INSERT INTO t VALUES ('a', 1)")
    table.run("CREATE FUNCTION f(id STRING) RETURNS BOOLEAN RETURN id = 'b'")
    table.run("ALTER TABLE t SET ROW FILTER f ON (id)")
    refused = "FGAC_TIME_TRAVEL_NOT_SUPPORTED"
    assert refused in table.error("SELECT * FROM table_changes('t', 0)")
    assert refused in table.error("SELECT * FROM t VERSION AS OF 1")
    refused = "ROW_LEVEL_SECURITY_COLUMN_MASK_FEATURE_NOT_SUPPORTED.DESCRIBE_HISTORY"
    assert refused in table.error("DESCRIBE HISTORY t")


def replayed(rows) -> dict[str, int]:
    """Return the rows that remain when the feed's changes are applied in order."""
    state: dict[str, int] = {}
    for _, kind, key, n in sorted(
        rows, key=lambda row: (row[0], row[1] in ("insert", "update_postimage"))
    ):
        if kind in ("delete", "update_preimage"):
            assert state.pop(key) == n
        else:
            assert key not in state
            state[key] = n
    return state


@soak
def test_replaying_the_changes_gives_the_table(table):
    chance = random.Random(11)
    for n in range(size(40, 120)):
        key = f"k{chance.randrange(12)}"
        statement = chance.choice(
            [
                "MERGE INTO t USING (SELECT :id AS id, :n AS n) s ON t.id = s.id "
                "WHEN NOT MATCHED THEN INSERT (id, n) VALUES (s.id, s.n)",
                "MERGE INTO t USING (SELECT :id AS id, :n AS n) s ON t.id = s.id "
                "WHEN MATCHED THEN UPDATE SET n = s.n "
                "WHEN NOT MATCHED THEN INSERT (id, n) VALUES (s.id, s.n)",
                "UPDATE t SET n = :n WHERE id >= :id",
                "DELETE FROM t WHERE id = :id AND :n > 0",
            ]
        )
        table.change(statement, {"id": key, "n": n})
    rows = changes(table)
    latest = max(row[0] for row in rows)
    for version in [latest, *chance.sample(range(1, latest), size(6, 12))]:
        there = table.run(f"SELECT id, n FROM t VERSION AS OF {version}")
        assert replayed([row for row in rows if row[0] <= version]) == {r.id: r.n for r in there}


def test_concurrent_writers_each_change_once(server, table):
    def write(who: int) -> None:
        with shell_on(server) as mine:
            for n in range(8):
                values = {"id": f"w{who}-{n}", "n": n}
                mine.change(f"INSERT INTO {table.name} VALUES (:id, :n)", values)

    with ThreadPoolExecutor(6) as pool:
        reads = pool.submit(lambda: [len(changes(table)) for _ in range(10)])
        list(pool.map(write, range(5)))
        assert reads.result() == sorted(reads.result())
    assert sorted(row[2] for row in changes(table)) == sorted(
        f"w{who}-{n}" for who in range(5) for n in range(8)
    )
