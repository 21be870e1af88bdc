"""All work of a request has one deadline, even if a warehouse hangs or sends byte by byte."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from crm.identity.sign_in import sign_in
from crm.model.namespace import Namespace
from crm.repository.tables.inspection import ping
from crm.views import import_
from crm.warehouse import Warehouse
from crm.warehouse.deadline import Deadline, Watch
from crm.warehouse.errors import (
    Dropped,
    PoolExhausted,
    StatementTimeout,
    TimeIsUp,
    Unavailable,
    WarehouseError,
)
from crm.warehouse.pool import Pools

from ..conftest import LocalWarehouse, Statements
from ..patience import seconds
from ..slow_proxy import DRIP, HANG, PASS, SlowProxy
from .notes import ids, insert

# A hanging warehouse took 60 s before there was a deadline. The machine may be busy.
SLACK = seconds(2.7)


@contextmanager
def ends_after(limit: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert limit - 0.1 <= time.monotonic() - started < limit + SLACK


def wait_until_back(wh: Warehouse) -> None:
    """Until a probe has succeeded, statements fail (test_breaker.py)."""
    ends = time.monotonic() + seconds(10)
    while wh.pools.breaker.is_open and time.monotonic() < ends:
        with suppress(Unavailable):
            ping(due(wh, 10))


def due(wh: Warehouse, seconds: float) -> Warehouse:
    return wh.within(Deadline.after(seconds))


@pytest.mark.parametrize("mode", [HANG, DRIP])
def test_a_read_ends(slow: Warehouse, proxy: SlowProxy, mode: str) -> None:
    ping(slow)
    proxy.mode = mode
    with ends_after(1), pytest.raises(StatementTimeout):
        ping(due(slow, 1))
    # The connection is not used again.
    proxy.mode = PASS
    wait_until_back(slow)
    ping(due(slow, 10))


def test_a_slow_statement_ends(warehouse: Warehouse, server: LocalWarehouse) -> None:
    """After five seconds the connector asks again and again whether it has ended."""
    ping(warehouse)
    server.fault("latency", seconds=60, match="SELECT 1")
    started = time.monotonic()
    with pytest.raises(StatementTimeout):
        ping(due(warehouse, 7))
    assert time.monotonic() - started < 7 + seconds(1)


@pytest.mark.parametrize("mode", [HANG, DRIP])
def test_connecting_ends_at_the_deadline(slow: Warehouse, proxy: SlowProxy, mode: str) -> None:
    proxy.mode = mode
    with ends_after(1), pytest.raises((Unavailable, TimeIsUp)):
        ping(due(slow, 1))
    assert slow.pools.open == 0
    proxy.mode = PASS
    wait_until_back(slow)
    ping(due(slow, 10))


@pytest.mark.parametrize("mode", [HANG, DRIP])
@pytest.mark.parametrize("repeatable", [True, False])
def test_a_write_ends_and_says_that_it_may_have_run(
    slow: Warehouse,
    proxy: SlowProxy,
    table: str,
    statements: Statements,
    mode: str,
    repeatable: bool,
) -> None:
    assert ids(slow, table) == []
    proxy.mode = mode
    with statements() as done, ends_after(2), pytest.raises(Dropped):
        insert(due(slow, 2), table, "a", repeatable=repeatable)
    assert len(done) == 1
    proxy.mode = PASS
    wait_until_back(slow)
    assert ids(slow, table) == ["a"]


def test_starting_a_local_warehouse_ends(warehouse: Warehouse) -> None:
    def start() -> str:
        time.sleep(20)
        return "http://127.0.0.1:9/none"

    config = replace(warehouse.pools.config, url="", local_address=start)
    wh = replace(warehouse, pools=Pools(config))
    with ends_after(1), pytest.raises((Unavailable, TimeIsUp)):
        ping(due(wh, 1))


def test_waiting_for_a_connection_ends(server: LocalWarehouse, warehouse: Warehouse) -> None:
    wh = replace(warehouse, pools=Pools(server.config(pool_size=1, pool_timeout=60)))
    with wh.pools.connection(wh.identity), ends_after(0.5), pytest.raises(PoolExhausted):
        ping(due(wh, 0.5))
    ping(due(wh, 10))
    wh.pools.dispose()


def test_waiting_for_the_total_ends(server: LocalWarehouse, warehouse: Warehouse) -> None:
    pools = Pools(server.config(pool_size=4, pool_total=1, pool_timeout=60))
    wh = replace(warehouse, pools=pools)
    with wh.pools.connection(wh.identity), ends_after(0.5), pytest.raises(PoolExhausted):
        ping(due(wh, 0.5))
    pools.dispose()


def test_statements_share_it(
    warehouse: Warehouse, server: LocalWarehouse, statements: Statements
) -> None:
    ping(warehouse)
    server.fault("latency", times=None, seconds=1, match="SELECT 1")
    with statements() as done, ends_after(2.5), pytest.raises(StatementTimeout):
        shared = due(warehouse, 2.5)
        for _ in range(10):
            ping(shared)
    assert 1 <= len(done) <= 3


@pytest.mark.parametrize("fault", ["starting", "conflict", "drop_before"])
def test_retries_end_at_the_deadline(
    warehouse: Warehouse, server: LocalWarehouse, table: str, fault: str
) -> None:
    insert(warehouse, table, "a")
    server.fault(fault, times=None, match="INSERT")
    started = time.monotonic()
    with pytest.raises(WarehouseError):
        insert(due(warehouse, 1), table, "b", repeatable=True)
    assert time.monotonic() - started < 5  # a retry of the connector waits 5 s


def test_after_it_nothing_is_sent(warehouse: Warehouse, statements: Statements) -> None:
    ping(warehouse)
    over = due(warehouse, 0)
    with statements() as done, pytest.raises(TimeIsUp):
        ping(over)
    assert done == []


def test_a_connection_that_was_given_back_stays_whole() -> None:
    """Its next user would lose a statement if the deadline of the one before ended it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        watching = Watch(Deadline.after(60))
        watching.add(SimpleNamespace(watched_socket=ours))
        watching.stop()
        watching.end()  # which had just begun in its thread
        theirs.sendall(b"answer")
        assert ours.recv(6) == b"answer"


