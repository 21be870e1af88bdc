"""Fixtures: one local warehouse for the whole run, and a separate schema for each test.

The application connects to it over HTTP through the real connector, as to Databricks.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

import cachetools
import pytest
from django.conf import settings as django_settings
from whitenoise.middleware import WhiteNoiseMiddleware

from crm.model.namespace import Namespace
from crm.warehouse import Warehouse, dispose_all
from crm.warehouse.config import WarehouseConfig

from .control import LocalWarehouse as LocalWarehouse
from .order import import_in_turn, shares_in_order
from .patience import seconds
from .schemas import ACTOR as ACTOR
from .schemas import CATALOG as CATALOG
from .schemas import CONTENTS, EMPTY, Schemas
from .sizes import IS_SOAK, soak

# The tables of tests are small: the local warehouse's engine is fastest with one partition, and
# with few threads.
os.environ.setdefault("SAIL_EXECUTION__DEFAULT_PARALLELISM", "1")
os.environ.setdefault("TOKIO_WORKER_THREADS", "2")
# No test trusts a public certificate, and the connector reads all of them for each connection.
os.environ["SSL_CERT_FILE"] = os.devnull
# The processes that tests start read compiled modules instead of compiling all of them again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# So does this process, also for the tests' own modules.
sys.dont_write_bytecode = False

BASE_DIR = Path(__file__).resolve().parent.parent


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
        _wait_until_ready(process, data)
        yield LocalWarehouse.of(data)
    finally:
        dispose_all()
        process.terminate()
        try:
            process.wait(seconds(5))
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_ready(process: subprocess.Popen[bytes], data: Path) -> dict[str, Any]:
    deadline = time.monotonic() + seconds(30)
    while not (data / "server.json").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"The local warehouse did not start:\n{(data / 'log').read_text()}")
        time.sleep(0.05)
    return json.loads((data / "server.json").read_text())


# Fixtures that start a process, or need one.
_PROCESSES = {
    "local_warehouse",
    "server",
    "shared",
    "start",
    "shell",
    "app",
    "browser",
    "self_signed",
    "own",
    "restarted",
}
# Folders and files whose tests start processes by themselves.
_WITH_PROCESSES = (
    "apps/",
    "browser/",
    "commands/test_check_connection.py",
    "commands/test_closed_pipes.py",
    "commands/test_digest_once.py",
    "deployment/",
    "faults/test_processes.py",
    "importing/test_size.py",
    "local_warehouse/test_engine.py",
    "local_warehouse/test_server.py",
    "repository/test_list_plans.py",
    "sign_in/test_service_principal.py",
    "test_architecture.py",
    "test_bench.py",
    "test_javascript.py",
    "test_lint.py",
    "test_new_column.py",
    "warehouse/test_config.py",
    "warehouse/test_local.py",
)


def pytest_configure() -> None:
    """Make the settings of all tests once, since a fixture per test would cost more."""
    # No test may reach a real warehouse or the developer's, whatever the environment says.
    django_settings.WAREHOUSE = WarehouseConfig(is_local=True, url="http://127.0.0.1:9/none")
    # On a busy machine a page takes longer.
    django_settings.EDIP_REQUEST_TIMEOUT = max(20.0, seconds(7))
    logging.getLogger().setLevel(logging.INFO)
    subprocess.Popen.__init__ = _start_unless_fast
    WhiteNoiseMiddleware.add_files_from_finders = _add_known_files


_find_files = WhiteNoiseMiddleware.add_files_from_finders
_known_files: dict[str, Any] = {}


def _add_known_files(middleware: WhiteNoiseMiddleware) -> None:
    """Search the static files once, because each test's client has its own middleware."""
    if not _known_files:
        _find_files(middleware)
        _known_files.update(middleware.files)
    middleware.files.update(_known_files)


_is_fast = False  # the test that runs
_start = subprocess.Popen.__init__


