"""A table of three rows with a row filter, a column mask or both, for an admin, Ann and Bob."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from ..conftest import shell_on

ANN, BOB = "ann@example.com", "bob@example.com"


@pytest.fixture
def users(server) -> Iterator[SimpleNamespace]:
    """Ann and Bob see their own rows, and the note of row 1 only; the admin sees all."""
    catalog = f"policies{time.monotonic_ns()}"
    with ExitStack() as stack:
        admin = stack.enter_context(shell_on(server))
        admin.run(f"CREATE CATALOG {catalog}")
        admin.run(f"USE CATALOG {catalog}")
        admin.run("CREATE TABLE t (id STRING NOT NULL, n INT, note STRING)")
        admin.change(
            "INSERT INTO t VALUES ('a1', 1, 'one'), ('a2', 2, 'two'), ('b1', 3, 'hidden three')"
        )
        admin.run(
            "CREATE FUNCTION mine(id STRING) RETURNS BOOLEAN RETURN CASE current_user() "
            f"WHEN '{ANN}' THEN startswith(id, 'a') WHEN '{BOB}' THEN startswith(id, 'b') "
            "ELSE true END"
        )
        admin.run(
            "CREATE FUNCTION veil(note STRING, n INT) RETURNS STRING RETURN "
            "CASE WHEN n = 1 OR is_account_group_member('unveiled') THEN note ELSE '***' END"
        )
        for user in (ANN, BOB):
            server.control("POST", "/tokens", token=f"dapi-{user}", user=user)
            admin.run(f"GRANT USE CATALOG ON CATALOG {catalog} TO `{user}`")
            admin.run(f"GRANT USE SCHEMA, SELECT, MODIFY ON SCHEMA {catalog}.default TO `{user}`")
        server.control("POST", "/groups", group="unveiled", members=["developer@localhost"])
        as_user = {
            user: stack.enter_context(
                shell_on(server, token=f"dapi-{user}", catalog=catalog, schema="default")
            )
            for user in (ANN, BOB)
        }
        yield SimpleNamespace(
            admin=admin, ann=as_user[ANN], bob=as_user[BOB], catalog=catalog, server=server
        )
        admin.run(f"DROP CATALOG {catalog} CASCADE")


@pytest.fixture
def filtered(users) -> SimpleNamespace:
    users.admin.run("ALTER TABLE t SET ROW FILTER mine ON (id)")
    return users


@pytest.fixture
def masked(users) -> SimpleNamespace:
    users.admin.run("ALTER TABLE t ALTER COLUMN note SET MASK veil USING COLUMNS (n)")
    return users


@pytest.fixture
def both(filtered, masked) -> SimpleNamespace:
    return filtered


def everything(users) -> list[tuple]:
    """Return the whole table, as the admin sees it."""
    return [tuple(row) for row in users.admin.run("SELECT * FROM t ORDER BY id")]
