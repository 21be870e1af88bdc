"""When a person leaves, a read that they wait for is cancelled; everything else goes on."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from crm.identity.sign_in import sign_in
from crm.warehouse import Warehouse
from crm.warehouse.deadline import Deadline
from crm.warehouse.errors import StatementTimeout
from crm.warehouse.pool import Pools

from ..conftest import LocalWarehouse
from ..patience import seconds
from .notes import ids, insert


@dataclass
class Person:
    """A browser's end of a connection, and the server's."""

    browser: socket.socket
    server: socket.socket

    def asks(self, wh: Warehouse) -> Warehouse:
        return wh.within(Deadline.after(60, self.server))

    def leaves_after(self, delay: float) -> None:
        threading.Timer(delay, self.browser.close).start()


@pytest.fixture
def person() -> Iterator[Person]:
    browser, server = socket.socketpair()
    yield Person(browser, server)
    browser.close()
    server.close()


@pytest.fixture
def wh(warehouse: Warehouse) -> Iterator[Warehouse]:
    """A warehouse with connections of its own."""
    pools = Pools(warehouse.pools.config)
    yield replace(warehouse, pools=pools)
    pools.dispose()


def state_of(server: LocalWarehouse, text: str) -> str:
    return next(each["status"] for each in server.statements() if each["text"] == text)


def test_a_read_is_cancelled(wh: Warehouse, server: LocalWarehouse, person: Person) -> None:
    server.fault("latency", seconds=40, match="AS left")
    person.leaves_after(1)
    started = time.monotonic()
    with pytest.raises(StatementTimeout):
        person.asks(wh).query("SELECT 1 AS left")
    # The warehouse gives the statement an id after five seconds.
    assert time.monotonic() - started < seconds(7)
    assert state_of(server, "SELECT 1 AS left") == "CANCELED"
    # Both connections are still good.
    assert wh.pools.open <= 2
    assert wh.query("SELECT 2 AS two") == [{"two": 2}]


def test_a_person_who_stays_gets_the_answer(
    wh: Warehouse, server: LocalWarehouse, person: Person
) -> None:
    server.fault("latency", seconds=6, match="AS stays")
    person.browser.send(b"GET /next HTTP/1.1")  # the browser may send its next request early
    assert person.asks(wh).query("SELECT 1 AS stays") == [{"stays": 1}]


def test_a_write_finishes(
    wh: Warehouse, server: LocalWarehouse, table: str, person: Person
) -> None:
    server.fault("latency", seconds=7, match="INSERT")
    person.leaves_after(0.5)
    insert(person.asks(wh), table, "a")
    assert ids(wh, table) == ["a"]


@pytest.mark.parametrize(("method", "is_watched"), [("get", True), ("post", False)])
def test_only_requests_that_read_are_watched(
    rf: Any, warehouse: Warehouse, person: Person, method: str, is_watched: bool
) -> None:
    request = getattr(rf, method)("/", **{"gunicorn.socket": person.server})
    deadline = sign_in(request).open_warehouse().deadline
    assert deadline is not None
    assert (deadline.client is person.server) == is_watched
    assert not deadline.has_left
    person.browser.close()
    assert deadline.has_left == is_watched
