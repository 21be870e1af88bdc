"""Fixtures: the CRM as Databricks Apps runs it, with the command and variables of app.yaml."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import yaml

from crm.model.namespace import Namespace
from crm.warehouse import Warehouse
from tests.patience import seconds

from ..conftest import BASE_DIR, LocalWarehouse

# The headers that the proxy adds to a signed-in person's request.
PROXIED = {
    "X-Forwarded-Host": "edip-crm-123.aws.databricksapps.com",
    "X-Forwarded-Email": "alice@example.com",
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class App:
    process: subprocess.Popen[bytes]
    url: str
    log: Path
    temporary: Path

    def get(self, path: str, **headers: str) -> Answer:
        """Send a request as the proxy does; return the answer."""
        request = urllib.request.Request(self.url + path, headers=PROXIED | headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return Answer(response.status, dict(response.headers), response.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), error.read())

    def post(self, path: str, **fields: str) -> int:
        """Send a form as its page does; return the status, without a redirect."""
        page = self.get("/guide/")  # which needs no statement
        cookie = page.headers["Set-Cookie"].split(";")[0]
        token = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', page.body)[1].decode()
        headers = PROXIED | {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": cookie,
            "Origin": f"https://{PROXIED['X-Forwarded-Host']}",
        }
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        with closing(connection):
            body = urlencode(fields | {"csrfmiddlewaretoken": token})
            connection.request("POST", path, body, headers)
            return connection.getresponse().status

    def stop(self) -> float:
        """Send SIGTERM; return the seconds until the process ended."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(seconds(15))
        return time.monotonic() - started


def app_yaml() -> dict[str, Any]:
    return yaml.safe_load((BASE_DIR / "app.yaml").read_text())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def clean_environment() -> dict[str, str]:
    ours = ("DATABRICKS_", "DJANGO_", "EDIP_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    # app.yaml names gunicorn alone: Databricks puts the environment it installed first.
    return kept | {"PATH": f"{Path(sys.executable).parent}:{kept['PATH']}"}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., App]]:
    """``start(**environment)``: run app.yaml's command, and wait until it serves."""
    with starter(tmp_path) as start:
        yield start


@contextmanager
def starter(folder: Path) -> Iterator[Callable[..., App]]:
    """What the fixture ``start`` gives; the apps end with it."""
    apps: list[App] = []

    def start(wait: bool = True, on_apps: bool = True, **variables: str) -> App:
        port = free_port()
        command = [
            part.replace("$DATABRICKS_APP_PORT", str(port)) for part in app_yaml()["command"]
        ]
        log, temporary = folder / f"{port}.log", folder / f"tmp-{port}"
        temporary.mkdir()
        injected = {"DATABRICKS_APP_NAME": "edip-crm", "DATABRICKS_APP_PORT": str(port)}
        environment = clean_environment() | {
            **(injected if on_apps else {}),
            "DJANGO_SECRET_KEY": "K7-pQz_4" * 8,
            "TMPDIR": str(temporary),
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=BASE_DIR,
                env=environment | variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        app = App(process, f"http://127.0.0.1:{port}", log, temporary)
        apps.append(app)
        if wait:
            _wait_until_it_serves(app)
        return app

    yield start
    for app in apps:
        if app.process.poll() is None:
            app.process.terminate()
            try:
                app.process.wait(seconds(10))
            except subprocess.TimeoutExpired:
                app.process.kill()


def _wait_until_it_serves(app: App) -> None:
    deadline = time.monotonic() + seconds(60)
    while time.monotonic() < deadline and app.process.poll() is None:
        with suppress(OSError):
            if app.get("/healthz").status == 200:
                return
        time.sleep(0.05)
    pytest.fail(f"The app did not start:\n{app.log.read_text()}")


@pytest.fixture
def token_sign_in(server: LocalWarehouse, warehouse: Warehouse) -> dict[str, str]:
    """Variables for the local warehouse as a remote one, with a personal access token."""
    return token_variables(server, warehouse.namespace)


def token_variables(server: LocalWarehouse, namespace: Namespace) -> dict[str, str]:
    return {
        "EDIP_AUTH": "pat",
        "EDIP_WAREHOUSE_URL": server.url,
        "DATABRICKS_HOST": "example.cloud.databricks.com",
        "DATABRICKS_WAREHOUSE_ID": "local",
        "DATABRICKS_TOKEN": server.token,
        "DATABRICKS_CATALOG": namespace.catalog,
        "DATABRICKS_SCHEMA": namespace.schema,
    }


def reading(app: App) -> threading.Thread:
    """Return a thread that reads a page, and loses it if the app ends."""

    def read() -> None:
        with suppress(OSError, HTTPException):
            app.get("/accounts/")

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def wait_for(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + seconds(10)
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    children = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == pid:
                children.append(int(name))
    return children
