"""Privileges: who may do what, the errors, and the objects that others cannot see."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from databricks.sql.exc import DatabaseError

from ..conftest import Server, Shell, shell_on

ANN, BOB = "ann@example.com", "bob@example.com"


def sign_up(server: Server, *users: str) -> None:
    for user in users:
        server.control("POST", "/tokens", token=f"dapi-{user}", user=user)


@pytest.fixture
def cast(server) -> Iterator[SimpleNamespace]:
    """An admin, Ann and Bob, and the admin's table ``t`` of three rows in a catalog of its own."""
    name = f"grants{time.monotonic_ns()}"
    sign_up(server, ANN, BOB)
    with ExitStack() as stack:
        admin = stack.enter_context(shell_on(server))
        admin.run(f"CREATE CATALOG {name}")
        table = f"{name}.default.t"
        admin.run(f"CREATE TABLE {table} (id STRING, n INT)")
        admin.change(f"INSERT INTO {table} VALUES ('a', 1), ('b', 2), ('c', 3)")
        ann = stack.enter_context(shell_on(server, token=f"dapi-{ANN}"))
        bob = stack.enter_context(shell_on(server, token=f"dapi-{BOB}"))
        yield SimpleNamespace(admin=admin, ann=ann, bob=bob, catalog=name, table=table)
        admin.run(f"DROP CATALOG {name} CASCADE")


def let_in(cast: SimpleNamespace, user: str, *privileges: str) -> None:
    cast.admin.run(f"GRANT USE CATALOG ON CATALOG {cast.catalog} TO `{user}`")
    cast.admin.run(f"GRANT USE SCHEMA ON SCHEMA {cast.catalog}.default TO `{user}`")
    if privileges:
        cast.admin.run(f"GRANT {', '.join(privileges)} ON TABLE {cast.table} TO `{user}`")


def assert_refused(shell: Shell, statement: str, privilege: str, what: str) -> None:
    assert shell.error(statement) == (
        f"[INSUFFICIENT_PERMISSIONS] Insufficient privileges: User does not have {privilege} on "
        f"{what}. SQLSTATE: 42501"
    )


def test_reading_needs_the_catalog_the_schema_and_the_table(cast):
    read = f"SELECT count(*) FROM {cast.table}"
    assert_refused(cast.ann, read, "USE CATALOG", f"Catalog '{cast.catalog}'")
    cast.admin.run(f"GRANT USE CATALOG ON CATALOG {cast.catalog} TO `{ANN}`")
    assert_refused(cast.ann, read, "USE SCHEMA", f"Schema '{cast.catalog}.default'")
    cast.admin.run(f"GRANT USE SCHEMA ON SCHEMA {cast.catalog}.default TO `{ANN}`")
    assert_refused(cast.ann, read, "SELECT", f"Table '{cast.table}'")
    cast.admin.run(f"GRANT SELECT ON TABLE {cast.table} TO `{ANN}`")
    assert cast.ann.value(read) == 3
    assert_refused(cast.bob, read, "USE CATALOG", f"Catalog '{cast.catalog}'")


def test_what_a_table_was_takes_the_same_as_what_it_is(cast):
    feed = "ALTER TABLE {} SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')"
    cast.admin.run(feed.format(cast.table))
    let_in(cast, ANN)
    for read in (
        f"SELECT * FROM table_changes('{cast.table}', 2)",
        f"SELECT * FROM {cast.table} VERSION AS OF 1",
        f"DESCRIBE HISTORY {cast.table}",
        f"CREATE TABLE mine DEEP CLONE {cast.table}",
    ):
        assert_refused(cast.ann, read, "SELECT", f"Table '{cast.table}'")
    let_in(cast, ANN, "SELECT")
    assert cast.ann.run(f"SELECT * FROM table_changes('{cast.table}', 2)") == []
    assert_refused(
        cast.ann,
        f"RESTORE TABLE {cast.table} TO VERSION AS OF 1",
        "MODIFY",
        f"Table '{cast.table}'",
    )


@pytest.mark.parametrize(
    "where", ["TABLE {table}", "SCHEMA {catalog}.default", "CATALOG {catalog}"]
)
@pytest.mark.parametrize("privilege", ["SELECT", "ALL PRIVILEGES"])
def test_privileges_are_inherited_downwards(cast, where, privilege):
    let_in(cast, ANN)
    cast.admin.run(f"GRANT {privilege} ON {where.format(**vars(cast))} TO `{ANN}`")
    assert cast.ann.value(f"SELECT sum(n) FROM {cast.table}") == 6


def test_one_users_statement_is_no_key_for_another(cast):
    """A statement that was prepared for a user with the privilege."""
    let_in(cast, ANN, "SELECT")
    let_in(cast, BOB)
    read = f"SELECT * FROM {cast.table} ORDER BY id"
    assert len(cast.admin.run(read)) == len(cast.ann.run(read)) == 3
    assert_refused(cast.bob, read, "SELECT", f"Table '{cast.table}'")
    write = f"UPDATE {cast.table} SET n = n WHERE id = 'a'"
    assert cast.admin.change(write) == 1
    assert_refused(cast.bob, write, "MODIFY", f"Table '{cast.table}'")
    assert_refused(cast.ann, write, "MODIFY", f"Table '{cast.table}'")


