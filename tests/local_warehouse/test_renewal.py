"""The engine's process is renewed, or killed, while statements run: none fails, none runs twice."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from local_warehouse.engine import STATEMENTS

from ..sizes import only_soak
from .conftest import RunningServer, Server, Shell, folder_of, shell_on, wait_until

WRITERS = 3
ROWS = "INSERT INTO counted SELECT CAST(id AS STRING), 0 FROM range(10)"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of this module's own, whose engine the tests may kill."""
    server = Server(tmp_path_factory.mktemp("renewed"))
    yield server
    server.kill()


@pytest.fixture
def own(running: Server) -> Iterator[Shell]:
    """A shell on it, with a table of counters."""
    with shell_on(running) as shell:
        shell.server = running
        shell.run("CREATE TABLE counted (id STRING, n BIGINT)")
        shell.change(ROWS)
        yield shell
        running.control("POST", "/warehouse", engine_statements=STATEMENTS)
        shell.run("DROP TABLE counted")


class Work:
    """Threads that add one to a row each, and read; ``added`` counts what was acknowledged."""

    def __init__(self, server: RunningServer) -> None:
        self.added = 0
        self.read = 0
        self.failures: list[Exception] = []
        self._server = server
        self._is_over = threading.Event()

    def write(self, id: int) -> None:
        with shell_on(self._server) as shell:
            while not self._is_over.is_set():
                assert shell.change(f"UPDATE counted SET n = n + 1 WHERE id = '{id}'") == 1
                self.added += 1

    def read_all(self) -> None:
        with shell_on(self._server, session_configuration=NO_CACHE) as shell:
            while not self._is_over.is_set():
                assert shell.value("SELECT COUNT(*) FROM counted") == 10
                self.read += 1

    @contextmanager
    def going_on(self) -> Iterator[None]:
        def noting(work: Callable[..., None], *args: int) -> None:
            try:
                work(*args)
            except Exception as error:  # noqa: BLE001 - shown by the test
                self.failures.append(error)

        threads = [threading.Thread(target=noting, args=(self.write, n)) for n in range(WRITERS)]
        threads.append(threading.Thread(target=noting, args=(self.read_all,)))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()

    def until(self, is_enough: Callable[[], bool], pause: float = 0.02) -> None:
        wait_until(lambda: bool(self.failures) or is_enough(), pause)

    def check(self, shell: Shell) -> None:
        assert self.failures == []
        assert shell.value("SELECT SUM(n) FROM counted") == self.added


NO_CACHE = {"use_cached_result": "false"}


def state(server: RunningServer) -> dict:
    return server.control("GET", "/warehouse")


def test_statements_go_on_while_the_engine_is_renewed(own: Shell) -> None:
    server, work = own.server, Work(own.server)
    before = state(server)["renewals"]
    server.control("POST", "/warehouse", engine_statements=20)
    with work.going_on():
        work.until(lambda: state(server)["renewals"] >= before + 3)
        read = work.read
        work.until(lambda: work.read > read)
    work.check(own)
    wait_until(lambda: len(state(server)["engines"]) == 1)


def test_a_new_process_knows_all_tables_as_they_are_now(own: Shell) -> None:
    server = own.server
    server.control("POST", "/warehouse", engine_statements=1)
    own.run("CREATE TABLE other (id INT)")
    own.change("INSERT INTO other VALUES (1)")
    own.run("ALTER TABLE other ADD COLUMN name STRING")
    own.change("UPDATE other SET name = 'a'")
    own.run("CREATE TABLE copy DEEP CLONE other")
    own.run("DROP TABLE other")
    renewals = state(server)["renewals"]
    wait_until(lambda: own.value("SELECT name FROM copy") and renewals < state(server)["renewals"])
    assert own.value("SELECT name FROM copy VERSION AS OF 0") == "a"
    assert "TABLE_OR_VIEW_NOT_FOUND" in own.error("SELECT * FROM other")


