"""Connections of many people are bounded, close with their token, and are never shared."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from crm.model.namespace import Namespace
from crm.warehouse.credentials import UserToken
from crm.warehouse.errors import PoolExhausted, SignInAgain
from crm.warehouse.pool import Pools
from crm.warehouse.statements import Warehouse
from tests.patience import seconds

from .conftest import ALICE, BOB, Workspace


@pytest.fixture
def pools(workspace: Workspace) -> Iterator[Pools]:
    made = Pools(workspace.config(auth="user", pool_size=3, pool_total=4, pool_timeout=1))
    yield made
    made.dispose()


def identity(
    workspace: Workspace, email: str, seconds: float = 3600, **attributes: Any
) -> UserToken:
    return UserToken(email, workspace.token(email, **attributes), time.time() + seconds)


def session(pools: Pools, who: UserToken) -> str:
    with pools.connection(who) as connection:
        connection.cursor().close()
        return connection.connection.get_session_id_hex()


def whoami(pools: Pools, who: UserToken) -> str:
    wh = Warehouse(pools, who, Namespace(), who.name)
    return wh.query("SELECT current_user() AS me")[0]["me"]


def test_many_people_never_more_than_the_total(pools: Pools, workspace: Workspace) -> None:
    people = [identity(workspace, f"p{number}@example.com") for number in range(12)]
    most = [0]
    wrong: list[str] = []

    def work(who: UserToken) -> None:
        for _ in range(5):
            if whoami(pools, who) != who.name:
                wrong.append(who.name)
            most[0] = max(most[0], pools.open)

    pools.config.__dict__["pool_timeout"] = 30
    threads = [threading.Thread(target=work, args=(who,)) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert 0 < most[0] <= 4
    assert pools.open <= 4


def test_the_longest_unused_make_room(pools: Pools, workspace: Workspace) -> None:
    people = [identity(workspace, f"q{number}@example.com") for number in range(5)]
    sessions = [session(pools, who) for who in people[:4]]
    assert session(pools, people[0]) == sessions[0]
    session(pools, people[4])
    assert session(pools, people[0]) == sessions[0]
    assert pools.open == 4
    assert session(pools, people[1]) != sessions[1]


def test_when_all_are_busy_the_next_one_waits_and_then_gives_up(
    pools: Pools, workspace: Workspace
) -> None:
    alice, bob = identity(workspace, ALICE), identity(workspace, BOB)
    carol = identity(workspace, "carol@example.com")
    with (
        pools.connection(alice),
        pools.connection(alice),
        pools.connection(bob),
        pools.connection(bob),
    ):
        with pytest.raises(PoolExhausted, match="all 4 connections"):
            session(pools, carol)
        threading.Timer(0.2, lambda: pools.dispose()).start()
    assert session(pools, carol)
    assert pools.open <= 4


def test_who_waits_gets_room_when_a_connection_comes_back(
    pools: Pools, workspace: Workspace
) -> None:
    alice, bob = identity(workspace, ALICE), identity(workspace, BOB)
    got: list[str] = []
    with pools.connection(alice), pools.connection(alice), pools.connection(alice):
        with pools.connection(bob):
            carol = identity(workspace, "carol@example.com")
            waiting = threading.Thread(target=lambda: got.append(whoami(pools, carol)))
            waiting.start()
            time.sleep(0.2)
            assert not got
        waiting.join()
    assert got == ["carol@example.com"]


def test_a_failed_sign_in_takes_no_room(pools: Pools) -> None:
    nobody = UserToken(ALICE, "dapi-wrong", time.time() + 60)
    for _ in range(6):
        with pytest.raises(SignInAgain):
            whoami(pools, nobody)
    assert pools.open == 0


def test_connections_close_when_the_token_ends_and_nobody_asks(
    pools: Pools, workspace: Workspace
) -> None:
    alice = identity(workspace, ALICE, seconds=32)
    bob = identity(workspace, BOB)
    session(pools, alice)
    session(pools, bob)
    assert pools.open == 2
    deadline = time.monotonic() + seconds(8)
    while pools.open > 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert pools.open == 1
    with pytest.raises(SignInAgain):
        session(pools, alice)
    assert session(pools, bob)


def test_one_in_use_when_the_token_ends_is_closed_when_it_comes_back(
    pools: Pools, workspace: Workspace
) -> None:
    alice = identity(workspace, ALICE, seconds=31)
    with pools.connection(alice) as connection:
        connection.cursor().close()
        time.sleep(2.5)
        assert connection.connection.open
    assert pools.open == 0


def test_a_newer_token_takes_the_place_of_the_older(pools: Pools, workspace: Workspace) -> None:
    old, other = identity(workspace, ALICE, 600), identity(workspace, BOB, 600)
    session(pools, old)
    theirs = session(pools, other)
    new = identity(workspace, ALICE, 1200)
    session(pools, new)
    assert pools.open == 2
    assert session(pools, other) == theirs
    # Two browsers of one person do not close each other's connections at every turn.
    kept = session(pools, new)
    session(pools, old)
    assert session(pools, new) == kept


def test_same_person_other_token_is_another_connection(pools: Pools, workspace: Workspace) -> None:
    one, two = identity(workspace, ALICE, 1200), identity(workspace, ALICE, 600)
    assert session(pools, one) != session(pools, two)


def test_no_token_in_any_repr(pools: Pools, workspace: Workspace) -> None:
    alice = identity(workspace, ALICE)
    with pools.connection(alice) as connection:
        shown = f"{alice!r} {alice} {connection!r} {pools!r} {pools.__dict__} {pools.config!r}"
    assert alice.token not in shown
    assert ALICE in shown
