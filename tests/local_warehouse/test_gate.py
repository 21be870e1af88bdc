"""Who may send requests to the local warehouse: the user's programs, and no web page."""

from __future__ import annotations

import json
import stat
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from ..control import control_headers
from ..patience import seconds
from .conftest import TOKEN

FROM_A_PAGE = [
    {"Host": "rebound.evil.example"},
    {"Host": "rebound.evil.example:80"},
    {"Host": "localhost.evil.example"},
    {"Host": "127.0.0.1.evil.example:8000"},
    {"Host": "evil@127.0.0.1"},
    {"Host": ""},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:8000"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]
PATHS = ["/control/health", "/control/tokens", "/sql/1.0/warehouses/local", "/oidc/v1/token"]
TAKEN = {"token": "eyMALLORY", "user": "mallory@example.com", "admin": True}


def status(server, method: str, path: str, body: object = None, **headers: str) -> int:
    """Send what the headers say and nothing else; return the answer's status."""
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=seconds(10))
    text = body if isinstance(body, str) else json.dumps(body)
    if body is not None:
        headers = {"Content-Length": str(len(text)), **headers}
    try:
        connection.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(None if body is None else text.encode())
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("headers", FROM_A_PAGE, ids=str)
def test_no_web_page_reaches_it(server, headers: dict[str, str]) -> None:
    """Not even with the right secret or token: nothing but a browser sends such headers."""
    known = control_headers(server.data) | headers
    for path in PATHS:
        assert status(server, "POST", path, TAKEN, **known) == 403, path
    assert status(server, "GET", "/control/health", **known) == 403
    user = {"Authorization": f"Bearer {TOKEN}"} | headers
    assert status(server, "GET", "/api/2.0/preview/scim/v2/Me", **user) == 403
    assert "MALLORY" not in (server.data / "tokens.json").read_text(errors="replace")


def test_its_own_addresses_reach_it(server) -> None:
    known, port = control_headers(server.data), urlsplit(server.url).port
    for host in ("localhost", "127.0.0.1", "[::1]", f"LOCALHOST:{port}", f"[::1]:{port}"):
        assert status(server, "GET", "/control/health", Host=host, **known) == 200, host


def test_control_needs_its_secret(server) -> None:
    json_type = {"Content-Type": "application/json"}
    wrong = ["", "Bearer", "Bearer x", f"Bearer {TOKEN}", "Basic x", "Bearer \xe9"]
    for authorization in wrong:
        given = json_type | ({"Authorization": authorization} if authorization else {})
        for method, path in [("GET", "/health"), ("GET", "/statements"), ("POST", "/tokens")]:
            body = TAKEN if method == "POST" else None
            assert status(server, method, f"/control{path}", body, **given) == 401
    # The user's own SQL goes on with its token alone.
    assert "MALLORY" not in (server.data / "tokens.json").read_text(errors="replace")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_control_takes_json_alone(server, kind: str) -> None:
    """The types that a page's form can send without being asked for leave."""
    headers = control_headers(server.data) | {"Content-Type": kind}
    assert status(server, "POST", "/control/tokens", TAKEN, **headers) == 415


def test_the_secret_is_for_the_user_alone_and_new_at_each_start(start) -> None:
    first = start()
    file, secret = first.data / "server.json", first.announced["secret"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(secret) > 40
    first.kill()
    # What a process left that was killed while it wrote, readable by others.
    (first.data / "server.tmp").write_text("{}")
    (first.data / "server.tmp").chmod(0o644)
    second = start()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert second.announced["secret"] != secret
    old = {"Authorization": f"Bearer {secret}"}
    assert status(second, "GET", "/control/health", **old) == 401