@pytest.fixture
def by_two_engines(own: Shell) -> Callable[[int], bool]:
    """Read ``rows`` rows while the engine is renewed; return whether the old one was still there."""
    server = own.server

    def read(rows: int) -> bool:
        found: list[object] = []
        slow = f"SELECT COUNT(*) FROM range({rows}) WHERE CAST(id AS STRING) LIKE '%9999999'"
        wait_until(lambda: len(state(server)["engines"]) == 1)
        (old,), before = state(server)["engines"], state(server)["renewals"]

        def run_slow() -> None:
            with shell_on(server) as shell:
                found.append(shell.value(slow))

        thread = threading.Thread(target=run_slow)
        thread.start()
        wait_until(lambda: any(each["text"] == slow for each in server.statements()))
        server.control("POST", "/warehouse", engine_statements=1)
        own.value(f"SELECT {rows}")  # a text of its own: a known result needs no engine
        wait_until(lambda: state(server)["renewals"] > before)
        server.control("POST", "/warehouse", engine_statements=STATEMENTS)
        is_there = old in state(server)["engines"]
        assert own.value(f"SELECT {rows} + 1") == rows + 1
        thread.join()
        assert found == [rows // 10**7]
        wait_until(lambda: old not in state(server)["engines"])
        return is_there

    return read


def test_a_statement_of_the_old_process_runs_to_its_end(
    by_two_engines: Callable[[int], bool],
) -> None:
    """On a fast machine it may end before the new engine is ready; then it reads more rows."""
    assert any(by_two_engines(4 * 10**7 * 3**each) for each in range(5))


def test_statements_go_on_when_the_engine_is_killed(own: Shell) -> None:
    """Also writes that the engine has committed, but not answered."""
    work = Work(own.server)
    log = folder_of(own.server, "workspace.default.counted") / "_delta_log"
    with work.going_on():
        # After each tenth commit the engine makes a checkpoint before it answers.
        for version in (10, 20, 30):
            engines, commit = state(own.server)["engines"], log / f"{version:020d}.json"
            work.until(commit.exists, pause=0)
            os.kill(engines[0], signal.SIGKILL)
            work.until(lambda: state(own.server)["engines"] != engines)  # noqa: B023
        read = work.read
        work.until(lambda: work.read > read)
    work.check(own)
    os.kill(state(own.server)["engines"][0], signal.SIGKILL)
    assert own.change("UPDATE counted SET n = 0") == 10


def test_a_write_may_lose_its_engine_twice(own: Shell) -> None:
    """First while it reads, then after it has committed: with a tenth commit comes a checkpoint."""
    server, changed = own.server, []
    log = folder_of(server, "workspace.default.counted") / "_delta_log"
    for _ in range(8):
        own.change("UPDATE counted SET n = n + 1")
    many = "(SELECT COUNT(*) FROM range(20000000) WHERE CAST(id AS STRING) LIKE '%9999999')"
    slow = f"UPDATE counted SET n = n + {many}"

    def run_slow() -> None:
        with shell_on(server) as shell:
            changed.append(shell.change(slow))

    (first,) = state(server)["engines"]
    thread = threading.Thread(target=run_slow)
    thread.start()
    wait_until(lambda: any(each["text"] == slow for each in server.statements()))
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: state(server)["engines"] != [first])
    (second,) = state(server)["engines"]
    wait_until((log / f"{10:020d}.json").exists, pause=0)
    os.kill(second, signal.SIGKILL)
    thread.join()
    assert changed == [10]
    assert own.value("SELECT MAX(n) FROM counted") == 10


def test_while_no_engine_starts_no_default_is_called_wrong(own: Shell) -> None:
    own.run(
        "ALTER TABLE counted SET TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'enabled')"
    )
    is_begun, is_over = threading.Event(), threading.Event()

    def kill_all() -> None:
        while not is_over.wait(0.02):
            for engine in state(own.server)["engines"]:
                with suppress(ProcessLookupError):
                    os.kill(engine, signal.SIGKILL)
            is_begun.set()

    thread = threading.Thread(target=kill_all)
    thread.start()
    is_begun.wait()
    try:
        assert "SERVER_IS_BUSY" in own.error("ALTER TABLE counted ALTER COLUMN n SET DEFAULT 1")
    finally:
        is_over.set()
        thread.join()


@only_soak
@pytest.mark.timeout(900)
def test_memory_stays_flat(own: Shell) -> None:
    """3,000 statements keep 150 MB where the engine is not renewed."""
    server, seen = own.server, []
    before = state(server)["renewals"]
    server.control("POST", "/warehouse", engine_statements=500)
    for number in range(3000):
        if number % 10:
            own.value(f"SELECT n + {number} FROM counted WHERE id = '1'")
        else:
            own.change("UPDATE counted SET n = n + 1 WHERE id = '1'")
        if number % 100 == 0:
            seen.append(sum(_memory(pid) for pid in state(server)["engines"]))
    assert state(server)["renewals"] >= before + 5
    assert max(seen[10:]) < max(seen[:10]) * 1.2, seen
    assert own.value("SELECT n FROM counted WHERE id = '1'") == 300


def _memory(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except FileNotFoundError:
        return 0
