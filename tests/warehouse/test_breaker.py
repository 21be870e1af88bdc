"""While the warehouse does not answer, statements fail at once; probes notice when it is back."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from crm.repository.tables.inspection import ping
from crm.warehouse import Warehouse, breaker, pool
from crm.warehouse.errors import StatementFailed, StatementTimeout, Unavailable, WarehouseError
from crm.warehouse.pool import Pools

from ..conftest import LocalWarehouse, Statements
from ..patience import seconds
from ..slow_proxy import DRIP, HANG, PASS, SlowProxy
from .test_deadline import due

# Those that wait end with the deadline, after 20 seconds.
AT_ONCE = seconds(0.9)


@pytest.fixture
def wh(slow: Warehouse) -> Warehouse:
    """The warehouse through the proxy, with an open connection."""
    ping(slow)
    return slow


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When each probe began; one begins every half second at most."""
    began: list[float] = []
    original = pool.connect

    def connect(*arguments: Any) -> Any:
        began.append(time.monotonic())
        return original(*arguments)

    monkeypatch.setattr(pool, "connect", connect)
    monkeypatch.setattr(breaker, "PROBE_INTERVAL", 0.5)
    return began


def fails_at_once(wh: Warehouse) -> bool:
    started = time.monotonic()
    with pytest.raises(Unavailable):
        ping(due(wh, 20))
    return time.monotonic() - started < AT_ONCE


def is_back(wh: Warehouse, within: float) -> bool:
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            ping(due(wh, 20))
            return True
        except Unavailable:
            time.sleep(0.05)
    return False


@pytest.mark.parametrize("mode", [HANG, DRIP])
def test_after_a_hang_statements_fail_at_once(
    wh: Warehouse, proxy: SlowProxy, statements: Statements, mode: str
) -> None:
    proxy.mode = mode
    with pytest.raises(StatementTimeout):
        ping(due(wh, 1))
    with statements() as done:
        assert all(fails_at_once(wh) for _ in range(5))
    assert done == []


def test_after_a_refused_connection_statements_fail_at_once(
    warehouse: Warehouse, probes: list[float]
) -> None:
    config = replace(warehouse.pools.config, url="http://127.0.0.1:9/none")
    wh = replace(warehouse, pools=Pools(config))
    with pytest.raises(Unavailable):
        ping(due(wh, 20))  # the connector tries three times
    assert all(fails_at_once(wh) for _ in range(20))
    assert 1 <= len(probes) <= 10


def test_it_is_back_within_a_probe_interval(
    wh: Warehouse, proxy: SlowProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "PROBE_INTERVAL", 1.0)
    proxy.mode = HANG
    with pytest.raises(StatementTimeout):
        ping(due(wh, 1))
    assert fails_at_once(wh)
    proxy.mode = PASS
    assert is_back(wh, 1.0 + seconds(1))
    assert not wh.pools.breaker.is_open


def test_one_probe_at_a_time(wh: Warehouse, proxy: SlowProxy, probes: list[float]) -> None:
    proxy.mode = HANG
    with pytest.raises(StatementTimeout):
        ping(due(wh, 1))
    # The first probe hangs for longer than the interval.
    with ThreadPoolExecutor(12) as threads:
        for _ in range(3):
            assert all(threads.map(lambda _: fails_at_once(wh), range(12)))
            time.sleep(0.3)
    assert len(probes) == 1
    proxy.mode = PASS
    assert is_back(wh, seconds(2))
    assert len(probes) == 1


def test_threads_that_hang_together_start_one_probe(
    wh: Warehouse, proxy: SlowProxy, probes: list[float]
) -> None:
    proxy.mode = HANG

    def hang(_: int) -> bool:
        with pytest.raises((StatementTimeout, Unavailable)):
            ping(due(wh, 1))
        return True

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(hang, range(8)))
    assert len(probes) == 1


def test_without_requests_there_are_no_probes(warehouse: Warehouse, probes: list[float]) -> None:
    config = replace(warehouse.pools.config, url="http://127.0.0.1:9/none", retries=0)
    wh = replace(warehouse, pools=Pools(config))
    with pytest.raises(Unavailable):
        ping(due(wh, 20))
    while wh.pools.breaker._probe_done:
        time.sleep(0.02)
    time.sleep(4 * breaker.PROBE_INTERVAL)
    assert len(probes) == 1


def test_a_slow_statement_does_not_open_it(
    warehouse: Warehouse, server: LocalWarehouse, probes: list[float]
) -> None:
    """Its requests are answered, the last one five seconds before the deadline."""
    ping(warehouse)
    server.fault("latency", seconds=30, match="SELECT 1 AS slow")
    with pytest.raises(StatementTimeout):
        due(warehouse, 7).query("SELECT 1 AS slow")
    assert not warehouse.pools.breaker.is_open
    assert probes == []


def test_a_slow_statement_beside_fast_ones_does_not_open_it(
    warehouse: Warehouse, server: LocalWarehouse, probes: list[float]
) -> None:
    ping(warehouse)
    server.fault("latency", seconds=30, match="SELECT 1 AS slow")

    def slow() -> None:
        with pytest.raises(StatementTimeout):
            due(warehouse, 2).query("SELECT 1 AS slow")

    thread = threading.Thread(target=slow)
    thread.start()
    while thread.is_alive():
        ping(due(warehouse, 20))
        time.sleep(0.05)
    assert not warehouse.pools.breaker.is_open
    assert probes == []


@pytest.mark.parametrize("fault", ["conflict", "starting", "expired_token", "drop_before"])
def test_an_answer_does_not_open_it(
    warehouse: Warehouse, server: LocalWarehouse, table: str, probes: list[float], fault: str
) -> None:
    server.fault(fault, times=None, match="SELECT 2")
    with pytest.raises(WarehouseError):
        due(warehouse, 5).query("SELECT 2 AS two")
    with pytest.raises(StatementFailed):
        warehouse.query("SELECT no_such_function_(1)")
    assert not warehouse.pools.breaker.is_open
    assert probes == []


# --- requests ---------------------------------------------------------------------------


@pytest.mark.usefixtures("through_proxy")
def test_pages_fail_at_once_and_refresh_themselves(client: Client, proxy: SlowProxy) -> None:
    assert client.get("/accounts/").status_code == 200
    proxy.mode = HANG
    assert client.get("/accounts/").status_code == 504
    for path in ("/accounts/", "/", "/live/", "/readyz", "/accounts/?format=csv"):
        started = time.monotonic()
        response = client.get(path)
        assert time.monotonic() - started < AT_ONCE, path
        assert response.status_code == 503
    page = client.get("/accounts/")
    assert page["Retry-After"] == "20"
    assert 'http-equiv="refresh"' in page.content.decode()
    assert "The warehouse does not answer" in page.content.decode()
