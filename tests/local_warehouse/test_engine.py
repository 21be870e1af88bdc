"""Statements that are cancelled, and statements that list a log whose commits are being moved."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from local_warehouse.cancellation import Cancellation
from local_warehouse.delta import log
from local_warehouse.engine import Engine
from local_warehouse.engine_process import EngineProcess
from local_warehouse.errors import Cancelled, SqlError
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


@pytest.mark.parametrize("is_read", [True, False])
def test_only_what_reads_lists_the_log_again(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_read: bool
) -> None:
    """A write may have been committed before the engine missed a commit."""
    for number in range(3):
        write_deltalake(tmp_path, pa.table({"n": [number]}), mode="append")
    first, moved, run = log.commit_file(tmp_path, 0), tmp_path / "moved", EngineProcess.run
    first.rename(moved)

    def run_once(*arguments: object) -> pa.Table:
        try:
            return run(*arguments)
        finally:
            if moved.exists():
                moved.rename(first)

    monkeypatch.setattr(EngineProcess, "run", run_once)
    sql = f"SELECT COUNT(*) AS n FROM delta.`{tmp_path}`"
    if not is_read:
        with pytest.raises(SqlError, match="Missing commit file"):
            engine.run(sql, is_read=False)
    assert engine.run(sql).to_pylist() == [{"n": 3}]
