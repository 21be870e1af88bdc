"""Faults of a warehouse on the wire: which statements are repeated, and which must not be."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from crm.repository.tables.inspection import ping
from crm.warehouse import Warehouse
from crm.warehouse.config import WarehouseConfig
from crm.warehouse.errors import (
    Dropped,
    SignInFailed,
    Starting,
    StatementTimeout,
    Unavailable,
    WriteConflict,
)

from ..conftest import LocalWarehouse, Statements
from ..patience import seconds
from .notes import ids, insert, with_config


def test_busy_once_is_waited_out(warehouse: Warehouse, table: str, server: LocalWarehouse) -> None:
    """The connector repeats the request after five seconds, not after its default of 60."""
    server.fault("http_status", status=503, retry_after=1, match="INSERT")
    started = time.monotonic()
    assert insert(warehouse, table, "a") == 1
    assert time.monotonic() - started < seconds(10)
    assert ids(warehouse, table) == ["a"]


def test_starting_for_long(warehouse: Warehouse, table: str, server: LocalWarehouse) -> None:
    server.fault("starting", times=None)
    started = time.monotonic()
    with pytest.raises(Starting):
        ping(with_config(warehouse, retries=1))
    assert time.monotonic() - started < seconds(12)


def test_lost_session(
    warehouse: Warehouse, table: str, server: LocalWarehouse, statements: Statements
) -> None:
    """The statement was not executed, so even one that must not run twice is sent again."""
    server.fault("invalid_session", match="INSERT")
    with statements() as done:
        assert insert(warehouse, table, "a") == 1
    assert len(done) == 1
    assert ids(warehouse, table) == ["a"]


def test_all_sessions_lost(warehouse: Warehouse, table: str, server: LocalWarehouse) -> None:
    """As after a night without requests: nobody sees an error, however many connections there are."""
    identity = warehouse.identity
    with warehouse.pools.connection(identity), warehouse.pools.connection(identity):
        pass
    server.end_sessions()
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            insert(warehouse, table, str(number))
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert ids(warehouse, table) == ["0", "1", "2", "3", "4", "5"]


def test_session_that_keeps_getting_lost(warehouse: Warehouse, server: LocalWarehouse) -> None:
    server.fault("invalid_session", times=None)
    with pytest.raises(Starting):
        ping(warehouse)


def test_answer_to_a_read_lost(
    warehouse: Warehouse, table: str, server: LocalWarehouse, statements: Statements
) -> None:
    insert(warehouse, table, "a")
    server.fault("drop_after", match="SELECT id")
    with statements() as done:
        assert ids(warehouse, table) == ["a"]
    assert len(done) == 2


def test_answer_to_a_write_lost(
    warehouse: Warehouse, table: str, server: LocalWarehouse, statements: Statements
) -> None:
    """urllib3 would send it again by itself, see connector._never_send_twice."""
    server.fault("drop_after", match="INSERT")
    with statements() as done, pytest.raises(Unavailable, match="not known whether"):
        insert(warehouse, table, "a")
    assert len(done) == 1
    assert ids(warehouse, table) == ["a"]


def test_answer_to_a_repeatable_write_lost(
    warehouse: Warehouse, table: str, server: LocalWarehouse
) -> None:
    server.fault("drop_after", match="UPDATE")
    insert(warehouse, table, "a")
    sql = f"UPDATE {table} SET n = 7 WHERE id = 'a'"
    assert warehouse.execute(sql, repeatable=True) == 1
    assert warehouse.query(f"SELECT n FROM {table}") == [{"n": 7}]


@pytest.mark.parametrize(
    "next_try",
    [{"kind": "invalid_session", "at": 2}, {"kind": "conflict", "times": None, "at": 2}],
)
def test_a_write_that_ran_may_have_run_whatever_its_next_try_meets(
    warehouse: Warehouse, table: str, server: LocalWarehouse, next_try: dict[str, Any]
) -> None:
    """Such as a conflict with the first try itself, which still runs."""
    insert(warehouse, table, "a")
    server.fault("drop_after", match="UPDATE")
    server.fault(**next_try, match="UPDATE")
    with pytest.raises(Dropped):
        warehouse.execute(f"UPDATE {table} SET n = 7 WHERE id = 'a'", repeatable=True)
    server.clear_faults()
    assert warehouse.query(f"SELECT n FROM {table}") == [{"n": 7}]


@pytest.mark.parametrize("repeatable", [True, False])
def test_dropped_before_execution(
    warehouse: Warehouse, table: str, server: LocalWarehouse, repeatable: bool
) -> None:
    """The app cannot tell it from a lost answer, so only repeatable statements run again."""
    server.fault("drop_before", match="INSERT")
    if repeatable:
        assert insert(warehouse, table, "a", repeatable=True) == 1
    else:
        with pytest.raises(Unavailable):
            insert(warehouse, table, "a")
    assert ids(warehouse, table) == (["a"] if repeatable else [])


def test_dropped_again_and_again(warehouse: Warehouse, table: str, server: LocalWarehouse) -> None:
    server.fault("drop_before", times=None)
    with pytest.raises(Unavailable):
        ping(warehouse)


def test_conflict_is_tried_again(
    warehouse: Warehouse, table: str, server: LocalWarehouse, statements: Statements
) -> None:
    """Nothing was committed, so even a statement that must not run twice is sent again."""
    server.fault("conflict", times=2, match="INSERT")
    with statements() as done:
        assert insert(warehouse, table, "a") == 1
    assert len(done) == 3
    assert ids(warehouse, table) == ["a"]


def test_conflict_that_does_not_end(
    warehouse: Warehouse, table: str, server: LocalWarehouse, statements: Statements
) -> None:
    server.fault("conflict", times=None, match="INSERT")
    with statements() as done, pytest.raises(WriteConflict) as caught:
        insert(warehouse, table, "a")
    assert len(done) == 5
    assert caught.value.sqlstate == "2D521"
    assert ids(warehouse, table) == []


def test_no_attempt_beyond_the_budget(
    warehouse: Warehouse,
    table: str,
    server: LocalWarehouse,
    statements: Statements,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("crm.warehouse.statements.BUDGET", 0.0)
    server.fault("conflict", match="INSERT")
    with statements() as done, pytest.raises(WriteConflict):
        insert(warehouse, table, "a")
    assert len(done) == 1


def test_expired_token(
    warehouse: Warehouse, table: str, server: LocalWarehouse, statements: Statements
) -> None:
    server.fault("expired_token", match="INSERT")
    with statements() as done, pytest.raises(SignInFailed):
        insert(warehouse, table, "a")
    assert done == []
    assert insert(warehouse, table, "a") == 1


def test_statement_that_takes_too_long(warehouse: Warehouse, server: LocalWarehouse) -> None:
    server.fault("latency", seconds=20, match="SELECT 1")
    started = time.monotonic()
    with pytest.raises(StatementTimeout):
        ping(with_config(warehouse, statement_timeout=1))
    assert time.monotonic() - started < seconds(5)


def test_a_statement_of_bulk_work_may_take_longer_than_that_of_a_page(
    warehouse: Warehouse, server: LocalWarehouse
) -> None:
    page = with_config(warehouse, statement_timeout=1, bulk_timeout=60)
    server.fault("latency", seconds=2, match="SELECT 1")
    bulk = page.for_bulk()
    assert ping(bulk) is None
    assert bulk.for_bulk().pools is bulk.pools is page.for_bulk().pools
    assert bulk.pools.open == 1
    page.pools.dispose()
    assert bulk.pools.open == 0


def test_an_answer_that_drips_ends_without_a_deadline(
    warehouse: Warehouse, table: str, server: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Imports and exports have none. Each byte would start the socket's time limit anew."""
    monkeypatch.setattr(WarehouseConfig, "answer_seconds", 1)
    server.fault("drip", match="INSERT")
    with pytest.raises(Dropped):
        insert(warehouse, table, "a")
    server.clear_faults()
    assert ids(warehouse, table) == ["a"]
    # A statement that takes longer is no such answer: the warehouse says that it runs.
    monkeypatch.setattr(WarehouseConfig, "answer_seconds", 6)
    server.fault("latency", seconds=8, match="INSERT")
    assert insert(warehouse, table, "b") == 1


def test_server_stopped(warehouse: Warehouse, server: LocalWarehouse) -> None:
    wh = with_config(warehouse, url="http://127.0.0.1:9/none", retries=1)
    with pytest.raises(Unavailable):
        ping(wh)


def test_cancelled_statement_is_no_empty_result(
    warehouse: Warehouse, server: LocalWarehouse
) -> None:
    """An administrator may cancel it. The connector itself raises no error then."""
    wh = with_config(warehouse, pool_size=1)
    with wh.pools.connection(wh.identity) as connection:
        pass
    server.fault("latency", seconds=30, match="SELECT 1")

    def cancel() -> None:
        # Waits until the connector has the statement's handle.
        while not (command := connection.connection._cursors[-1].active_command_id):
            time.sleep(0.1)
        # On another connection: on its own it may wait for each of the client's polls.
        warehouse.pools.cancel(warehouse.identity, command)

    ping_cursor_exists = threading.Timer(0.5, cancel)
    ping_cursor_exists.start()
    with pytest.raises(StatementTimeout):
        ping(wh)