def test_revoking_takes_effect_at_once(cast):
    let_in(cast, ANN, "SELECT")
    read = f"SELECT count(*) FROM {cast.table}"
    assert cast.ann.value(read) == 3
    cast.admin.run(f"REVOKE SELECT ON TABLE {cast.table} FROM `{ANN}`")
    assert_refused(cast.ann, read, "SELECT", f"Table '{cast.table}'")


def test_groups_and_their_members(server, cast):
    server.control("POST", "/groups", group="readers", members=[ANN])
    let_in(cast, "readers", "SELECT")
    read = f"SELECT count(*) FROM {cast.table}"
    assert cast.ann.value(read) == 3
    assert "USE CATALOG" in cast.bob.error(read)
    server.control("POST", "/groups", group="readers", members=[])
    assert "USE CATALOG" in cast.ann.error(read)
    let_in(cast, "account users", "SELECT")
    assert cast.bob.value(read) == 3


def test_an_admin_is_one_only_as_long_as_a_token_says_so(server, cast):
    read = f"SELECT count(*) FROM {cast.table}"
    server.control("POST", "/tokens", token=f"dapi-{ANN}", user=ANN, admin=True)
    assert cast.ann.value(read) == 3
    server.control("POST", "/tokens", token=f"dapi-{ANN}", user=ANN)
    assert "USE CATALOG" in cast.ann.error(read)


@pytest.mark.parametrize(
    ("statement", "privilege"),
    [
        ("INSERT INTO {table} VALUES ('x', 1)", "MODIFY"),
        ("UPDATE {table} SET n = 0", "MODIFY"),
        ("DELETE FROM {table}", "MODIFY"),
        ("MERGE INTO {table} t USING (SELECT 'q' AS id) s ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)", "MODIFY"),
        ("ALTER TABLE {table} ADD COLUMN x INT", "MANAGE"),
        ("COMMENT ON TABLE {table} IS 'mine'", "MANAGE"),
        ("DROP TABLE {table}", "MANAGE"),
        ("DROP TABLE IF EXISTS {table}", "MANAGE"),
        ("GRANT MODIFY ON TABLE {table} TO `ann@example.com`", "MANAGE"),
        ("REVOKE SELECT ON TABLE {table} FROM `ann@example.com`", "MANAGE"),
        ("DROP SCHEMA {catalog}.default CASCADE", "MANAGE"),
        ("DROP CATALOG {catalog} CASCADE", "MANAGE"),
        ("CREATE TABLE {catalog}.default.mine (a INT)", "CREATE TABLE"),
        ("CREATE SCHEMA {catalog}.mine", "CREATE SCHEMA"),
        ("CREATE SCHEMA IF NOT EXISTS {catalog}.default", "CREATE SCHEMA"),
        ("CREATE CATALOG {catalog}x", "CREATE CATALOG"),
    ],
)  # fmt: skip
def test_reading_does_not_mean_changing(cast, statement, privilege):
    let_in(cast, ANN, "SELECT")
    error = cast.ann.error(statement.format(**vars(cast)))
    assert error.startswith("[INSUFFICIENT_PERMISSIONS]")
    assert f"does not have {privilege} on" in error
    assert cast.admin.value(f"SELECT sum(n) FROM {cast.table}") == 6


def test_changing_does_not_mean_reading(cast):
    let_in(cast, ANN, "MODIFY")
    assert cast.ann.change(f"INSERT INTO {cast.table} VALUES ('d', 4)") == 1
    for statement in (
        f"SELECT * FROM {cast.table}",
        f"UPDATE {cast.table} SET n = 0 WHERE n = 1",
        f"DELETE FROM {cast.table} WHERE n = 1",
        f"INSERT INTO {cast.table} SELECT * FROM {cast.table}",
        f"DESCRIBE HISTORY {cast.table}",
    ):
        assert_refused(cast.ann, statement, "SELECT", f"Table '{cast.table}'")
    assert cast.ann.change(f"DELETE FROM {cast.table}") == 4


def test_owners_may_everything_with_what_is_theirs(cast):
    let_in(cast, ANN)
    let_in(cast, BOB)
    cast.admin.run(f"GRANT CREATE SCHEMA ON CATALOG {cast.catalog} TO `{ANN}`")
    mine = f"{cast.catalog}.anns"
    cast.ann.run(f"CREATE SCHEMA {mine}")
    cast.ann.run(f"CREATE TABLE {mine}.notes (a INT)")
    cast.ann.run(f"GRANT USE SCHEMA, SELECT ON SCHEMA {mine} TO `{BOB}`")
    assert cast.bob.run(f"SELECT * FROM {mine}.notes") == []
    assert_refused(
        cast.bob,
        f"GRANT SELECT ON TABLE {mine}.notes TO `{BOB}`",
        "MANAGE",
        f"Table '{mine}.notes'",
    )
    cast.ann.run(f"GRANT MANAGE ON TABLE {mine}.notes TO `{BOB}`")
    cast.bob.run(f"COMMENT ON TABLE {mine}.notes IS 'managed'")
    assert_refused(
        cast.bob, f"INSERT INTO {mine}.notes VALUES (1)", "MODIFY", f"Table '{mine}.notes'"
    )
    cast.ann.run(f"DROP SCHEMA {mine} CASCADE")


