"""check_connection: each fault in signing in, and each state of the warehouse."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from crm.warehouse import Warehouse
from crm.warehouse.config import WarehouseConfig

from ..conftest import LocalWarehouse
from .checking import check, only_problem


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ({"expires_in": -1}, "token-expired"),
        ({"scopes": ["files"]}, "scope-missing"),
        ({"warehouse": False}, "warehouse-not-permitted"),
    ],
)
def test_tokens_that_are_of_no_use(
    sign_in: Callable[..., str], token: dict[str, Any], code: str
) -> None:
    sign_in(**token)
    problem = only_problem(check())
    assert (problem["step"], problem["code"]) == ("sign-in", code)


def test_a_token_that_is_wrong(server: LocalWarehouse, settings: Any) -> None:
    settings.WAREHOUSE = WarehouseConfig(is_local=True, url=server.url, token="dapi-wrong")
    problem = only_problem(check())
    assert (problem["step"], problem["code"]) == ("sign-in", "token-wrong")


def test_a_warehouse_that_does_not_exist(server: LocalWarehouse, settings: Any) -> None:
    url = server.url.replace("/local", "/abc123")
    settings.WAREHOUSE = WarehouseConfig(is_local=True, url=url, token=server.token)
    problem = only_problem(check())
    assert (problem["step"], problem["code"]) == ("sign-in", "warehouse-unknown")
    assert "abc123" in problem["message"]


class _AnyPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<h1>Welcome</h1>")

    def log_message(self, *arguments: object) -> None:
        pass


def test_something_else_answers(settings: Any) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _AnyPage) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{other.server_port}/sql/1.0/warehouses/local"
        settings.WAREHOUSE = WarehouseConfig(is_local=True, url=url, token="t")
        problem = only_problem(check())
        other.shutdown()
    assert (problem["step"], problem["code"]) == ("sign-in", "not-a-workspace")


def test_a_redirect_does_not_get_the_token(settings: Any) -> None:
    received: list[str] = []

    class Elsewhere(_AnyPage):
        def do_GET(self) -> None:
            received.append(self.headers.get("Authorization", ""))
            super().do_GET()

    class Redirecting(_AnyPage):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{elsewhere.server_port}/")
            self.end_headers()

    with (
        ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as elsewhere,
        ThreadingHTTPServer(("127.0.0.1", 0), Redirecting) as redirecting,
    ):
        for server in (elsewhere, redirecting):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{redirecting.server_port}/sql/1.0/warehouses/local"
        settings.WAREHOUSE = WarehouseConfig(is_local=True, url=url, token="t")
        problem = only_problem(check())
        for server in (elsewhere, redirecting):
            server.shutdown()
    assert (problem["step"], problem["code"]) == ("sign-in", "workspace-error")
    assert received == []


def test_nobody_is_signed_in(server: LocalWarehouse, settings: Any) -> None:
    settings.WAREHOUSE = WarehouseConfig(url=server.url, auth="user")
    problem = only_problem(check())
    assert (problem["step"], problem["code"]) == ("sign-in", "nobody-signed-in")


@pytest.mark.parametrize(
    ("now", "code"),
    [
        ("STOPPED", "warehouse-stopped"),
        ("STOPPING", "warehouse-stopped"),
        ("STARTING", "warehouse-starting"),
        ("DELETED", "warehouse-deleted"),
    ],
)
def test_a_warehouse_that_does_not_run(
    warehouse: Warehouse, state: Callable[..., None], now: str, code: str
) -> None:
    state(state=now)
    problem = only_problem(check())
    assert (problem["step"], problem["code"]) == ("warehouse", code)


def test_a_slow_warehouse(warehouse: Warehouse, server: LocalWarehouse) -> None:
    """A slow warehouse is no failure: the check continues, and the exit code is 0."""
    server.fault("latency", times=1, seconds=1.2, match="SELECT 1")
    report = check("--slow", "1")
    assert report["ok"]
    assert (report["answer"]["status"], report["answer"]["code"]) == ("warn", "warehouse-slow")
    assert "queueing" in report["answer"]["advice"]
    assert report["MODIFY updates"]["status"] == "pass"


def test_a_warehouse_that_refuses_requests_for_now(
    warehouse: Warehouse, server: LocalWarehouse, settings: Any
) -> None:
    settings.WAREHOUSE = server.config()
    server.fault("http_status", times=None, status=429, retry_after=600)
    problem = only_problem(check())
    assert problem["code"] == "warehouse-busy"


def test_a_warehouse_that_takes_too_long(
    warehouse: Warehouse, server: LocalWarehouse, settings: Any
) -> None:
    settings.WAREHOUSE = server.config(statement_timeout=1)
    server.fault("latency", times=None, seconds=4, match="SELECT 1")
    problem = only_problem(check())
    assert (problem["step"], problem["code"]) == ("answer", "warehouse-slow")
