"""Statements that are cancelled while the engine runs them, or before."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from local_warehouse.cancellation import Cancellation
from local_warehouse.engine import Engine
from local_warehouse.errors import Cancelled
from tests.patience import seconds

# Minutes of work, in which nothing is answered.
SLOW = "SELECT COUNT(*) FROM range(3000000000) AS a JOIN range(1000) AS b ON a.id % 1000 = b.id"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    started = Engine()
    yield started
    started.stop()


class Answer:
    is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


@pytest.mark.timeout(30)
def test_a_running_statement_is_cancelled(engine: Engine) -> None:
    cancellation, started = Cancellation(), time.monotonic()
    threading.Timer(0.5, cancellation.request).start()
    with pytest.raises(Cancelled):
        engine.run(SLOW, cancellation)
    assert time.monotonic() - started < seconds(10)
    assert engine.run("SELECT 1 AS n").to_pylist() == [{"n": 1}]


def test_a_statement_that_was_cancelled_before_it_ran_does_not_run() -> None:
    cancellation, answer = Cancellation(), Answer()
    cancellation.request()
    with pytest.raises(Cancelled):
        cancellation.attach(answer)
    assert answer.is_cancelled
