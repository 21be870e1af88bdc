"""The headers of every answer: pages, errors and files."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from crm.warehouse import Warehouse
from crm.warehouse import errors as warehouse_errors

from .conftest import PROXIED

EXPECTED = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PATHS = {
    "/accounts/": 200,
    "/accounts/new/": 200,
    "/healthz": 200,
    "/static/css/base.css": 200,
    "/static/css/none.css": 404,
    "/no/such/page": 404,
    "/preferences/theme/": 405,
}


def _policy(response: Any) -> dict[str, str]:
    parts = (part.split(" ", 1) for part in response["Content-Security-Policy"].split("; "))
    return dict(parts)


@pytest.mark.parametrize("path", PATHS)
def test_headers_are_on_every_answer(client: Client, warehouse: Warehouse, path: str) -> None:
    response = client.get(path)
    assert response.status_code == PATHS[path]
    assert {name: response.get(name) for name in EXPECTED} == EXPECTED
    assert "Access-Control-Allow-Origin" not in response.headers
    policy = _policy(response)
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in response["Content-Security-Policy"]


@pytest.mark.parametrize("error", [warehouse_errors.Starting(), ZeroDivisionError()])
def test_headers_are_on_failures(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr("crm.repository.records.accounts.search", fail)
    response = Client(raise_request_exception=False).get("/accounts/")
    assert response.status_code in (500, 503)
    assert {name: response.get(name) for name in EXPECTED} == EXPECTED
    assert _policy(response)["default-src"] == "'none'"


def test_unknown_hosts_are_refused_in_the_usual_dress(client: Client) -> None:
    response = client.get("/accounts/new/", HTTP_HOST="evil.example.com")
    assert response.status_code == 400
    assert b"EDIP CRM" in response.content
    assert _policy(response)["default-src"] == "'none'"


@pytest.mark.parametrize("host", ["evil.example.com", "10.0.0.7:8000", "a b", "", "[::1"])
def test_a_probe_may_name_any_host(
    client: Client, caplog: pytest.LogCaptureFixture, host: str
) -> None:
    response = client.get("/healthz", HTTP_HOST=host)
    assert (response.status_code, response.content) == (200, b"ok\n")
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert client.post("/healthz", HTTP_HOST=host).status_code == 405
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize("path", ["/", "/accounts/?format=csv", "/live/", "/no/such/page"])
def test_nothing_stores_a_page(client: Client, warehouse: Warehouse, path: str) -> None:
    for headers in ({}, {"HTTP_HX_REQUEST": "true"}):
        assert client.get(path, **headers)["Cache-Control"] == "private, no-store"
    assert "no-store" not in client.get("/static/css/base.css").get("Cache-Control", "")


def test_hsts_only_behind_the_proxy(client: Client) -> None:
    assert "Strict-Transport-Security" not in client.get("/healthz").headers


@pytest.mark.usefixtures("behind_the_proxy")
def test_hsts_without_a_header_that_names_tls() -> None:
    response = Client().get("/healthz", **PROXIED)
    assert response.status_code == 200
    assert "max-age=31536000" in response["Strict-Transport-Security"]


@pytest.mark.usefixtures("behind_the_proxy")
def test_no_redirect_to_https_which_would_loop() -> None:
    assert Client().get("/accounts/new/", **PROXIED).status_code == 200


def test_debug_pages_keep_their_styles(client: Client, settings: Any) -> None:
    settings.DEBUG = True
    response = client.get("/no/such/page")
    assert "Content-Security-Policy" not in response.headers
    assert "Content-Security-Policy" in client.get("/healthz").headers
