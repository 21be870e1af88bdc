"""Starting the local warehouse: one per data folder, shared, and started again after its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm.model.namespace import Namespace
from crm.warehouse import Warehouse
from crm.warehouse.config import LOCAL_TOKEN, WarehouseConfig
from crm.warehouse.credentials import AccessToken
from crm.warehouse.pool import Pools
from edip import local

from ..conftest import BASE_DIR
from ..patience import seconds

ASK = "import sys; from pathlib import Path; from edip import local; "
ASK += "print(local.address(Path(sys.argv[1])), flush=True); sys.stdin.read()"


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data folder whose server, if any, is stopped at the end."""
    folder = tmp_path / "data"
    yield folder
    server = read(folder)
    if server and local._is_alive(server["pid"]):
        stop(server)


def read(data: Path) -> dict | None:
    try:
        return json.loads((data / "server.json").read_text())
    except OSError:
        return None


def stop(server: dict) -> None:
    try:
        local._ask(server, "/shutdown", {})
    except OSError:
        return
    wait_until(lambda: not local._is_alive(server["pid"]))


def wait_until(condition) -> None:
    deadline = time.monotonic() + seconds(15)
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ask(data: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ASK, str(data)],
        cwd=BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_processes_share_one_server_which_ends_with_the_last(data: Path) -> None:
    processes = [ask(data) for _ in range(3)]
    addresses = {process.stdout.readline().strip() for process in processes}  # type: ignore[union-attr]
    assert len(addresses) == 1
    server = read(data)
    assert server is not None
    assert addresses == {server["url"]}
    for process in processes[:2]:
        process.communicate()
    time.sleep(2)
    assert local._is_alive(server["pid"])
    processes[2].communicate()
    wait_until(lambda: not (data / "server.json").exists())
    wait_until(lambda: not local._is_alive(server["pid"]))


def test_it_is_found_again_and_replaced_after_it_was_killed(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool, too, follows it to its new address."""
    config = WarehouseConfig(
        is_local=True, token=LOCAL_TOKEN, local_address=lambda: local.address(data)
    )
    pools = Pools(config)
    wh = Warehouse(pools, AccessToken("test", LOCAL_TOKEN), Namespace(), "alice@example.com")
    wh.query("SELECT 1")
    before = read(data)
    assert before is not None
    asked: list[str] = []
    with monkeypatch.context() as watched:
        watched.setattr(local, "_ask", lambda url, body=None: asked.append(url))
        assert local.address(data) == before["url"]
    assert asked == []

    os.kill(before["pid"], 9)
    wait_until(lambda: not local._is_alive(before["pid"]))
    assert (data / "server.json").exists()
    assert wh.execute("CREATE CATALOG c", repeatable=False) == 0
    assert read(data) != before
    assert local.address(data) == read(data)["url"]  # type: ignore[index]
    pools.dispose()


def test_a_server_of_a_process_that_is_gone(data: Path) -> None:
    """If no process collects its exit status, it keeps its pid as a zombie."""
    starter = ask(data)
    starter.stdout.readline()  # type: ignore[union-attr]
    local.address(data)
    starter.communicate()
    before = read(data)
    assert before is not None
    os.kill(before["pid"], 9)
    wait_until(lambda: not local._is_alive(before["pid"]))
    # A new server, which may have got the same port.
    address, after = local.address(data), read(data)
    assert after is not None
    assert (after["url"], after["pid"] != before["pid"]) == (address, True)


def test_a_pid_of_something_else_or_nonsense_is_no_server(data: Path) -> None:
    """`address` then starts one, as if there were no file."""
    content = {"pid": os.getppid(), "url": "x", "control": "http://127.0.0.1:9/control"}
    data.mkdir()
    for text in ('{"pi', json.dumps(content)):
        (data / "server.json").write_text(text)
        assert local._running(data) is None


def test_what_to_do_without_the_engine(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_ENGINE_PACKAGES", ("no_such_package",))
    with pytest.raises(local.LocalWarehouseError) as caught:
        local.address(data)
    assert "no_such_package" in str(caught.value)
    assert "requirements-dev.lock" in str(caught.value)
    assert "DATABRICKS_HOST" in str(caught.value)


def test_a_server_that_cannot_start_says_why(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "MAX_LAUNCHES", 1)
    monkeypatch.setattr(local.sys, "executable", "/bin/false")
    with pytest.raises(local.LocalWarehouseError, match="ended with code 1"):
        local.address(data)
