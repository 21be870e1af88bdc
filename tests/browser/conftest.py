"""Fixtures: the CRM as ``make run`` starts it, in headless Chromium."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import override_settings
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    WebError,
    expect,
    sync_playwright,
)

from crm.model.namespace import Namespace
from crm.warehouse import Warehouse, open_shared
from crm.warehouse.config import LOCAL_TOKEN, WarehouseConfig

from ..conftest import BASE_DIR
from ..patience import seconds
from .records import add_account

# The headless shell is Chromium without the browser around its pages; it takes less time.
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))),
    None,
)


@dataclass(frozen=True)
class App:
    """The running CRM."""

    url: str
    data: Path
    process: subprocess.Popen


def _heed_ctrl_c() -> None:
    # A shell that starts this suite in the background makes its processes ignore the signal.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start_app(data: Path, user: str = "dana@example.com", static: Path | None = None) -> App:
    """Start the CRM as ``make run`` does, and wait until it serves.

    :param static: where the static files are collected; None: each is asked for by each page.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DATABRICKS_")}
    environment |= {
        "EDIP_LOCAL_DATA": str(data),
        "PORT": str(port),
        "EDIP_USER": user,
        "EDIP_STATIC_ROOT": str(static or ""),
    }
    with (data.parent / f"app-{port}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "run_local"],
            cwd=BASE_DIR,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_heed_ctrl_c,
        )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + seconds(30)
    while True:
        try:
            urllib.request.urlopen(url + "/readyz", timeout=seconds(5)).close()
            return App(url, data, process)
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail((data.parent / f"app-{port}.log").read_text())
            time.sleep(0.1)


def stop_app(app: App) -> None:
    """Stop the CRM as Ctrl-C does."""
    os.killpg(app.process.pid, signal.SIGINT)
    app.process.wait(timeout=seconds(15))


@pytest.fixture(scope="session")
def static(tmp_path_factory) -> Path:
    """The static files as a deployment has them: a browser asks for each once, not for each page."""
    folder: Path = tmp_path_factory.mktemp("static")
    storages = {"staticfiles": {"BACKEND": "edip.static_files.StaticFilesStorage"}}
    with override_settings(STATIC_ROOT=str(folder), STORAGES=storages):
        call_command("collectstatic", interactive=False, verbosity=0)
    return folder


@pytest.fixture(scope="session")
def app(tmp_path_factory, static: Path) -> Iterator[App]:
    app = start_app(tmp_path_factory.mktemp("browser") / "data", static=static)
    yield app
    stop_app(app)


@pytest.fixture(scope="session")
def other_app(app: App, static: Path) -> Iterator[App]:
    """Another process on the same data, used by another person."""
    other = start_app(app.data, user="bob@example.com", static=static)
    yield other
    stop_app(other)


@pytest.fixture(scope="session")
def tables(app: App) -> Warehouse:
    """The app's tables as Dana uses them: for what a test needs and does not look at."""
    url = json.loads((app.data / "server.json").read_text())["url"]
    config = WarehouseConfig(is_local=True, url=url, token=LOCAL_TOKEN)
    return open_shared(config, Namespace("edip_crm", "main"), "dana@example.com")


@pytest.fixture(scope="session")
def bobs_tables(tables: Warehouse) -> Warehouse:
    """The same tables as Bob uses them, from another process than the app's."""
    return replace(tables, actor="bob@example.com")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        # CI installs Chromium; there, skipping all these tests would go unnoticed.
        give_up = pytest.fail if os.environ.get("BROWSER_TESTS") else pytest.skip
        give_up("Chromium is not installed; install the system's package to run these")
    expect.set_options(timeout=1000 * seconds(5))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def kept_contexts() -> dict[str, BrowserContext]:
    """Browser contexts that tests use one after the other, by their options.

    The first page of each stays open, and so does Chromium's window: opening another one takes
    longer than most tests.
    """
    return {}


@pytest.fixture
def new_context(
    browser: Browser, app: App, kept_contexts: dict[str, BrowserContext]
) -> Iterator[Callable[..., BrowserContext]]:
    """Make browser contexts. Each stands for a person, with own cookies; script errors fail the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def note(error: WebError) -> None:
        errors.append(str(error.error))

    def new_context(**options: str | bool) -> BrowserContext:
        options = {"java_script_enabled": True} | options
        kept = kept_contexts.get(name := json.dumps(options, sort_keys=True))
        context = kept if kept and kept not in contexts else _open_context(browser, app, **options)
        if not kept:
            context.new_page()
            kept_contexts[name] = context
        context.on("weberror", note)
        contexts.append(context)
        return context

    yield new_context
    for context in contexts:
        if context in kept_contexts.values():
            for page in context.pages[1:]:
                page.close()
            context.clear_cookies()
            context.remove_listener("weberror", note)
        else:
            context.close()
    assert errors == []


def _open_context(browser: Browser, app: App, **options: str | bool) -> BrowserContext:
    options = {"base_url": app.url} | options
    context = browser.new_context(viewport={"width": 1440, "height": 900}, **options)
    context.set_default_timeout(1000 * seconds(10))
    return context


@pytest.fixture
def page(new_context) -> Page:
    return new_context().new_page()


@pytest.fixture
def bob(new_context, other_app: App) -> Page:
    """Another person's browser, which uses the other process."""
    return new_context(base_url=other_app.url).new_page()


@pytest.fixture
def bsnid() -> str:
    """An id that no other test uses: all of them share one CRM."""
    return f"T-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def account(tables: Warehouse, bsnid: str) -> str:
    """The address of an account that Dana has just created."""
    add_account(tables, bsnid, f"Team {bsnid}")
    return f"/accounts/{bsnid}/"
