"""DESCRIBE HISTORY: the parameters and metrics of each operation."""

from __future__ import annotations

import json

import pytest

TABLE = """
CREATE TABLE t (id INT, note STRING) CLUSTER BY (id) COMMENT 'things' TBLPROPERTIES (
  'delta.columnMapping.mode' = 'name', 'delta.feature.allowColumnDefaults' = 'supported')
"""


@pytest.fixture
def table(shell):
    shell.run(TABLE)
    shell.change("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    return shell


def latest(shell, table="t"):
    (row,) = shell.run(f"DESCRIBE HISTORY {table} LIMIT 1")
    return row.operation, dict(row.operationParameters), dict(row.operationMetrics)


@pytest.mark.parametrize(
    ("statement", "operation", "parameters"),
    [
        ("UPDATE t SET note = 'x'", "UPDATE", {"predicate": "[]"}),
        (
            "UPDATE t SET note = 'x' WHERE t.id = 1 AND note IN ('a . b', 'a')",
            "UPDATE",
            {"predicate": "[\"(t.id = 1 AND note IN ('a . b', 'a'))\"]"},
        ),
        ("DELETE FROM t WHERE id = 1", "DELETE", {"predicate": '["(id = 1)"]'}),
        (
            "MERGE INTO t USING (SELECT 2 AS i) s ON t.id = s.i WHEN MATCHED THEN DELETE",
            "MERGE",
            {
                "predicate": '["(t.id = s.i)"]',
                "matchedPredicates": '[{"actionType":"delete"}]',
                "notMatchedPredicates": "[]",
                "notMatchedBySourcePredicates": "[]",
            },
        ),
        (
            "MERGE INTO t USING (SELECT 9 AS i) s ON t.id = s.i "
            "WHEN NOT MATCHED THEN INSERT (id) VALUES (s.i)",
            "MERGE",
            {
                "predicate": '["(t.id = s.i)"]',
                "matchedPredicates": "[]",
                "notMatchedPredicates": '[{"actionType":"insert"}]',
                "notMatchedBySourcePredicates": "[]",
            },
        ),
        (
            "ALTER TABLE t RENAME COLUMN note TO word",
            "RENAME COLUMN",
            {"oldColumnPath": "note", "newColumnPath": "word"},
        ),
        ("ALTER TABLE t DROP COLUMN note", "DROP COLUMNS", {"columns": '["note"]'}),
        (
            "ALTER TABLE t ALTER COLUMN note SET NOT NULL",
            "CHANGE COLUMN",
            {"column": '{"name":"note","type":"string","nullable":false,"metadata":{}}'},
        ),
        (
            "COMMENT ON COLUMN t.note IS 'word'",
            "CHANGE COLUMN",
            {
                "column": '{"name":"note","type":"string","nullable":true,'
                '"metadata":{"comment":"word"}}'
            },
        ),
        (
            "ALTER TABLE t ADD COLUMN n INT",
            "ADD COLUMNS",
            {
                "columns": '[{"column":{"name":"n","type":"integer","nullable":true,'
                '"metadata":{}}}]'
            },
        ),
        (
            "ALTER TABLE t ADD CONSTRAINT positive CHECK (id > 0)",
            "ADD CONSTRAINT",
            {"name": "positive", "expr": "id > 0"},
        ),
        (
            "ALTER TABLE t CLUSTER BY (note)",
            "CLUSTER BY",
            {"oldClusteringColumns": "id", "newClusteringColumns": "note"},
        ),
        ("COMMENT ON TABLE t IS 'x'", "SET TBLPROPERTIES", {"properties": '{"comment":"x"}'}),
    ],
)
def test_parameters_of_an_operation(table, statement, operation, parameters):
    table.run(statement)
    assert latest(table)[:2] == (operation, parameters)


def test_parameters_of_a_new_table(shell):
    shell.run(TABLE)
    operation, parameters, _ = latest(shell)
    properties = json.loads(parameters.pop("properties"))
    assert operation == "CREATE TABLE"
    assert properties["delta.columnMapping.mode"] == "name"
    assert parameters == {
        "isManaged": "true",
        "description": "things",
        "partitionBy": "[]",
        "clusterBy": '["id"]',
    }


def test_parameters_and_metrics_about_files(table):
    table.change("INSERT INTO t VALUES (3, 'c')")
    size = table.run("DESCRIBE DETAIL t")[0].sizeInBytes
    table.run("OPTIMIZE t")
    now = table.run("DESCRIBE DETAIL t")[0].sizeInBytes
    operation, parameters, metrics = latest(table)
    assert (operation, parameters["predicate"], parameters["zOrderBy"]) == ("OPTIMIZE", "[]", "[]")
    assert (metrics["numRemovedFiles"], metrics["numAddedFiles"]) == ("2", "1")
    assert (metrics["numRemovedBytes"], metrics["numAddedBytes"]) == (str(size), str(now))
    table.run("RESTORE t TO VERSION AS OF 2")
    operation, parameters, metrics = latest(table)
    assert (operation, parameters) == ("RESTORE", {"version": "2", "timestamp": None})
    assert metrics == {
        "tableSizeAfterRestore": str(size),
        "numOfFilesAfterRestore": "2",
        "numRemovedFiles": "1",
        "numRestoredFiles": "2",
        "removedFilesSize": str(now),
        "restoredFilesSize": str(size),
    }
    table.run("CREATE TABLE c CLONE t")
    operation, parameters, metrics = latest(table, "c")
    assert (operation, parameters["sourceVersion"], parameters["isShallow"]) == (
        "CLONE",
        "4",
        "false",
    )
    assert metrics == {
        "sourceTableSize": str(size),
        "sourceNumOfFiles": "2",
        "numRemovedFiles": "0",
        "numCopiedFiles": "2",
        "removedFilesSize": "0",
        "copiedFilesSize": str(size),
    }


def test_rows_of_a_clustered_table_are_sorted_by_its_columns_in_the_file(shell):
    shell.run("CREATE TABLE t (id STRING, N INT) CLUSTER BY (n)")
    for number in (3, 1, 2):
        shell.change(f"INSERT INTO t VALUES ('r', {number})")
    shell.run("OPTIMIZE t")
    assert [row.N for row in shell.run("SELECT N FROM t")] == [1, 2, 3]
    parameters = shell.run("DESCRIBE HISTORY t LIMIT 1")[0].operationParameters
    assert dict(parameters)["clusterBy"] == '["n"]'
    # Sorted rows are not sorted again until others are written, unless somebody asks for it.
    added = [shell.run(f"OPTIMIZE t{full}")[0].metrics["numFilesAdded"] for full in ("", " FULL")]
    shell.change("INSERT INTO t VALUES ('r', 0)")
    added.append(shell.run("OPTIMIZE t")[0].metrics["numFilesAdded"])
    assert added == [0, 1, 1]


def test_what_was_not_there_is_dropped_without_a_version(table):
    versions = len(table.run("DESCRIBE HISTORY t"))
    assert "UNRESOLVED_COLUMN" in table.error("ALTER TABLE t DROP COLUMN nothing")
    table.run("ALTER TABLE t DROP COLUMN IF EXISTS nothing")
    table.run("ALTER TABLE t DROP CONSTRAINT IF EXISTS nothing")
    assert len(table.run("DESCRIBE HISTORY t")) == versions
    table.run("ALTER TABLE t DROP COLUMNS IF EXISTS (nothing, note)")
    assert latest(table)[:2] == ("DROP COLUMNS", {"columns": '["note"]'})
