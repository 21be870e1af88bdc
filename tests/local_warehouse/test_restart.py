"""What a warehouse has kept when it is started again, in a folder of any name.

Each test has tables of its own; all share one restart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from .change_feed.conftest import FEED, changes
from .conftest import Server, Shell, shell_on
from .grants.conftest import ANN, sign_up
from .test_sign_in import sdk_config

# Catalog, schema, tables of any kind; and each test's own.
BEFORE = [
    # test_all_data_survive
    "CREATE CATALOG c COMMENT 'kept'",
    "CREATE TABLE c.default.t (id STRING NOT NULL, n INT)",
    "ALTER TABLE c.default.t ADD CONSTRAINT positive CHECK (n > 0)",
    "INSERT INTO c.default.t VALUES ('a', 1)",
    "UPDATE c.default.t SET id = 'b'",
    "CREATE TABLE copy DEEP CLONE c.default.t",
    "CREATE TABLE renamed (a INT, b INT DEFAULT 5) TBLPROPERTIES ("
    "'delta.columnMapping.mode' = 'name', 'delta.feature.allowColumnDefaults' = 'supported')",
    "INSERT INTO renamed (a) VALUES (1)",
    "ALTER TABLE renamed RENAME COLUMN b TO c",
    "ALTER TABLE renamed RENAME TO u",
    # test_changes_survive
    f"CREATE TABLE t (id STRING, n INT) {FEED}",
    "INSERT INTO t VALUES ('a', 1)",
    # test_policies_survive
    "CREATE TABLE protected (id STRING, note STRING)",
    "INSERT INTO protected VALUES ('a', 'x'), ('b', 'y')",
    "CREATE FUNCTION only_a(id STRING) RETURNS BOOLEAN RETURN id = 'a'",
    "CREATE FUNCTION stars(note STRING) RETURNS STRING RETURN '***'",
    "ALTER TABLE protected SET ROW FILTER only_a ON (id)",
    "ALTER TABLE protected ALTER COLUMN note SET MASK stars",
    # test_grants_survive
    "CREATE TABLE granted (a INT)",
    f"GRANT SELECT ON TABLE granted TO `{ANN}`",
]


@dataclass
class Restarted:
    """A server that was started again, a shell on it, and what its predecessor knew."""

    server: Server
    shell: Shell
    issued_token: str
    changes: list[tuple]


@pytest.fixture(scope="module")
def restarted(tmp_path_factory) -> Iterator[Restarted]:
    data = tmp_path_factory.mktemp("restart") / "Müller & Söhne (it's 100%)"
    first = Server(data)
    sign_up(first, ANN)
    first.control("POST", "/principals", client_id="app", secrets=["s"])
    issued_token = sdk_config(first, "app", "s").oauth_token().access_token
    with shell_on(first) as shell:
        for statement in BEFORE:
            shell.run(statement)
        assert shell.value("SELECT id FROM c.default.t VERSION AS OF 2") == "a"
        assert shell.value("SELECT count(*) FROM system.query.history") > 0
        before = changes(shell)
    assert len(list((data / "tables").iterdir())) == 6
    assert first.stop() == 0
    assert not (data / "server.json").exists()
    second = Server(data)
    with shell_on(second) as shell:
        yield Restarted(second, shell, issued_token, before)
    second.kill()


def test_all_data_survive(restarted):
    shell = restarted.shell
    assert tuple(shell.run("SELECT * FROM c.default.t")[0]) == ("b", 1)
    assert "positive" in shell.error("UPDATE c.default.t SET n = 0")
    assert len(shell.run("DESCRIBE HISTORY c.default.t")) == 4
    shell.change("INSERT INTO copy VALUES ('d', 2)")
    assert [row.id for row in shell.run("SELECT id FROM copy ORDER BY id")] == ["b", "d"]
    shell.change("INSERT INTO u (a) VALUES (2)")
    found = shell.run("SELECT a, c FROM u ORDER BY a")
    assert [tuple(row) for row in found] == [(1, 5), (2, 5)]


def test_changes_survive(restarted):
    assert restarted.changes
    assert changes(restarted.shell) == restarted.changes
    restarted.shell.change("INSERT INTO t VALUES ('b', 2)")
    assert [row[2] for row in changes(restarted.shell)] == ["a", "b"]


def test_policies_survive(restarted):
    found = restarted.shell.run("SELECT * FROM protected")
    assert [tuple(row) for row in found] == [("a", "***")]


def test_grants_survive(restarted):
    with shell_on(restarted.server, token=f"dapi-{ANN}") as ann:
        assert ann.run("SELECT * FROM granted") == []
        assert "SELECT on Table" in ann.error("SELECT * FROM u")


def test_issued_tokens_survive(restarted):
    with shell_on(restarted.server, token=restarted.issued_token) as shell:
        assert shell.value("SELECT current_user()") == "app"
