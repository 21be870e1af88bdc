"""The app as Databricks Apps runs it: gunicorn by app.yaml's own command, behind a proxy.

The proxy works like that of Databricks Apps: it knows the browser's person, adds the
``X-Forwarded-*`` headers with a fresh token of that person, and removes any such headers that the
browser has sent.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
import yaml

from crm.model.namespace import Namespace

from ..conftest import BASE_DIR, LocalWarehouse
from ..patience import seconds

SHIFTED_CLOCK = Path(__file__).with_name("shifted_clock.py")
# Uploads: field → (name, content).
Files = dict[str, tuple[str, bytes]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Gunicorn:
    """The app's processes, and everything that they logged.

    :param shift: seconds by which their clock is ahead of the warehouse's.
    """

    def __init__(self, environment: dict[str, str], log: Path, shift: float = 0) -> None:
        self.port, self.log = free_port(), log
        command = yaml.safe_load((BASE_DIR / "app.yaml").read_text())["command"]
        # Databricks Apps substitutes this one variable; the command sees no shell.
        command = [part.replace("$DATABRICKS_APP_PORT", str(self.port)) for part in command]
        command[0] = str(Path(sys.executable).with_name(command[0]))
        if shift:
            command = [sys.executable, str(SHIFTED_CLOCK), str(shift), *command]
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("DATABRICKS", "EDIP"))}
        environment = keep | {"DATABRICKS_APP_PORT": str(self.port)} | environment
        with log.open("w") as output:
            self.process = subprocess.Popen(
                command, cwd=BASE_DIR, env=environment, stdout=output, stderr=output
            )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + seconds(60)
        while True:
            try:
                requests.get(f"http://127.0.0.1:{self.port}/healthz", timeout=5)
                return
            except requests.RequestException:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(self.log.read_text())
                time.sleep(0.1)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=seconds(20))


class AppsProxy:
    """The proxy between one person's browser and the app.

    ``token_seconds`` is how long each token lives; the next one is handed out shortly before,
    as Databricks does.
    """

    def __init__(
        self, app_port: int, warehouse: LocalWarehouse, user: str, token_seconds: float = 3600
    ) -> None:
        self.user, self.tokens = user, []
        self._warehouse, self._seconds = warehouse, token_seconds
        self._renew_at, self._lock = 0.0, threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                upstream = http.client.HTTPConnection("127.0.0.1", app_port, timeout=70)
                upstream.request(self.command, self.path, body, proxy.headers(self.headers))
                answer = upstream.getresponse()
                content = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                upstream.close()

            do_POST = do_GET

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def headers(self, sent) -> dict[str, str]:
        kept = {k: v for k, v in sent.items() if not k.lower().startswith("x-forwarded-")}
        # The browser speaks TLS with the proxy, under this name.
        kept["Host"] = "edip-crm-1234567890.5.databricksapps.com"
        for name in ("Origin", "Referer"):
            if name in kept:
                kept[name] = kept[name].replace(self.url, f"https://{kept['Host']}")
        return kept | {
            "X-Forwarded-Access-Token": self.token(),
            "X-Forwarded-Email": self.user,
            "X-Forwarded-User": f"{abs(hash(self.user))}@1234567890",
            "X-Forwarded-Preferred-Username": self.user.split("@")[0].title(),
            "X-Forwarded-Host": kept["Host"],
            "X-Real-Ip": "203.0.113.7",
            "X-Request-Id": str(uuid.uuid4()),
        }

    def claims(self) -> str:
        """Return the middle part of a token, unreadable as in an opaque token."""
        return self.user.split("@")[0]

    def token(self) -> str:
        with self._lock:
            if time.monotonic() > self._renew_at:
                token = f"eyTOKEN.{self.claims()}.{uuid.uuid4().hex}"
                self._warehouse._ask(
                    "POST",
                    "/tokens",
                    {"token": token, "user": self.user, "expires_in": self._seconds},
                )
                self.tokens.append(token)
                self._renew_at = time.monotonic() + self._seconds * 0.6
            return self.tokens[-1]

    def stop(self) -> None:
        self._server.shutdown()


class Visitor:
    """A person's browser, without pictures: cookies, forms with their CSRF token."""

    def __init__(self, proxy: AppsProxy) -> None:
        self.proxy = proxy
        self.session = requests.Session()
        # Cookies are "secure": behind the proxy the browser speaks https.
        self.cookies: dict[str, str] = {}
        self.pages: list[tuple[str, int, str]] = []

    def get(self, path: str, **headers: str) -> requests.Response:
        return self._send("GET", path, None, headers)

    def post(
        self, path: str, data: dict[str, str], files: Files | None = None, **headers: str
    ) -> requests.Response:
        if not self._csrf_token:
            self.get("/accounts/new/")
            self.get("/accounts/")
        token = self._csrf_token
        headers = {"Origin": self.proxy.url, "Referer": self.proxy.url + path, **headers}
        return self._send("POST", path, {"csrfmiddlewaretoken": token, **data}, headers, files)

    @property
    def _csrf_token(self) -> str:
        named = (v for name, v in self.cookies.items() if "csrf" in name)
        return next(named, "")

    def _send(
        self, method: str, path: str, data, headers: dict[str, str], files: Files | None = None
    ) -> requests.Response:
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()), **headers}
        response = requests.request(
            method, self.proxy.url + path, data=data, headers=headers, allow_redirects=False,
            timeout=70, files=files,
        )  # fmt: skip
        for line in response.raw.headers.getlist("Set-Cookie"):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        self.pages.append((f"{method} {path}", response.status_code, response.text))
        return response


@pytest.fixture(scope="module")
def start_gunicorn(
    local_warehouse: LocalWarehouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable]:
    """Start the app as on Databricks Apps, signing in on behalf of the user."""
    started: list[Gunicorn] = []
    logs = tmp_path_factory.mktemp("gunicorn")

    def start(namespace: Namespace, shift: float = 0, **environment: str) -> Gunicorn:
        environment = {
            "DATABRICKS_APP_NAME": "edip-crm",
            "DATABRICKS_HOST": local_warehouse.url.split("/sql/")[0],
            "DATABRICKS_WAREHOUSE_ID": "local",
            "DATABRICKS_CLIENT_ID": "never-to-be-used",
            "DATABRICKS_CLIENT_SECRET": "never-to-be-used",
            "EDIP_WAREHOUSE_URL": local_warehouse.url,
            "EDIP_AUTH": "user",
            "DATABRICKS_CATALOG": namespace.catalog,
            "DATABRICKS_SCHEMA": namespace.schema,
            "DJANGO_SECRET_KEY": uuid.uuid4().hex * 3,
            **environment,
        }
        gunicorn = Gunicorn(environment, logs / f"{len(started)}.log", shift)
        started.append(gunicorn)
        gunicorn.wait_until_ready()
        return gunicorn

    yield start
    for gunicorn in started:
        gunicorn.stop()
    shutil.rmtree(logs, ignore_errors=True)