def test_creating_catalogs_can_be_granted(cast):
    cast.admin.run(f"GRANT CREATE CATALOG ON METASTORE TO `{ANN}`")
    cast.ann.run(f"CREATE CATALOG {cast.catalog}_ann")
    cast.ann.run(f"DROP CATALOG {cast.catalog}_ann")
    cast.admin.run(f"REVOKE CREATE CATALOG ON METASTORE FROM `{ANN}`")
    assert "CREATE CATALOG" in cast.ann.error(f"CREATE CATALOG {cast.catalog}_ann")


def test_everybody_has_a_place_for_a_first_table(cast):
    cast.ann.run("CREATE TABLE workspace.default.of_ann (a INT)")
    cast.ann.run("DROP TABLE workspace.default.of_ann")
    assert "CREATE SCHEMA" in cast.ann.error("CREATE SCHEMA workspace.of_ann")


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("GRANT USE CATALOG ON TABLE {table} TO `ann@example.com`", "INVALID_PARAMETER_VALUE"),
        ("GRANT FLY ON TABLE {table} TO `ann@example.com`", "INVALID_PARAMETER_VALUE"),
        ("GRANT SELECT ON TABLE {table}x TO `ann@example.com`", "TABLE_OR_VIEW_NOT_FOUND"),
        ("GRANT SELECT ON TABLE {table} `ann@example.com`", "PARSE_SYNTAX_ERROR"),
    ],
)
def test_grants_that_make_no_sense(cast, statement, error):
    assert cast.admin.error(statement.format(**vars(cast))).startswith(f"[{error}]")


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


def test_joins_and_subqueries_need_every_table(cast):
    let_in(cast, ANN, "SELECT")
    cast.admin.run(f"CREATE TABLE {cast.catalog}.default.other (id STRING, n INT)")
    other = f"{cast.catalog}.default.other"
    for statement in (
        f"SELECT * FROM {cast.table} t JOIN {other} o ON t.id = o.id",
        f"SELECT * FROM {cast.table} WHERE id IN (SELECT id FROM {other})",
        f"SELECT (SELECT count(*) FROM {other}) AS n",
        f"WITH x AS (SELECT * FROM {other}) SELECT * FROM x",
        f"SELECT id FROM {cast.table} UNION ALL SELECT id FROM {other}",
        f"SELECT * FROM {other} VERSION AS OF 0",
    ):
        assert_refused(cast.ann, statement, "SELECT", f"Table '{other}'")


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


def test_a_workspace_without_unity_catalog(start):
    server = start()
    with shell_on(server) as shell:
        assert shell.value("SELECT current_metastore()")
        shell.run("CREATE TABLE workspace.default.t (a INT)")
        assert shell.run("SELECT * FROM workspace.default.t") == []
        server.control("POST", "/warehouse", unity_catalog=False)
        for statement in (
            "SELECT * FROM workspace.default.t",
            "SELECT current_metastore()",
            "USE CATALOG workspace",
            "CREATE CATALOG c",
            "DROP TABLE workspace.default.t",
        ):
            error = shell.error(statement)
            assert error.startswith("[UC_NOT_ENABLED]"), statement
            assert error.endswith("SQLSTATE: 0AKUD")
        assert shell.run("SELECT * FROM default.t") == []


def test_grants_survive_a_restart_and_older_files_are_read(start, tmp_path):
    server = start()
    sign_up(server, ANN)
    with shell_on(server) as shell:
        shell.run("CREATE TABLE workspace.default.t (a INT)")
        shell.run(f"GRANT SELECT ON TABLE workspace.default.t TO `{ANN}`")
    server.stop()
    server = start()
    with shell_on(server, token=f"dapi-{ANN}") as ann:
        assert ann.run("SELECT * FROM workspace.default.t") == []
    server.stop()
    file = tmp_path / "data" / "catalog.json"
    content = json.loads(file.read_text())["catalogs"]
    for entry in content.values():
        del entry["grants"]
        for schema in entry["schemas"].values():
            del schema["grants"], schema["functions"]
            for table in schema["tables"].values():
                del table["grants"]
    file.write_text(json.dumps(content))
    (tmp_path / "data" / "tokens.json").write_text(
        json.dumps(
            {
                "dapi-local-developer": {"user": "developer@localhost", "warehouse": True},
                "dapi-ann": {"user": ANN},
            }
        )
    )
    server = start()
    with shell_on(server, token="dapi-ann") as ann, shell_on(server) as developer:
        assert "SELECT on Table" in ann.error("SELECT * FROM workspace.default.t")
        developer.run("CREATE CATALOG admins_may")
        ann.run("CREATE TABLE workspace.default.mine (a INT)")
