"""Find the local warehouse, or start it.

There is one server per machine and data folder. All processes that use it share it (runserver,
tests, management commands), and it ends after the last of them. It is a separate process, to which
the app connects as to Databricks; nothing here imports it.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

START_SECONDS = 60.0
MAX_LAUNCHES = 4
_BASE_DIR = Path(__file__).resolve().parent.parent
_ENGINE_PACKAGES = ("deltalake", "pysail", "sqlglot")

# Pairs of (our pid, the server's pid) that are registered: a forked child registers anew.
_registered: set[tuple[int, int]] = set()


class LocalWarehouseError(RuntimeError):
    """The local warehouse cannot be started; the message says why."""


def address(data_dir: Path) -> str:
    """Return the URI for the connector. Starts the server if it does not run.

    Each new connection calls this; it normally reads one file. Raises LocalWarehouseError if the
    server does not start within a minute.
    """
    server = _running(data_dir)
    if server is None:
        data_dir.mkdir(parents=True, exist_ok=True)
        with _lock(data_dir):
            # Another process may have started it while we waited for the lock.
            server = _running(data_dir) or _start(data_dir)
    url: str = server["url"]
    return url


def _running(data_dir: Path) -> dict[str, Any] | None:
    """Return server.json if that server is alive and has registered us."""
    try:
        server = json.loads((data_dir / "server.json").read_text())
    except (OSError, ValueError):
        return None
    if not _is_alive(server["pid"]):
        return None
    return server if _register(server) else None


def _is_alive(pid: int) -> bool:
    """Return whether the process runs. A zombie still has its pid."""
    with suppress(ChildProcessError):
        # If this process started it, it has to collect its exit status.
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Return whether the process has ended, but nobody has collected its exit status, which is
    common in containers.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "Z"


def _register(server: dict[str, Any]) -> bool:
    """Register this process with the server; return False if another server answers."""
    ours = (os.getpid(), server["pid"])
    if ours in _registered:
        return True
    try:
        # Another process may have this pid by now; the server's answer shows it.
        if _ask(server, "/health").get("pid") != server["pid"]:
            return False
        _ask(server, "/clients", {"pid": os.getpid()})
    except (OSError, ValueError):
        return False
    _registered.add(ours)
    return True


def _ask(server: dict[str, Any], path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Ask the server's control endpoint, with the secret that only this user can read."""
    request = urllib.request.Request(
        server["control"] + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {server.get('secret', '')}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        answer: dict[str, Any] = json.loads(response.read() or b"{}")
        return answer


@contextmanager
def _lock(data_dir: Path) -> Iterator[None]:
    with (data_dir / "start.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start(data_dir: Path) -> dict[str, Any]:
    _require_packages()
    log = data_dir / "warehouse.log"
    deadline = time.monotonic() + START_SECONDS
    process = _launch(data_dir, log)
    launches = 1
    while time.monotonic() < deadline:
        server = _running(data_dir)
        if server:
            return server
        code = process.poll()
        if code is not None and launches == MAX_LAUNCHES:
            raise LocalWarehouseError(_failure(f"ended with code {code}", log))
        if code is not None:
            # The earlier server may still be ending, with the folder locked.
            time.sleep(0.5)
            process = _launch(data_dir, log)
            launches += 1
        time.sleep(0.05)
    process.terminate()
    raise LocalWarehouseError(_failure(f"did not start within {START_SECONDS:g} s", log))


def _launch(data_dir: Path, log: Path) -> subprocess.Popen[bytes]:
    (data_dir / "server.json").unlink(missing_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "local_warehouse"]
            + ["--data", str(data_dir), "--port", "0", "--exit-with-clients"],
            cwd=_BASE_DIR,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C in a terminal must not end it before the other processes have finished.
            start_new_session=True,
        )


def _require_packages() -> None:
    missing = [name for name in _ENGINE_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise LocalWarehouseError(
            f"Local mode needs packages that are not installed ({', '.join(missing)}). "
            "Either `pip install -r requirements-dev.lock`, or set DATABRICKS_HOST, "
            "DATABRICKS_WAREHOUSE_ID and DATABRICKS_TOKEN to use a Databricks warehouse."
        )


def _failure(what: str, log: Path) -> str:
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
    return f"The local warehouse {what}. The end of {log}:\n{tail}"
