"""Users see only some objects, privileges and statements of others."""

from __future__ import annotations

import pytest
from databricks.sql.exc import DatabaseError

from .conftest import ANN, BOB, assert_refused, grant_use


def test_show_grants_lists_what_was_granted(users):
    grant_use(users, ANN, "SELECT", "MODIFY")
    grant_use(users, BOB, "SELECT")
    users.admin.run(f"GRANT SELECT ON CATALOG {users.catalog} TO `{BOB}`")
    everything = [
        (ANN, "MODIFY", "TABLE", users.table),
        (ANN, "SELECT", "TABLE", users.table),
        (BOB, "SELECT", "TABLE", users.table),
        (BOB, "SELECT", "CATALOG", users.catalog),
    ]
    show = f"SHOW GRANTS ON TABLE {users.table}"
    assert [tuple(row) for row in users.admin.run(show)] == everything
    assert [tuple(row) for row in users.ann.run(show)] == everything[:2]
    assert users.ann.run(f"SHOW GRANTS `{BOB}` ON TABLE {users.table}") == []
    assert [
        tuple(row) for row in users.admin.run(f"SHOW GRANTS `{BOB}` ON TABLE {users.table}")
    ] == everything[2:]


def test_what_one_may_not_use_does_not_show(server, users):
    grant_use(users, ANN)
    secret = f"{users.catalog}.secret"
    users.admin.run(f"CREATE SCHEMA {secret}")
    users.admin.run(f"CREATE TABLE {secret}.plans (a INT)")

    def shown() -> dict:
        info = f"FROM {users.catalog}.information_schema"
        with users.ann.connection.cursor() as cursor:
            calls = {
                "GetSchemas": [
                    r.TABLE_SCHEM for r in cursor.schemas(catalog_name=users.catalog).fetchall()
                ],
                "GetTables": [
                    r.TABLE_NAME for r in cursor.tables(catalog_name=users.catalog).fetchall()
                ],
                "GetColumns": [
                    r.COLUMN_NAME for r in cursor.columns(catalog_name=users.catalog).fetchall()
                ],
            }
        return calls | {
            "SHOW SCHEMAS": [r[0] for r in users.ann.run(f"SHOW SCHEMAS IN {users.catalog}")],
            "SHOW TABLES": [
                r[1] for r in users.ann.run(f"SHOW TABLES IN {users.catalog}.default")
            ],
            "schemata": [r[0] for r in users.ann.run(f"SELECT schema_name {info}.schemata")],
            "tables": [r[0] for r in users.ann.run(f"SELECT table_name {info}.tables")],
            "columns": [r[0] for r in users.ann.run(f"SELECT column_name {info}.columns")],
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
        assert_refused(users.ann, statement, "USE SCHEMA", f"Schema '{secret}'")
    # The error does not reveal whether a table exists.
    for table in ("plans", "nothing"):
        assert_refused(
            users.ann, f"SELECT nope FROM {secret}.{table}", "USE SCHEMA", f"Schema '{secret}'"
        )
    users.admin.run(f"GRANT SELECT ON TABLE {users.table} TO `{ANN}`")
    assert shown()["SHOW TABLES"] == shown()["GetTables"] == shown()["tables"] == ["t"]
    assert users.catalog not in [r[0] for r in users.bob.run("SHOW CATALOGS")]
    assert "USE CATALOG" in users.bob.error(
        f"SELECT * FROM {users.catalog}.information_schema.tables"
    )
    assert (
        users.bob.value(
            f"SELECT count(*) FROM system.information_schema.tables WHERE table_catalog = '{users.catalog}'"
        )
        == 0
    )
    with pytest.raises(DatabaseError, match="INSUFFICIENT_PERMISSIONS"):
        server.connect(token=f"dapi-{BOB}", catalog=users.catalog)


def test_privileges_as_tables(users):
    grant_use(users, ANN, "SELECT")
    grant_use(users, BOB)
    users.admin.run(f"GRANT MODIFY ON SCHEMA {users.catalog}.default TO `{BOB}`")
    query = (
        "SELECT grantor, grantee, table_name, privilege_type, is_grantable, inherited_from "
        f"FROM {users.catalog}.information_schema.table_privileges ORDER BY grantee"
    )
    anns = ("developer@localhost", ANN, "t", "SELECT", "NO", "NONE")
    bobs = ("developer@localhost", BOB, "t", "MODIFY", "NO", "SCHEMA")
    assert [tuple(row) for row in users.admin.run(query)] == [anns, bobs]
    assert [tuple(row) for row in users.ann.run(query)] == [anns]
    for table, privileges in (
        ("schema_privileges", {(ANN, "USE SCHEMA"), (BOB, "USE SCHEMA"), (BOB, "MODIFY")}),
        ("catalog_privileges", {(ANN, "USE CATALOG"), (BOB, "USE CATALOG")}),
    ):
        found = users.admin.run(
            f"SELECT grantee, privilege_type FROM {users.catalog}.information_schema.{table}"
        )
        assert {tuple(row) for row in found} == privileges


def test_the_history_of_statements_is_ones_own(users):
    users.admin.run("SELECT 'a secret of the admin'")
    users.ann.run("SELECT 'a secret of ann'")
    query = (
        "SELECT DISTINCT executed_by FROM system.query.history "
        "WHERE contains(statement_text, 'secret of') ORDER BY 1"
    )
    assert [row[0] for row in users.ann.run(query)] == [ANN]
    assert [row[0] for row in users.bob.run(query)] in ([], [BOB])
    assert {ANN, "developer@localhost"} <= {row[0] for row in users.admin.run(query)}
