"""Servers of the local warehouse, and plain connections to them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from databricks import sql

from ..conftest import LocalWarehouse
from ..control import control_headers
from ..patience import seconds

TOKEN = "dapi-local-developer"
CONNECTOR = {
    "server_hostname": "localhost",
    "http_path": "/sql/1.0/warehouses/local",
    "enable_telemetry": False,
    "use_cloud_fetch": False,
    "_retry_stop_after_attempts_count": 1,
    "_retry_delay_max": 5,
}


class RunningServer:
    """A local warehouse that somebody started, with its data."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.announced = json.loads((data / "server.json").read_text())
        self.url = self.announced["url"]

    def connect(self, token: str = TOKEN, **options):
        return sql.connect(access_token=token, _connection_uri=self.url, **CONNECTOR, **options)

    def control(self, method: str, path: str, **body) -> dict:
        request = urllib.request.Request(
            self.announced["control"] + path,
            None if method == "GET" else json.dumps(body).encode(),
            control_headers(self.data),
            method=method,
        )
        with urllib.request.urlopen(request, timeout=seconds(10)) as answer:
            return json.load(answer)

    def fault(self, kind: str, **options) -> None:
        self.control("POST", "/faults", kind=kind, **options)

    def statements(self) -> list[dict]:
        return self.control("GET", "/statements")["statements"]


class Server(RunningServer):
    """One ``python -m local_warehouse`` process, as a developer starts it."""

    def __init__(self, data: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local_warehouse", "--data", str(data), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        greeting = self.process.stdout.readline()
        assert greeting.startswith("Local warehouse at"), greeting
        super().__init__(data)

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=seconds(20))


@pytest.fixture(scope="session")
def server(local_warehouse: LocalWarehouse) -> RunningServer:
    """The server of all tests of this process: here for tests that need no special one."""
    return RunningServer(local_warehouse.data)


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., Server]]:
    """Start further servers; they are killed at the end of the test."""
    started: list[Server] = []

    def start(*options: str, data: Path = tmp_path / "data") -> Server:
        started.append(Server(data, *options))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.kill()


class Shell:
    """A connection with short methods for statements."""

    def __init__(self, connection) -> None:
        self.connection = connection

    def run(self, statement: str, parameters=None) -> list:
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall()

    def change(self, statement: str, parameters=None) -> int:
        """Run a write; return the number of changed rows."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.rowcount

    def value(self, statement: str, parameters=None):
        return self.run(statement, parameters)[0][0]

    def error(self, statement: str, parameters=None) -> str:
        with pytest.raises(sql.exc.ServerOperationError) as raised:
            self.run(statement, parameters)
        return raised.value.message


@contextmanager
def shell_on(server: RunningServer, **options) -> Iterator[Shell]:
    connection = server.connect(**options)
    try:
        yield Shell(connection)
    finally:
        connection.close()


@pytest.fixture
def shell(server, request) -> Iterator[Shell]:
    """A shell in an empty schema of its own, in catalog ``tests``."""
    schema = f"s{time.monotonic_ns()}"
    with shell_on(server) as setup:
        setup.run("CREATE CATALOG IF NOT EXISTS tests")
        setup.run(f"CREATE SCHEMA tests.{schema}")
        with shell_on(server, catalog="tests", schema=schema) as shell:
            yield shell
        setup.run(f"DROP SCHEMA tests.{schema} CASCADE")


def folder_of(server: RunningServer, name: str) -> Path:
    """Return the folder with the files of ``catalog.schema.table``."""
    catalog, schema, table = name.split(".")
    known = json.loads((server.data / "catalog.json").read_text())["catalogs"]
    return server.data / "tables" / known[catalog]["schemas"][schema]["tables"][table]["id"]


def made_days_ago(commit: Path, days: int) -> None:
    """Rewrite a commit as if it had been made so many days ago."""
    lines = []
    for line in commit.read_text().splitlines():
        action = json.loads(line)
        for name, moment in (("commitInfo", "timestamp"), ("remove", "deletionTimestamp")):
            if moment in action.get(name, {}):
                action[name][moment] -= days * 86_400_000
        lines.append(json.dumps(action))
    commit.write_text("\n".join(lines) + "\n")


def wait_until(is_so: Callable[[], bool], pause: float = 0.02) -> None:
    deadline = time.monotonic() + seconds(60)
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(pause)
