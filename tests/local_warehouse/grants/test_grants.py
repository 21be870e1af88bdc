"""GRANT and REVOKE to users and groups, ownership, and privileges after a restart."""

from __future__ import annotations

import json

import pytest

from ..conftest import shell_on
from .conftest import ANN, BOB, assert_refused, let_in, sign_up


@pytest.mark.parametrize(
    "where", ["TABLE {table}", "SCHEMA {catalog}.default", "CATALOG {catalog}"]
)
@pytest.mark.parametrize("privilege", ["SELECT", "ALL PRIVILEGES"])
def test_privileges_are_inherited_downwards(cast, where, privilege):
    let_in(cast, ANN)
    cast.admin.run(f"GRANT {privilege} ON {where.format(**vars(cast))} TO `{ANN}`")
    assert cast.ann.value(f"SELECT sum(n) FROM {cast.table}") == 6


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
