"""gunicorn as app.yaml starts it: its pages, its start without statements, and its end."""

from __future__ import annotations

import gzip
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from ..conftest import LocalWarehouse
from ..patience import seconds
from ..schemas import EMPTY, Schemas
from ..slow_proxy import HANG, SlowProxy, slow_proxy
from .conftest import (
    PROXIED,
    App,
    children,
    free_port,
    reading,
    starter,
    token_variables,
    wait_for,
)


@dataclass(frozen=True)
class Started:
    """An app that started before its warehouse, and the proxy through which it reaches it.

    ``early``: the statuses of /healthz and /readyz before there was a warehouse.
    """

    app: App
    early: list[int]
    proxy: SlowProxy


@pytest.fixture(scope="module")
def started(
    local_warehouse: LocalWarehouse, schemas: Schemas, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Started]:
    """The app with an access token and empty tables, for tests that do not write; the last test
    stops it."""
    folder, port = tmp_path_factory.mktemp("app"), free_port()
    url = urlsplit(local_warehouse.url)._replace(netloc=f"127.0.0.1:{port}").geturl()
    with schemas.lend(EMPTY) as namespace, starter(folder) as start:
        variables = token_variables(local_warehouse, namespace) | {"EDIP_WAREHOUSE_URL": url}
        variables |= {"EDIP_ADMINS": PROXIED["X-Forwarded-Email"]}
        app = start(**variables)
        early = [app.get(path).status for path in ("/healthz", "/readyz")]
        with slow_proxy(local_warehouse.url, port) as proxy:
            yield Started(app, early, proxy)


@pytest.fixture
def app(started: Started) -> App:
    """The app, once both of its processes have found their warehouse."""
    ends, found = time.monotonic() + seconds(10), 0
    while found < 8:
        assert time.monotonic() < ends
        found = found + 1 if started.app.get("/readyz").status == 200 else 0
        time.sleep(0 if found else 0.2)
    return started.app


def test_it_starts_without_the_warehouse(started: Started, app: App) -> None:
    assert started.early == [200, 503]
    assert app.get("/readyz").status == 200
    assert "EDIP_EDITORS names nobody" in app.log.read_text()


def test_it_serves_with_two_workers(app: App) -> None:
    page = app.get("/accounts/")
    assert (page.status, b"No accounts yet" in page.body) == (200, True)
    assert "max-age" in page.headers["Strict-Transport-Security"]
    assert app.get("/readyz").status == 200
    assert len(children(app.process.pid)) == 2


def test_the_log_has_a_line_for_each_request_and_the_counters_add_up(app: App) -> None:
    """Over both processes, of which either may answer. No line has a query string."""
    for number in range(12):
        app.get(f"/as-of/?secret=query-{number}", **{"X-Request-Id": f"counted-{number}"})
    log = app.log.read_text()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    ours = [line for line in lines if line.get("request", "").startswith("counted-")]
    assert {line["person"] for line in ours} == {PROXIED["X-Forwarded-Email"]}
    assert [line["route"] for line in ours] == ["as-of"] * 12
    assert "secret" not in log
    counted = re.compile(rb'edip_requests_total\{page="as-of",status="200"\} (\d+)')

    def found() -> int:
        match = counted.search(app.get("/metrics").body)
        return int(match[1]) if match else 0

    for _ in range(4):
        wait_for(lambda: found() >= 12)


def test_a_cookie_header_that_is_too_large_has_its_page(app: App) -> None:
    for size in (9_000, 30_000):
        answer = app.get("/accounts/", Cookie=f"of-another-app={'x' * size}")
        assert (answer.status, b"Delete the cookies" in answer.body) == (431, True)
    assert app.get("/accounts/", Cookie=f"x={'x' * 40_000}").status == 431


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("X-Forwarded-Email", "alice@example.com"), ("x-forwarded-email", "bob@example.com")],
        [("X_Forwarded_Email", "alice@example.com")],
        [("X-Forwarded-User", "alice@example.com")],
    ],
)
def test_who_the_person_is_must_be_said_once(app: App, headers: list[tuple[str, str]]) -> None:
    browser = HTTPConnection(urlsplit(app.url).netloc)
    browser.putrequest("GET", "/accounts/")
    for name, value in [("X-Forwarded-Host", PROXIED["X-Forwarded-Host"]), *headers]:
        browser.putheader(name, value)
    browser.endheaders()
    assert browser.getresponse().status == 401
    browser.close()


