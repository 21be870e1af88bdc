"""Requests that a warehouse turns away or refuses, and answers that are late, cut or no Thrift."""

from __future__ import annotations

import threading
import time

import pytest

from crm.repository.tables.inspection import ping
from crm.warehouse import Warehouse
from crm.warehouse.deadline import Deadline
from crm.warehouse.errors import Busy, Starting, StatementFailed, Unavailable

from ..conftest import LocalWarehouse, Statements
from ..patience import seconds
from .notes import ids, insert, with_config


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("rpc", ["ExecuteStatement", "OpenSession"])
def test_a_long_wait_is_reported_at_once(
    warehouse: Warehouse,
    table: str,
    server: LocalWarehouse,
    statements: Statements,
    status: int,
    rpc: str,
) -> None:
    """Nothing ran, and the caller knows how long the warehouse asks to wait."""
    match = "INSERT" if rpc == "ExecuteStatement" else None
    server.fault("http_status", times=None, status=status, retry_after=600, match=match, rpc=rpc)
    wh = with_config(warehouse)
    started = time.monotonic()
    with statements() as done, pytest.raises(Busy) as caught:
        insert(wh, table, "a", repeatable=True)
    assert time.monotonic() - started < seconds(2)
    assert caught.value.retry_after == 600
    assert done == []
    server.clear_faults()
    assert insert(wh, table, "a") == 1


def test_a_wait_that_cannot_be_read(warehouse: Warehouse, server: LocalWarehouse) -> None:
    server.fault("http_status", times=None, status=429, retry_after="soon")
    with pytest.raises(Busy) as caught:
        ping(with_config(warehouse, retries=1))
    assert caught.value.retry_after == 0


def test_starting_says_how_long(warehouse: Warehouse, server: LocalWarehouse) -> None:
    server.fault("starting", times=None, retry_after=40)
    with pytest.raises(Starting) as caught:
        ping(warehouse)
    assert caught.value.retry_after == 40


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_refused_request_is_not_sent_again(
    warehouse: Warehouse,
    table: str,
    server: LocalWarehouse,
    statements: Statements,
    repeatable: bool,
) -> None:
    """A 400 that is not about the session says that the statement did not run."""
    server.fault("http_status", times=None, status=400, match="INSERT")
    with statements() as done, pytest.raises(StatementFailed) as caught:
        insert(warehouse, table, "a", repeatable=repeatable)
    assert not isinstance(caught.value, Unavailable)
    assert done == []
    server.clear_faults()
    assert ids(warehouse, table) == []


@pytest.mark.parametrize("status", [400, 429, 503])
def test_a_poll_that_is_refused_says_nothing_about_the_write(
    warehouse: Warehouse, table: str, server: LocalWarehouse, status: int
) -> None:
    """The statement was accepted, so it may run although its state cannot be read."""
    server.fault("latency", seconds=6, match="INSERT")
    server.fault(
        "http_status", times=None, status=status, retry_after=600, rpc="GetOperationStatus"
    )
    with pytest.raises(Unavailable, match="not known whether"):
        insert(warehouse, table, "a")


@pytest.mark.parametrize("kind", ["garbage", "cut"])
@pytest.mark.parametrize("repeatable", [True, False])
def test_an_answer_that_cannot_be_read(
    warehouse: Warehouse,
    table: str,
    server: LocalWarehouse,
    statements: Statements,
    kind: str,
    repeatable: bool,
) -> None:
    """It is a lost answer: the statement ran, and only a repeatable one is sent again."""
    insert(warehouse, table, "before")
    server.fault(kind, match="UPDATE")
    update = f"UPDATE {table} SET n = 7 WHERE id = 'before'"
    with statements() as done:
        if repeatable:
            assert warehouse.execute(update, repeatable=True) == 1
        else:
            with pytest.raises(Unavailable, match="not known whether"):
                warehouse.execute(update, repeatable=False)
    assert len(done) == (2 if repeatable else 1)
    assert warehouse.query(f"SELECT DISTINCT n FROM {table}") == [{"n": 7}]


@pytest.mark.parametrize("kind", ["garbage", "cut"])
@pytest.mark.parametrize("rpc", ["OpenSession", "CloseOperation", "FetchResults"])
def test_other_answers_that_cannot_be_read(
    warehouse: Warehouse, table: str, server: LocalWarehouse, kind: str, rpc: str
) -> None:
    insert(warehouse, table, "a")
    server.fault(kind, rpc=rpc)
    wh = with_config(warehouse)
    try:
        assert ids(wh, table) == ["a"]
    except Unavailable:
        assert rpc == "OpenSession"
    assert ids(wh, table) == ["a"]


@pytest.mark.parametrize("kind", ["hang", "drip"])
def test_an_answer_that_does_not_come(
    warehouse: Warehouse, table: str, server: LocalWarehouse, statements: Statements, kind: str
) -> None:
    server.fault(kind, match="INSERT")
    started = time.monotonic()
    wh = with_config(warehouse)  # its breaker opens, no other one
    with statements() as done, pytest.raises(Unavailable, match="not known whether"):
        insert(wh.within(Deadline.after(2)), table, "a")
    assert 1.9 < time.monotonic() - started < seconds(4)
    assert len(done) == 1
    assert ids(warehouse, table) == ["a"]


def test_a_hang_ends_by_itself_or_when_it_is_cleared(
    warehouse: Warehouse, server: LocalWarehouse
) -> None:
    server.fault("hang", seconds=1, match="SELECT 1")
    started = time.monotonic()
    ping(warehouse)
    assert 1 <= time.monotonic() - started < seconds(4)
    for kind in ("hang", "drip"):
        server.fault(kind, match="SELECT 1")
        threading.Timer(1, server.clear_faults).start()
        ping(warehouse.within(Deadline.after(seconds(20))))


def test_a_fault_at_a_later_statement(
    warehouse: Warehouse, table: str, server: LocalWarehouse
) -> None:
    server.fault("http_status", status=400, match="INSERT", at=3)
    for number in (1, 2):
        insert(warehouse, table, str(number))
        ping(warehouse)  # is no INSERT, so it does not count
    with pytest.raises(StatementFailed):
        insert(warehouse, table, "3")
    insert(warehouse, table, "4")
    assert ids(warehouse, table) == ["1", "2", "4"]
