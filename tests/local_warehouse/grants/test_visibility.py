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


def shown(user, catalog: str) -> dict[str, list[str]]:
    """What a user finds in a catalog: by the connector's calls, commands and queries."""
    info = f"FROM {catalog}.information_schema"
    with user.connection.cursor() as cursor:
        schemas = cursor.schemas(catalog_name=catalog).fetchall()
        tables = cursor.tables(catalog_name=catalog).fetchall()
        columns = cursor.columns(catalog_name=catalog).fetchall()
    return {
        "GetSchemas": [row.TABLE_SCHEM for row in schemas],
        "GetTables": [row.TABLE_NAME for row in tables],
        "GetColumns": [row.COLUMN_NAME for row in columns],
        "SHOW SCHEMAS": [row[0] for row in user.run(f"SHOW SCHEMAS IN {catalog}")],
        "SHOW TABLES": [row[1] for row in user.run(f"SHOW TABLES IN {catalog}.default")],
        "schemata": [row[0] for row in user.run(f"SELECT schema_name {info}.schemata")],
        "tables": [row[0] for row in user.run(f"SELECT table_name {info}.tables")],
        "columns": [row[0] for row in user.run(f"SELECT column_name {info}.columns")],
    }


def test_what_one_may_not_use_does_not_show(server, users):
    grant_use(users, ANN)
    secret = f"{users.catalog}.secret"
    users.admin.run(f"CREATE SCHEMA {secret}")
    users.admin.run(f"CREATE TABLE {secret}.plans (a INT)")

    assert shown(users.ann, users.catalog) == {
        "GetSchemas": ["default"],
        "GetTables": [],
        "GetColumns": [],
        "SHOW SCHEMAS": ["default", "information_schema"],
        "SHOW TABLES": [],
        "schemata": ["default"],
        "tables": [],
        "columns": [],
    }
    # The error does not reveal whether a table exists.
    queries = [f"SELECT nope FROM {secret}.{table}" for table in ("plans", "nothing")]
    commands = (f"SHOW TABLES IN {secret}", f"DESCRIBE TABLE {secret}.plans", f"USE {secret}")
    for statement in (*commands, *queries):
        assert_refused(users.ann, statement, "USE SCHEMA", f"Schema '{secret}'")
    users.admin.run(f"GRANT SELECT ON TABLE {users.table} TO `{ANN}`")
    seen = shown(users.ann, users.catalog)
    assert seen["SHOW TABLES"] == seen["GetTables"] == seen["tables"] == ["t"]
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