def test_static_files_are_hashed_and_compressed(app: App) -> None:
    page = app.get("/accounts/new/").body.decode()
    files = re.findall(r'(?:href|src)="(/static/[^"#]+)', page)
    assert len(files) > 8
    for file in files:
        assert re.search(r"\.[0-9a-f]{12}\.\w+$", file), file
        answer = app.get(file, **{"Accept-Encoding": "gzip"})
        assert answer.status == 200
        assert "immutable" in answer.headers["Cache-Control"]
        assert int(re.search(r"max-age=(\d+)", answer.headers["Cache-Control"])[1]) > 31_000_000
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in answer.headers
    style = app.get(next(f for f in files if "base." in f), **{"Accept-Encoding": "gzip"})
    assert style.headers["Content-Encoding"] == "gzip"
    assert b"box-sizing" in gzip.decompress(style.body)
    # An error page uses the same files.
    assert files[1] in app.get("/no/such/page").body.decode()


def test_pages_without_statements_do_not_wait_for_statements(
    app: App, server: LocalWarehouse
) -> None:
    """A hundred requests wait for a slow warehouse: more than the two processes take at once."""
    app.get("/accounts/")
    server.fault("latency", times=None, seconds=8)
    statuses: list[int] = []

    def read() -> None:
        with suppress(OSError):
            statuses.append(app.get("/accounts/").status)

    readers = [threading.Thread(target=read, daemon=True) for _ in range(110)]
    for reader in readers:
        reader.start()
    time.sleep(3)
    assert sum(reader.is_alive() for reader in readers) > 50
    for _ in range(10):
        started = time.monotonic()
        assert app.get("/healthz").status == 200
        assert time.monotonic() - started < seconds(1)
    server.clear_faults()
    for reader in readers:
        reader.join(40)
    assert set(statuses) <= {200, 503, 504}


def test_a_read_is_cancelled_when_its_reader_leaves(app: App, server: LocalWarehouse) -> None:
    app.get("/accounts/")
    before = server.last()
    server.fault("latency", times=None, seconds=60)
    browser = HTTPConnection(urlsplit(app.url).netloc)
    browser.request("GET", "/accounts/", headers=PROXIED)
    time.sleep(1)
    browser.close()
    ends = time.monotonic() + seconds(12)
    while [each["status"] for each in server.statements(before)] != ["CANCELED"]:
        assert time.monotonic() < ends
        time.sleep(0.2)


def test_without_a_secret_key_it_says_what_is_missing(
    start: Callable[..., App], token_sign_in: dict[str, str]
) -> None:
    app = start(wait=False, **token_sign_in | {"DJANGO_SECRET_KEY": ""})
    assert app.process.wait(seconds(20)) != 0
    assert "DJANGO_SECRET_KEY is missing" in app.log.read_text()


def test_local_mode_is_not_served_to_others(start: Callable[..., App]) -> None:
    """app.yaml binds to every address; without DATABRICKS_* nobody would have to sign in."""
    app = start(wait=False, on_apps=False)
    assert app.process.wait(seconds(20)) != 0
    assert "listens on 127.0.0.1 only, not on 0.0.0.0" in app.log.read_text()


@pytest.mark.timeout(60)
def test_it_stops_while_the_warehouse_hangs(started: Started, app: App) -> None:
    """The last test with this app."""
    started.proxy.mode = HANG
    for _ in range(20):
        reading(app)
    time.sleep(1)
    assert app.stop() < seconds(5)
