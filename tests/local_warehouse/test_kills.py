"""Kills between the commit in a table's log and the change of the catalog."""

from __future__ import annotations

import json

from .conftest import shell_on

MAPPING = "'delta.columnMapping.mode' = 'name'"
FEED = "'delta.enableChangeDataFeed' = 'true'"


def killed_within(start, setup: list[str], statements: list[str]):
    """Start a server on the data of one that committed ``statements`` to the log only."""
    server = start()
    with shell_on(server) as shell:
        for statement in setup:
            shell.run(statement)
        catalog = (server.data / "catalog.json").read_bytes()
        for statement in statements:
            shell.run(statement)
    server.kill()
    (server.data / "catalog.json").write_bytes(catalog)
    return start()


def rows(shell, sql):
    return [tuple(row) for row in shell.run(sql)]


def test_renaming_a_column_again_loses_nothing(start):
    rename = "ALTER TABLE t RENAME COLUMN s TO t"
    setup = [
        f"CREATE TABLE t (id INT, s STRING) TBLPROPERTIES ({MAPPING})",
        "INSERT INTO t VALUES (1, 'a'), (2, 'b')",
    ]
    with shell_on(killed_within(start, setup, [rename])) as shell:
        assert [row.col_name for row in shell.run("DESCRIBE t")] == ["id", "t"]
        assert "UNRESOLVED_COLUMN" in shell.error(rename)
        shell.change("INSERT INTO t VALUES (3, 'c')")
        assert rows(shell, "SELECT id, t FROM t ORDER BY id") == [(1, "a"), (2, "b"), (3, "c")]


def test_tables_stay_writable(start):
    setup = [
        f"CREATE TABLE dropped (id INT, s STRING) TBLPROPERTIES ({MAPPING})",
        "CREATE TABLE added (id INT)",
        "CREATE TABLE restored (id INT)",
        "ALTER TABLE restored ADD COLUMN s STRING",
        "CREATE TABLE replaced (x STRING, CONSTRAINT k PRIMARY KEY(x))",
    ]
    statements = [
        "ALTER TABLE dropped DROP COLUMN s",
        "ALTER TABLE added ADD COLUMN s STRING",
        "RESTORE TABLE restored TO VERSION AS OF 0",
        "CREATE OR REPLACE TABLE replaced DEEP CLONE dropped",
    ]
    with shell_on(killed_within(start, setup, statements)) as shell:
        for name, values in [
            ("dropped", "(1)"),
            ("added", "(1, 's')"),
            ("restored", "(1)"),
            ("replaced", "(1)"),
        ]:
            shell.change(f"INSERT INTO {name} VALUES {values}")
            assert shell.value(f"SELECT id FROM {name}") == 1
        assert not shell.run(
            "SELECT * FROM system.information_schema.table_constraints "
            "WHERE table_name = 'replaced'"
        )


def test_all_that_is_said_of_a_table_is_there(start):
    setup = ["CREATE TABLE t (id INT, word STRING)", "INSERT INTO t VALUES (1, 'a')"]
    statements = [
        f"ALTER TABLE t SET TBLPROPERTIES ({FEED}, "
        "'delta.feature.allowColumnDefaults' = 'supported')",
        "ALTER TABLE t ALTER COLUMN word SET DEFAULT 'none'",
        "ALTER TABLE t ALTER COLUMN id SET NOT NULL",
        "ALTER TABLE t ADD CONSTRAINT positive CHECK (id > 0 OR id IS NULL)",
        "ALTER TABLE t ADD CONSTRAINT k PRIMARY KEY (id)",
        "ALTER TABLE t CLUSTER BY (id)",
        "COMMENT ON TABLE t IS 'Dinge “und” mehr'",
        "COMMENT ON COLUMN t.id IS 'key'",
    ]
    with shell_on(killed_within(start, setup, statements)) as shell:
        assert dict(rows(shell, "SHOW TBLPROPERTIES t"))["delta.enableChangeDataFeed"] == "true"
        shell.change("INSERT INTO t (id) VALUES (2)")
        assert rows(shell, "SELECT word FROM table_changes('t', 9, 10)") == [("none",)]
        assert "positive" in shell.error("INSERT INTO t VALUES (-1, 'b')")
        assert "NOT_NULL" in shell.error("INSERT INTO t VALUES (NULL, 'b')")
        detail = shell.run("DESCRIBE DETAIL t")[0]
        assert (detail.description, list(detail.clusteringColumns)) == (
            "Dinge “und” mehr",
            ["id"],
        )
        assert shell.run("DESCRIBE t")[0].comment == "key"
        assert rows(
            shell,
            "SELECT constraint_name FROM system.information_schema.table_constraints "
            "WHERE table_name = 't'",
        ) == [("k",)]


def test_a_clone_in_place_of_a_table_can_be_tried_again(start):
    server = start()
    with shell_on(server) as shell:
        for name in ("source", "target"):
            shell.run(f"CREATE TABLE {name} (id INT)")
            shell.change(f"INSERT INTO {name} VALUES (1)")
        folder = shell.run("DESCRIBE DETAIL target")[0].id
        shell.run("CREATE OR REPLACE TABLE target DEEP CLONE source")
    server.kill()
    # A kill before the commit leaves the files, but no version.
    (server.data / "tables" / folder / "_delta_log" / f"{2:020d}.json").unlink()
    with shell_on(start()) as shell:
        shell.run("CREATE OR REPLACE TABLE target DEEP CLONE source")
        assert rows(shell, "SELECT id FROM target") == [(1,)]


def test_logs_of_former_times_tell_the_columns(start):
    """The commits of older versions of this warehouse have no description."""
    server = start()
    with shell_on(server) as shell:
        shell.run(f"CREATE TABLE t (id INT, s STRING) TBLPROPERTIES ({MAPPING})")
        shell.run("ALTER TABLE t ADD CONSTRAINT short CHECK (LENGTH(s) < 9)")
        shell.run("ALTER TABLE t ADD COLUMN n STRUCT<aB: INT>")
        catalog = (server.data / "catalog.json").read_bytes()
        shell.run("ALTER TABLE t RENAME COLUMN n TO m")
    server.kill()
    (server.data / "catalog.json").write_bytes(catalog)
    for file in server.data.glob("tables/*/_delta_log/*"):
        file.write_text("".join(_without_description(line) for line in file.open()))
    with shell_on(start()) as shell:
        assert [(row.col_name, row.data_type) for row in shell.run("DESCRIBE t")] == [
            ("id", "int"),
            ("s", "string"),
            ("m", "struct<aB: int>"),
        ]
        shell.run("ALTER TABLE t ADD CONSTRAINT whole CHECK (m IS NOT NULL)")
        shell.run("RESTORE TABLE t TO VERSION AS OF 1")
        shell.change("INSERT INTO t VALUES (1, 's')")
        assert "short" in shell.error("INSERT INTO t VALUES (1, '0123456789')")


def _without_description(line: str) -> str:
    action = json.loads(line)
    if "metaData" in action:
        action["metaData"]["configuration"] = {}
    return json.dumps(action) + "\n"
