"""What users see of objects, privileges and statements that are not theirs."""

from __future__ import annotations

import pytest
from databricks.sql.exc import DatabaseError

from .conftest import ANN, BOB, assert_refused, let_in


def test_show_grants(cast):
    let_in(cast, ANN, "SELECT", "MODIFY")
    let_in(cast, BOB, "SELECT")
    cast.admin.run(f"GRANT SELECT ON CATALOG {cast.catalog} TO `{BOB}`")
    everything = [
        (ANN, "MODIFY", "TABLE", cast.table),
        (ANN, "SELECT", "TABLE", cast.table),
        (BOB, "SELECT", "TABLE", cast.table),
        (BOB, "SELECT", "CATALOG", cast.catalog),
    ]
    show = f"SHOW GRANTS ON TABLE {cast.table}"
    assert [tuple(row) for row in cast.admin.run(show)] == everything
    assert [tuple(row) for row in cast.ann.run(show)] == everything[:2]
    assert cast.ann.run(f"SHOW GRANTS `{BOB}` ON TABLE {cast.table}") == []
    assert [
        tuple(row) for row in cast.admin.run(f"SHOW GRANTS `{BOB}` ON TABLE {cast.table}")
    ] == everything[2:]


def test_what_one_may_not_use_does_not_show(server, cast):
    let_in(cast, ANN)
    secret = f"{cast.catalog}.secret"
    cast.admin.run(f"CREATE SCHEMA {secret}")
    cast.admin.run(f"CREATE TABLE {secret}.plans (a INT)")

    def shown() -> dict:
        info = f"FROM {cast.catalog}.information_schema"
        with cast.ann.connection.cursor() as cursor:
            calls = {
                "GetSchemas": [
                    r.TABLE_SCHEM for r in cursor.schemas(catalog_name=cast.catalog).fetchall()
                ],
                "GetTables": [
                    r.TABLE_NAME for r in cursor.tables(catalog_name=cast.catalog).fetchall()
                ],
                "GetColumns": [
                    r.COLUMN_NAME for r in cursor.columns(catalog_name=cast.catalog).fetchall()
                ],
            }
        return calls | {
            "SHOW SCHEMAS": [r[0] for r in cast.ann.run(f"SHOW SCHEMAS IN {cast.catalog}")],
            "SHOW TABLES": [r[1] for r in cast.ann.run(f"SHOW TABLES IN {cast.catalog}.default")],
            "schemata": [r[0] for r in cast.ann.run(f"SELECT schema_name {info}.schemata")],
            "tables": [r[0] for r in cast.ann.run(f"SELECT table_name {info}.tables")],
            "columns": [r[0] for r in cast.ann.run(f"SELECT column_name {info}.columns")],
        }

    assert shown() == {
        "GetSchemas": ["default"],
        "GetTables": [],
        "GetColumns": [],
        "SHOW SCHEMAS": ["default", "information_schema"],
        "SHOW TABLES": [],
        "schemata": ["default"],
        "tables": [],
        "columns": [],
    }
    for statement in (
        f"SHOW TABLES IN {secret}",
        f"DESCRIBE TABLE {secret}.plans",
        f"USE {secret}",
    ):
        assert_refused(cast.ann, statement, "USE SCHEMA", f"Schema '{secret}'")
    # The error does not reveal whether a table exists.
    for table in ("plans", "nothing"):
        assert_refused(
            cast.ann, f"SELECT nope FROM {secret}.{table}", "USE SCHEMA", f"Schema '{secret}'"
        )
    cast.admin.run(f"GRANT SELECT ON TABLE {cast.table} TO `{ANN}`")
    assert shown()["SHOW TABLES"] == shown()["GetTables"] == shown()["tables"] == ["t"]
    assert cast.catalog not in [r[0] for r in cast.bob.run("SHOW CATALOGS")]
    assert "USE CATALOG" in cast.bob.error(
        f"SELECT * FROM {cast.catalog}.information_schema.tables"
    )
    assert (
        cast.bob.value(
            f"SELECT count(*) FROM system.information_schema.tables WHERE table_catalog = '{cast.catalog}'"
        )
        == 0
    )
    with pytest.raises(DatabaseError, match="INSUFFICIENT_PERMISSIONS"):
        server.connect(token=f"dapi-{BOB}", catalog=cast.catalog)


def test_privileges_as_tables(cast):
    let_in(cast, ANN, "SELECT")
    let_in(cast, BOB)
    cast.admin.run(f"GRANT MODIFY ON SCHEMA {cast.catalog}.default TO `{BOB}`")
    query = (
        "SELECT grantor, grantee, table_name, privilege_type, is_grantable, inherited_from "
        f"FROM {cast.catalog}.information_schema.table_privileges ORDER BY grantee"
    )
    anns = ("developer@localhost", ANN, "t", "SELECT", "NO", "NONE")
    bobs = ("developer@localhost", BOB, "t", "MODIFY", "NO", "SCHEMA")
    assert [tuple(row) for row in cast.admin.run(query)] == [anns, bobs]
    assert [tuple(row) for row in cast.ann.run(query)] == [anns]
    for table, privileges in (
        ("schema_privileges", {(ANN, "USE SCHEMA"), (BOB, "USE SCHEMA"), (BOB, "MODIFY")}),
        ("catalog_privileges", {(ANN, "USE CATALOG"), (BOB, "USE CATALOG")}),
    ):
        found = cast.admin.run(
            f"SELECT grantee, privilege_type FROM {cast.catalog}.information_schema.{table}"
        )
        assert {tuple(row) for row in found} == privileges


def test_the_history_of_statements_is_ones_own(cast):
    cast.admin.run("SELECT 'a secret of the admin'")
    cast.ann.run("SELECT 'a secret of ann'")
    query = (
        "SELECT DISTINCT executed_by FROM system.query.history "
        "WHERE contains(statement_text, 'secret of') ORDER BY 1"
    )
    assert [row[0] for row in cast.ann.run(query)] == [ANN]
    assert [row[0] for row in cast.bob.run(query)] in ([], [BOB])
    assert {ANN, "developer@localhost"} <= {row[0] for row in cast.admin.run(query)}