def pytest_runtest_setup(item: pytest.Item) -> None:
    global _is_fast
    _is_fast = item.get_closest_marker("fast") is not None


@wraps(_start)
def _start_unless_fast(*args: Any, **kwargs: Any) -> None:
    if _is_fast:
        pytest.fail("This test starts a process: name its file in _WITH_PROCESSES.")
    _start(*args, **kwargs)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests that start no process as ``fast``; scale their time limits to the machine.

    Those that only ``make soak`` runs get its marker, and are skipped elsewhere.
    """
    for item in items:
        where = item.nodeid.removeprefix("tests/")
        fixtures = set(getattr(item, "fixturenames", ()))
        if not fixtures & _PROCESSES and not where.startswith(_WITH_PROCESSES):
            item.add_marker("fast")
        if item.get_closest_marker("only_soak"):
            item.add_marker(soak)
            item.add_marker(pytest.mark.skipif(not IS_SOAK, reason="a long test: make soak"))
        limit = item.get_closest_marker("timeout")
        item.add_marker(pytest.mark.timeout(seconds(limit.args[0] if limit else 120)))
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    items[:] = shares_in_order(items, workers)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Switch the garbage collector off meanwhile, since modules and tests all stay in memory.

    Later collections skip them, and are rare: a parsed page is thousands of objects that refer to
    each other, and while it is parsed, collections took a fifth of the time and found nothing.
    """
    gc.disable()
    try:
        import_in_turn(session.config)
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000)
        gc.enable()


def pytest_unconfigure() -> None:
    """End at once: what the process still has need not be freed."""
    gc.freeze()


@pytest.fixture
def server(local_warehouse: LocalWarehouse) -> Iterator[LocalWarehouse]:
    """The server, for a test that injects faults; they are cleared afterwards."""
    yield local_warehouse
    local_warehouse.clear_faults()


@pytest.fixture(scope="session")
def schemas(local_warehouse: LocalWarehouse) -> Schemas:
    return Schemas(local_warehouse)


@pytest.fixture
def warehouse(
    server: LocalWarehouse, schemas: Schemas, settings: Any, request: pytest.FixtureRequest
) -> Iterator[Warehouse]:
    """A warehouse with empty tables, which the application uses, too (Django's ``client``).

    With the fixture ``sample``, or another one of ``CONTENTS``, they have rows.
    """
    settings.WAREHOUSE = server.config()
    forget_everything()
    content = next((name for name in CONTENTS if name in request.fixturenames), EMPTY)
    with schemas.lend(content) as namespace:
        settings.NAMESPACE = namespace
        yield schemas.open(namespace)
        server.clear_faults()


@pytest.fixture
def namespace(warehouse: Warehouse) -> Namespace:
    """The catalog, schema and prefix of the test's tables."""
    return warehouse.namespace


@pytest.fixture
def sample(warehouse: Warehouse) -> Warehouse:
    """The same warehouse, with the sample data in its tables."""
    return warehouse


@pytest.fixture
def with_transactions(warehouse: Warehouse) -> Warehouse:
    """The same warehouse; its tables have the feature that transactions need."""
    return warehouse


def forget_everything() -> None:
    """Empty the application's caches, so that no test finds what another one read."""
    # A thread may import a module meanwhile; `copy` is atomic, `list(….items())` is not.
    for name, module in sys.modules.copy().items():
        if name.startswith("crm."):
            for place in _places_of_caches(module):
                if isinstance(value := getattr(module, place, None), cachetools.Cache):
                    value.clear()


_known_places: dict[str, list[str]] = {}


def _places_of_caches(module: ModuleType) -> list[str]:
    """Return the names of the module's variables with caches; looks once, when it is loaded."""
    if (places := _known_places.get(module.__name__)) is None:
        values = vars(module).copy()
        places = [name for name, each in values.items() if isinstance(each, cachetools.Cache)]
        if not getattr(module.__spec__, "_initializing", False):
            _known_places[module.__name__] = places
    return places


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
