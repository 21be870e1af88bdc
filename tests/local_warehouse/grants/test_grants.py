"""GRANT and REVOKE to users and groups, ownership, and the files of older versions."""

from __future__ import annotations

import json
import time

import pytest

from local_warehouse.catalog.catalog import Catalog
from local_warehouse.catalog.identity import DEVELOPER, Identities
from local_warehouse.catalog.objects import Column, Table
from local_warehouse.catalog.privileges import Access
from local_warehouse.catalog.securables import METASTORE, schema_securable, securable_of
from local_warehouse.errors import SqlError

from ..conftest import shell_on
from .conftest import ANN, BOB, assert_refused, grant_use


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


def test_a_workspace_without_unity_catalog(server):
    name = f"t{time.monotonic_ns()}"
    table = f"workspace.default.{name}"
    with shell_on(server) as shell:
        assert shell.value("SELECT current_metastore()")
        shell.run(f"CREATE TABLE {table} (a INT)")
        assert shell.run(f"SELECT * FROM {table}") == []
        server.control("POST", "/warehouse", unity_catalog=False)
        try:
            for statement in (
                f"SELECT * FROM {table}",
                "SELECT current_metastore()",
                "USE CATALOG workspace",
                "CREATE CATALOG c",
                f"DROP TABLE {table}",
            ):
                error = shell.error(statement)
                assert error.startswith("[UC_NOT_ENABLED]"), statement
                assert error.endswith("SQLSTATE: 0AKUD")
            assert shell.run(f"SELECT * FROM default.{name}") == []
        finally:
            server.control("POST", "/warehouse", unity_catalog=True)
            shell.run(f"DROP TABLE {table}")


def test_older_files_are_read(tmp_path):
    """They know neither grants nor functions, nor who is an admin."""
    table = Table("workspace", "default", "t", [Column("a", "INT")], DEVELOPER)
    Catalog(tmp_path).add_table(table)
    file = tmp_path / "catalog.json"
    content = json.loads(file.read_text())["catalogs"]
    for entry in content.values():
        del entry["grants"]
        for schema in entry["schemas"].values():
            del schema["grants"], schema["functions"]
            for described in schema["tables"].values():
                del described["grants"]
    file.write_text(json.dumps(content))
    tokens = {
        "dapi-local-developer": {"user": DEVELOPER, "warehouse": True},
        "dapi-ann": {"user": ANN},
    }
    (tmp_path / "tokens.json").write_text(json.dumps(tokens))
    catalog, identities = Catalog(tmp_path), Identities(tmp_path)
    assert identities.sign_in("Bearer dapi-ann").user == ANN
    ann, developer = (Access(catalog, identities, user) for user in (ANN, DEVELOPER))
    with pytest.raises(SqlError, match="SELECT on Table"):
        ann.require("SELECT", securable_of(table))
    ann.require("CREATE TABLE", schema_securable("workspace", "default"))
    developer.require("CREATE CATALOG", METASTORE)
