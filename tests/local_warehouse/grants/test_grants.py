"""GRANT and REVOKE to users and groups, ownership, and privileges after a restart."""

from __future__ import annotations

import json

import pytest

from ..conftest import shell_on
from .conftest import ANN, BOB, assert_refused, grant_use, sign_up


@pytest.mark.parametrize(
    "where", ["TABLE {table}", "SCHEMA {catalog}.default", "CATALOG {catalog}"]
)
@pytest.mark.parametrize("privilege", ["SELECT", "ALL PRIVILEGES"])
def test_privileges_are_inherited_downwards(users, where, privilege):
    grant_use(users, ANN)
    users.admin.run(f"GRANT {privilege} ON {where.format(**vars(users))} TO `{ANN}`")
    assert users.ann.value(f"SELECT sum(n) FROM {users.table}") == 6


def test_revoking_takes_effect_at_once(users):
    grant_use(users, ANN, "SELECT")
    read = f"SELECT count(*) FROM {users.table}"
    assert users.ann.value(read) == 3
    users.admin.run(f"REVOKE SELECT ON TABLE {users.table} FROM `{ANN}`")
    assert_refused(users.ann, read, "SELECT", f"Table '{users.table}'")


def test_groups_and_their_members(server, users):
    server.control("POST", "/groups", group="readers", members=[ANN])
    grant_use(users, "readers", "SELECT")
    read = f"SELECT count(*) FROM {users.table}"
    assert users.ann.value(read) == 3
    assert "USE CATALOG" in users.bob.error(read)
    server.control("POST", "/groups", group="readers", members=[])
    assert "USE CATALOG" in users.ann.error(read)
    grant_use(users, "account users", "SELECT")
    assert users.bob.value(read) == 3


def test_an_admin_is_one_only_as_long_as_a_token_says_so(server, users):
    read = f"SELECT count(*) FROM {users.table}"
    server.control("POST", "/tokens", token=f"dapi-{ANN}", user=ANN, admin=True)
    assert users.ann.value(read) == 3
    server.control("POST", "/tokens", token=f"dapi-{ANN}", user=ANN)
    assert "USE CATALOG" in users.ann.error(read)


def test_owners_may_everything_with_what_is_theirs(users):
    grant_use(users, ANN)
    grant_use(users, BOB)
    users.admin.run(f"GRANT CREATE SCHEMA ON CATALOG {users.catalog} TO `{ANN}`")
    mine = f"{users.catalog}.anns"
    users.ann.run(f"CREATE SCHEMA {mine}")
    users.ann.run(f"CREATE TABLE {mine}.notes (a INT)")
    users.ann.run(f"GRANT USE SCHEMA, SELECT ON SCHEMA {mine} TO `{BOB}`")
    assert users.bob.run(f"SELECT * FROM {mine}.notes") == []
    assert_refused(
        users.bob,
        f"GRANT SELECT ON TABLE {mine}.notes TO `{BOB}`",
        "MANAGE",
        f"Table '{mine}.notes'",
    )
    users.ann.run(f"GRANT MANAGE ON TABLE {mine}.notes TO `{BOB}`")
    users.bob.run(f"COMMENT ON TABLE {mine}.notes IS 'managed'")
    assert_refused(
        users.bob, f"INSERT INTO {mine}.notes VALUES (1)", "MODIFY", f"Table '{mine}.notes'"
    )
    users.ann.run(f"DROP SCHEMA {mine} CASCADE")


def test_creating_catalogs_can_be_granted(users):
    users.admin.run(f"GRANT CREATE CATALOG ON METASTORE TO `{ANN}`")
    users.ann.run(f"CREATE CATALOG {users.catalog}_ann")
    users.ann.run(f"DROP CATALOG {users.catalog}_ann")
    users.admin.run(f"REVOKE CREATE CATALOG ON METASTORE FROM `{ANN}`")
    assert "CREATE CATALOG" in users.ann.error(f"CREATE CATALOG {users.catalog}_ann")


def test_everybody_has_a_place_for_a_first_table(users):
    users.ann.run("CREATE TABLE workspace.default.of_ann (a INT)")
    users.ann.run("DROP TABLE workspace.default.of_ann")
    assert "CREATE SCHEMA" in users.ann.error("CREATE SCHEMA workspace.of_ann")


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("GRANT USE CATALOG ON TABLE {table} TO `ann@example.com`", "INVALID_PARAMETER_VALUE"),
        ("GRANT FLY ON TABLE {table} TO `ann@example.com`", "INVALID_PARAMETER_VALUE"),
        ("GRANT SELECT ON TABLE {table}x TO `ann@example.com`", "TABLE_OR_VIEW_NOT_FOUND"),
        ("GRANT SELECT ON TABLE {table} `ann@example.com`", "PARSE_SYNTAX_ERROR"),
    ],
)
def test_grants_that_make_no_sense(users, statement, error):
    assert users.admin.error(statement.format(**vars(users))).startswith(f"[{error}]")


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
