"""Actions while a process ends: the warehouse or a worker is killed, or the app is stopped.

``make faults`` runs all actions; the normal suite has tests of each kind in tests/deployment.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from crm.warehouse import Warehouse

from ..conftest import BASE_DIR, LocalWarehouse, _wait_until_ready
from ..deployment.conftest import App, children, start, token_sign_in  # noqa: F401
from ..patience import seconds, wait_for_pages
from ..schemas import EMPTY, Schemas
from ..sizes import only_soak
from .action import WRITES, Action
from .actions import chosen, stage
from .browser import Browser
from .cell import run_cell
from .conftest import plant

ACTIONS = ["create", "edit", "delete, step 3", "undo, step 3", "repair, step 6", "import"]
ACTIONS += ["composer, step 2", "bulk change", "bulk deletion, step 4", "bulk deletion, step 8"]
ACTIONS += [
    "onboarding, step 2",
    "merge, step 4",
    "merge, step 7",
    "undo merge, step 6",
    "bulk move",
]
pytestmark = [only_soak, pytest.mark.timeout(900)]


@contextmanager
def when_written(
    server: LocalWarehouse, action: Action, act: Callable[[], None]
) -> Iterator[None]:
    """Call ``act`` when the action's statement has reached the warehouse."""
    last, is_over = server.last(), threading.Event()

    def watch() -> None:
        while not is_over.wait(0.05):
            texts = [entry["text"] for entry in server.statements(last)]
            if sum(bool(re.match(WRITES, text, re.IGNORECASE)) for text in texts) >= action.at:
                time.sleep(0.5)
                act()
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


# --- the warehouse ---
class OwnWarehouse:
    """A local warehouse of this module, which may be killed and started again."""

    def __init__(self, data: Path) -> None:
        self.data, self.port = data, 0
        self.start()

    def start(self) -> None:
        (self.data / "server.json").unlink(missing_ok=True)
        command = [sys.executable, "-m", "local_warehouse", "--data", str(self.data)]
        with (self.data / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port)], cwd=BASE_DIR, stdout=log, stderr=log
            )
        found = _wait_until_ready(self.process, self.data)
        self.port = urlsplit(found["url"]).port
        self.server = LocalWarehouse.of(self.data)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[OwnWarehouse]:
    own = OwnWarehouse(tmp_path)
    yield own
    own.kill()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_the_warehouse_is_killed(own: OwnWarehouse, settings: Any, moment: str) -> None:
    """While a statement waits to run, or when it has run and its answer is on its way."""
    schemas, found = Schemas(own.server), []
    with schemas.lend(EMPTY) as namespace:
        settings.NAMESPACE = namespace
        settings.WAREHOUSE = own.server.config(statement_timeout=5)
        wh = plant(schemas.open(namespace))
        client = Client(raise_request_exception=False)
        for name in chosen(ACTIONS):

            @contextmanager
            def meet(action: Action) -> Iterator[None]:
                fault: dict[str, Any] = {"kind": "latency", "seconds": 30}
                if moment == "after":
                    fault = {"kind": "hang"}
                own.server.fault(match=action.writes, at=action.at, **fault)
                with when_written(own.server, action, own.kill):
                    yield
                own.start()

            cell, fault = stage(client, wh, name), f"killed {moment}"
            recover = partial(wait_for_pages, client, 20.0)
            found.append(run_cell(fault, cell, own.server, meet, recover, seconds(21)))
    assert [outcome.line() for outcome in found if outcome.red] == []


# --- the app ---
@pytest.mark.parametrize("fault", ["worker killed", "SIGTERM"])
def test_the_app_is_stopped(
    start: Callable[..., App],  # noqa: F811
    token_sign_in: dict[str, str],  # noqa: F811
    families: Warehouse,
    server: LocalWarehouse,
    fault: str,
) -> None:
    """A killed worker's answer is lost. After SIGTERM, what is under way is finished."""
    found = []
    environment = token_sign_in | {"EDIP_ADMINS": "alice@example.com"}
    browser = Browser(start(**environment))
    for name in chosen(ACTIONS):

        def stop() -> None:
            if fault == "SIGTERM":
                browser.app.stop()
            else:
                for child in children(browser.app.process.pid):
                    os.kill(child, signal.SIGKILL)

        @contextmanager
        def meet(action: Action) -> Iterator[None]:
            kind = "latency" if fault == "SIGTERM" else "hang"
            server.fault(kind, seconds=3, match=action.writes, at=action.at)
            with when_written(server, action, stop):
                yield
            server.clear_faults()
            if fault == "SIGTERM":
                browser.app = start(**environment)

        cell, recover = stage(browser, families, name), partial(wait_for_pages, browser, 20.0)
        found.append(run_cell(fault, cell, server, meet, recover, seconds(15)))
    assert [outcome.line() for outcome in found if outcome.red] == []
