"""Fixtures: one local warehouse for the whole run, a schema of its own for each test.

The application meets it over HTTP through the real connector, as it would meet Databricks.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from crm import sample_data
from crm.identity.warehouses import for_person
from crm.model.namespace import Namespace
from crm.model.schema import TABLES
from crm.repository import ddl
from crm.repository.transfer import insert_missing
from crm.warehouse import Warehouse, dispose_all
from crm.warehouse.config import LOCAL_TOKEN, WarehouseConfig

BASE_DIR = Path(__file__).resolve().parent.parent
ACTOR = "alice@example.com"
CATALOG = "edip_test"


@dataclass(frozen=True)
class LocalWarehouse:
    """The server under test, with its control endpoint."""

    url: str
    control: str
    data: Path
    token: str = LOCAL_TOKEN

    def fault(self, kind: str, times: int | None = 1, **options: Any) -> None:
        """Let statements meet a fault; ``times=None``: until the end of the test."""
        self._ask("POST", "/faults", {"kind": kind, "times": times, **options})

    def clear_faults(self) -> None:
        self._ask("DELETE", "/faults")

    def end_sessions(self) -> None:
        """What a restart of the warehouse does to its clients."""
        self._ask("DELETE", "/sessions")

    def statements(self, after: int = 0) -> list[dict[str, Any]]:
        return self._ask("GET", f"/statements?after={after}")["statements"]

    def last(self) -> int:
        return self._ask("GET", "/statements")["last"]

    def stop(self) -> None:
        self._ask("POST", "/shutdown", {})

    def config(self, **knobs: Any) -> WarehouseConfig:
        return WarehouseConfig(is_local=True, url=self.url, token=self.token, **knobs)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.control + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.loads(response.read() or b"{}")


@pytest.fixture(scope="session")
def local_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWarehouse]:
    data = tmp_path_factory.mktemp("warehouse")
    with (data / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "local_warehouse", "--data", str(data), "--port", "0"],
            cwd=BASE_DIR,
            stdout=log,
            stderr=log,
        )
    try:
        server = _wait_until_ready(process, data)
        yield LocalWarehouse(server["url"], server["control"], data)
    finally:
        dispose_all()
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_ready(process: subprocess.Popen[bytes], data: Path) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while not (data / "server.json").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"The local warehouse did not start:\n{(data / 'log').read_text()}")
        time.sleep(0.05)
    return json.loads((data / "server.json").read_text())


@pytest.fixture(autouse=True)
def _no_other_warehouse(settings: Any) -> None:
    """Whatever the environment says, no test reaches a real warehouse or the developer's."""
    settings.WAREHOUSE = WarehouseConfig(is_local=True, url="http://127.0.0.1:9/none")


@pytest.fixture
def server(local_warehouse: LocalWarehouse) -> Iterator[LocalWarehouse]:
    """The server, for a test that injects faults: they are gone afterwards."""
    yield local_warehouse
    local_warehouse.clear_faults()


@pytest.fixture
def namespace() -> Namespace:
    return Namespace(CATALOG, f"t_{uuid.uuid4().hex[:12]}")


@pytest.fixture
def warehouse(server: LocalWarehouse, namespace: Namespace, settings: Any) -> Iterator[Warehouse]:
    """A warehouse with empty tables, which the application uses, too (Django's ``client``)."""
    settings.WAREHOUSE = server.config()
    settings.NAMESPACE = namespace
    wh = for_person(ACTOR)
    for statement in (
        ddl.create_catalog(namespace),
        ddl.create_schema(namespace),
        *(ddl.create_table(table, namespace) for table in TABLES),
    ):
        wh.execute(statement, repeatable=True)
    yield wh
    server.clear_faults()
    wh.execute(f"DROP SCHEMA IF EXISTS {namespace.quoted_schema} CASCADE", repeatable=True)


@pytest.fixture
def sample(warehouse: Warehouse) -> Warehouse:
    """The same with the sample data."""
    for table, rows in sample_data.rows(dt.datetime.now(dt.UTC).date()).items():
        insert_missing.insert_missing(warehouse, table, rows)
    return warehouse


@pytest.fixture
def someone_else(warehouse: Warehouse) -> Warehouse:
    """The same tables as another person uses them."""
    return replace(warehouse, actor="bob@example.com")


Statements = Callable[[], AbstractContextManager[list[str]]]


@pytest.fixture
def statements(local_warehouse: LocalWarehouse) -> Statements:
    """``with statements() as done: …``; afterwards ``done`` lists the texts that ran."""

    @contextmanager
    def counted() -> Iterator[list[str]]:
        done: list[str] = []
        before = local_warehouse.last()
        yield done
        done += [entry["text"] for entry in local_warehouse.statements(after=before)]

    return counted
