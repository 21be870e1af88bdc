"""An admin, Ann and Bob, and a table that only the admin may use at first."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from ..conftest import Server, Shell, shell_on

ANN, BOB = "ann@example.com", "bob@example.com"


def sign_up(server: Server, *users: str) -> None:
    for user in users:
        server.control("POST", "/tokens", token=f"dapi-{user}", user=user)


@pytest.fixture
def users(server) -> Iterator[SimpleNamespace]:
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


def grant_use(users: SimpleNamespace, user: str, *privileges: str) -> None:
    users.admin.run(f"GRANT USE CATALOG ON CATALOG {users.catalog} TO `{user}`")
    users.admin.run(f"GRANT USE SCHEMA ON SCHEMA {users.catalog}.default TO `{user}`")
    if privileges:
        users.admin.run(f"GRANT {', '.join(privileges)} ON TABLE {users.table} TO `{user}`")


def assert_refused(shell: Shell, statement: str, privilege: str, what: str) -> None:
    assert shell.error(statement) == (
        f"[INSUFFICIENT_PERMISSIONS] Insufficient privileges: User does not have {privilege} on "
        f"{what}. SQLSTATE: 42501"
    )
