from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crm.identity.warehouses import for_person
from crm.model.namespace import Namespace
from crm.warehouse import connector, dispose_all
from crm.warehouse.config import WarehouseConfig
from crm.warehouse.credentials import AccessToken
from crm.warehouse.errors import PoolExhausted, SignInFailed, Unavailable
from crm.warehouse.pool import Pools
from crm.warehouse.statements import Warehouse

from ..conftest import LocalWarehouse
from ..patience import seconds

FILES = Path("/proc/self/fd")


@pytest.fixture
def make(server: LocalWarehouse) -> Any:
    """Make pools with these settings; they are closed at the end."""
    made: list[Pools] = []

    def pools(**knobs: Any) -> Pools:
        made.append(Pools(server.config(**knobs)))
        return made[-1]

    yield pools
    for item in made:
        item.dispose()


@pytest.fixture
def identity(server: LocalWarehouse) -> AccessToken:
    return AccessToken("test", server.token)


def session(pools: Pools, identity: AccessToken) -> str:
    with pools.connection(identity) as connection:
        return connection.connection.get_session_id_hex()


def test_a_connection_is_used_again(make: Any, identity: AccessToken) -> None:
    pools = make()
    assert session(pools, identity) == session(pools, identity)


@pytest.mark.skipif(not FILES.exists(), reason="reads Linux’ /proc")
def test_a_closed_connection_leaves_no_socket(make: Any, identity: AccessToken) -> None:
    """Even if nothing collects garbage: a person's next token closes the connections of the last
    one."""
    pools = make()
    with pools.connection(identity) as one, pools.connection(identity) as lost:
        held = [each.connection.session.backend._transport for each in (one, lost)]
        files = [each._THttpClient__pool.pool.queue[-1].sock.fileno() for each in held]
        ours = {number: os.readlink(FILES / str(number)) for number in files}
        lost.mark_lost()
    pools.dispose()

    def is_open(number: int) -> bool:
        with suppress(FileNotFoundError):
            return os.readlink(FILES / str(number)) == ours[number]
        return False

    deadline = time.monotonic() + seconds(5)
    while any(map(is_open, files)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_latest_is_used_first(make: Any, identity: AccessToken) -> None:
    pools = make(pool_size=2)
    with pools.connection(identity), pools.connection(identity) as inner:
        pass
    # The outer connection came back last, so it is used first.
    assert session(pools, identity) != inner.connection.get_session_id_hex()


def test_waiting_for_a_session_ends_at_the_limit(make: Any, identity: AccessToken) -> None:
    pools = make(pool_size=2, pool_timeout=0.2)
    with pools.connection(identity), pools.connection(identity):
        started = time.monotonic()
        with pytest.raises(PoolExhausted, match="none of 2 became free in time"):
            session(pools, identity)
        assert 0.15 < time.monotonic() - started < seconds(1)
    assert session(pools, identity)


def test_who_waits_gets_the_one_given_back(make: Any, identity: AccessToken) -> None:
    pools = make(pool_size=1, pool_timeout=seconds(5))
    got: list[str] = []
    with pools.connection(identity) as connection:
        waiting = threading.Thread(target=lambda: got.append(session(pools, identity)))
        waiting.start()
        time.sleep(0.1)
        assert not got
    waiting.join()
    assert got == [connection.connection.get_session_id_hex()]


def test_no_two_threads_share_a_connection(make: Any, identity: AccessToken) -> None:
    pools = make(pool_size=3, pool_timeout=30)
    in_use: set[int] = set()
    most, shared, all_in_use = [0], [], threading.Event()

    def work() -> None:
        for _ in range(20):
            with pools.connection(identity) as connection:
                if id(connection) in in_use:
                    shared.append(connection)
                in_use.add(id(connection))
                most[0] = max(most[0], len(in_use))
                if most[0] == 3:
                    all_in_use.set()
                # Keep the first ones until all are in use.
                all_in_use.wait(seconds(5))
                time.sleep(0.001)
                in_use.discard(id(connection))

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not shared
    assert most[0] == 3
    assert pools.in_use(identity) == 0


def test_an_error_gives_the_connection_back(make: Any, identity: AccessToken) -> None:
    pools = make(pool_size=1, pool_timeout=0.2)
    for _ in range(3):
        with pytest.raises(RuntimeError), pools.connection(identity):
            raise RuntimeError
    assert session(pools, identity)


def test_a_failed_connect_gives_its_slot_back(make: Any, identity: AccessToken) -> None:
    pools = make(pool_size=1, pool_timeout=0.2)
    stranger = AccessToken("stranger", "dapi-wrong")
    for _ in range(3):
        with pytest.raises(SignInFailed):
            session(pools, stranger)
    assert pools.in_use(stranger) == 0
    assert session(pools, identity)


def test_identities_never_share(make: Any, server: LocalWarehouse, identity: AccessToken) -> None:
    pools = make(pool_size=1)
    other = AccessToken("another", server.token)
    sessions = {session(pools, who) for who in (identity, other, identity, other)}
    assert len(sessions) == 2
    with pools.connection(identity):
        assert session(pools, other) in sessions


def test_old_connections_are_replaced(make: Any, identity: AccessToken) -> None:
    pools = make(connection_max_age=1)
    first = session(pools, identity)
    assert session(pools, identity) == first
    time.sleep(1.1)
    assert session(pools, identity) != first


def test_worn_connections_are_replaced(
    make: Any, identity: AccessToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector, "MAX_USES", 3)
    pools = make()
    wh = Warehouse(pools, identity, Namespace(), "alice@example.com")
    first = session(pools, identity)
    for _ in range(3):
        assert session(pools, identity) == first
        wh.query("SELECT 1")
    assert session(pools, identity) != first


def test_invalidate_all_of_an_identity(make: Any, identity: AccessToken) -> None:
    pools = make(pool_size=3)
    with pools.connection(identity) as busy:
        idle = session(pools, identity)
        pools.invalidate(identity)
        fresh = session(pools, identity)
        assert fresh not in (idle, busy.connection.get_session_id_hex())
    # The busy connection came back, and is not used again.
    assert session(pools, identity) not in (idle, busy.connection.get_session_id_hex())
    assert _closes(busy)


def test_a_loss_that_many_notice_counts_once(make: Any, identity: AccessToken) -> None:
    pools = make(pool_size=2)
    with pools.connection(identity) as first, pools.connection(identity) as second:
        pass
    pools.invalidate(identity, first)
    fresh = session(pools, identity)
    pools.invalidate(identity, second)
    assert session(pools, identity) == fresh


def test_closing_never_fails_nor_waits(
    make: Any, server: LocalWarehouse, identity: AccessToken
) -> None:
    pools = make()
    session(pools, identity)
    server.fault("drop_before", rpc="CloseSession")
    pools.dispose()
    assert session(pools, identity)
    hangs, closed = threading.Event(), threading.Event()

    class Hanging:
        def close(self) -> None:
            hangs.wait(60)
            closed.set()

    connector.PooledConnection(Hanging(), 0).close()  # type: ignore[arg-type]
    assert not closed.is_set()
    hangs.set()
    assert closed.wait(seconds(5))


def test_an_address_that_nobody_answers_is_unavailable(identity: AccessToken) -> None:
    config = WarehouseConfig(is_local=True, url="http://127.0.0.1:9/x", token="t", retries=1)
    with pytest.raises(Unavailable):
        session(Pools(config), identity)


def test_a_forked_child_opens_its_own(make: Any, identity: AccessToken) -> None:
    pools = make(pool_size=1)
    ours = session(pools, identity)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, session(pools, identity).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        theirs = pipe.read()
    os.waitpid(child, 0)
    assert theirs
    assert theirs != ours
    wh = Warehouse(pools, identity, Namespace(), "alice@example.com")
    assert wh.query("SELECT 1 AS one") == [{"one": 1}]
    assert session(pools, identity) == ours


def test_same_config_same_pools(server: LocalWarehouse, settings: Any) -> None:
    settings.WAREHOUSE = server.config()
    one, other = for_person("alice@example.com"), for_person("bob@example.com")
    assert one.pools is other.pools
    assert replace(one, actor="bob@example.com") == other
    settings.WAREHOUSE = server.config(pool_size=1)
    assert for_person("alice@example.com").pools is not one.pools


def test_dispose_all_closes_and_forgets(server: LocalWarehouse, settings: Any) -> None:
    # No other test has this configuration, and so these pools.
    settings.WAREHOUSE = server.config(pool_size=7)
    before = for_person("alice@example.com")
    before.query("SELECT 1")
    assert before.pools.open == 1
    dispose_all()
    assert before.pools.open == 0
    assert for_person("alice@example.com").pools is not before.pools


def _closes(connection: connector.PooledConnection) -> bool:
    deadline = time.monotonic() + seconds(5)
    while connection.connection.open and time.monotonic() < deadline:
        time.sleep(0.02)
    return not connection.connection.open