def test_an_answer_in_time_leaves_the_connection_alone(warehouse: Warehouse) -> None:
    """A deadline that passes later does not end the next statement on the same connection."""
    wh = replace(warehouse, pools=Pools(replace(warehouse.pools.config, pool_size=1)))
    ping(due(wh, 3))
    with wh.pools.connection(wh.identity) as connection:
        session = connection.connection.get_session_id_hex()
    time.sleep(3.2)
    ping(due(wh, 30))
    with wh.pools.connection(wh.identity) as connection:
        assert connection.connection.get_session_id_hex() == session
    wh.pools.dispose()


# --- requests ---------------------------------------------------------------------------


@pytest.mark.usefixtures("through_proxy")
@pytest.mark.parametrize("mode", [HANG, DRIP])
def test_a_page_ends(client: Client, proxy: SlowProxy, mode: str) -> None:
    assert client.get("/accounts/").status_code == 200
    proxy.mode = mode
    with ends_after(2):
        response = client.get("/accounts/")
    assert response.status_code == 504
    assert "took too long" in response.content.decode()
    proxy.mode = PASS
    ends = time.monotonic() + seconds(10)
    while client.get("/accounts/").status_code != 200:
        assert time.monotonic() < ends


@pytest.mark.usefixtures("through_proxy")
def test_a_save_that_hangs_says_that_it_is_not_known(
    client: Client, proxy: SlowProxy, warehouse: Warehouse
) -> None:
    assert client.get("/accounts/").status_code == 200
    data = {"bsnid": "BSN1", "team": "Typed with care", "business_area": "Finance"}
    proxy.mode = HANG
    with ends_after(2):
        response = client.post("/accounts/new/", data)
    assert response.status_code in (503, 504)
    assert "Typed with care" in response.content.decode()


def test_long_work_has_no_deadline(rf: Any, settings: Any, namespace: Namespace) -> None:
    wh = sign_in(rf.get("/")).open_warehouse()
    assert wh.deadline is not None
    limit = settings.EDIP_REQUEST_TIMEOUT
    assert limit - 1 < wh.deadline.left <= limit
    assert wh.at(namespace).deadline is wh.deadline
    assert wh.within(None).deadline is None
    request = rf.get("/")
    request.warehouse = wh
    assert import_._warehouse(request).deadline is None


@pytest.mark.parametrize(
    "path",
    [
        "/admin-tools/export/?format=json",
        "/admin-tools/integrity/",
        "/admin-tools/?check",
    ],
)
def test_long_work_may_take_longer(
    client: Client, warehouse: Warehouse, settings: Any, path: str
) -> None:
    settings.EDIP_REQUEST_TIMEOUT = 0.0
    assert client.get("/accounts/").status_code == 504
    response = client.get(path)
    assert response.status_code == 200
    assert response.getvalue()
    assert "fail" not in str(response.context and response.context.get("report"))


def test_two_requests_have_their_own(slow: Warehouse, proxy: SlowProxy) -> None:
    """The end of one request does not close the connection of another."""
    ping(slow)
    answers: list[Any] = []
    started = threading.Event()

    def long() -> None:
        started.set()
        answers.append(due(slow, 30).query("SELECT 1 AS one"))

    proxy.mode = HANG
    other = threading.Thread(target=long)
    other.start()
    assert started.wait(seconds(5))
    with pytest.raises((StatementTimeout, Unavailable)):
        ping(due(slow, 1))
    assert answers == []
    proxy.mode = PASS
    other.join(seconds(10))
    assert answers == [[{"one": 1}]]
