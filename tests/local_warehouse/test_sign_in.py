"""Three ways to sign in: a token, a service principal's OAuth token, a user's short-lived token."""

from __future__ import annotations

import itertools
import json
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import jwt
import pytest
from databricks import sql
from databricks.sql.exc import RequestError

from ..patience import seconds
from .conftest import CONNECTOR, RunningServer

if TYPE_CHECKING:
    from databricks.sdk.core import Config

SCRATCH = itertools.count()


@pytest.fixture
def token(server) -> str:
    return f"dapi-{next(SCRATCH)}"


@pytest.fixture
def principal(server) -> str:
    """A new service principal with the secret ``first``."""
    client_id = f"11111111-2222-3333-4444-{next(SCRATCH):012}"
    server.control("POST", "/principals", client_id=client_id, secrets=["first"])
    return client_id


def origin(server: RunningServer) -> str:
    return server.url.split("/sql/")[0]


def sdk_config(server: RunningServer, client_id: str, secret: str = "first") -> Config:
    # Only here: each process of the suite imports this file, and the SDK takes a second.
    from databricks.sdk.core import Config

    return Config(
        host=origin(server), client_id=client_id, client_secret=secret, auth_type="oauth-m2m"
    )


def connect_as(server: RunningServer, provider):
    return sql.connect(credentials_provider=provider, _connection_uri=server.url, **CONNECTOR)


def rest(server: RunningServer, path: str, token: str, method: str = "GET") -> tuple[int, dict]:
    request = urllib.request.Request(
        origin(server) + path, headers={"Authorization": f"Bearer {token}"}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=seconds(10)) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def user_of(connection) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user()")
        return cursor.fetchall()[0][0]


def refused(connection) -> RequestError:
    with pytest.raises(RequestError) as raised:
        user_of(connection)
    return raised.value


# --- tokens ---
def test_a_token_expires_in_mid_session_and_lives_again_when_renewed(server, token):
    server.control("POST", "/tokens", token=token, user="ann@example.com", expires_in=60)
    with server.connect(token=token) as connection:
        assert user_of(connection) == "ann@example.com"
        server.control("POST", "/tokens", token=token, user="ann@example.com", expires_in=-1)
        error = refused(connection)
        assert error.context["http-code"] == 403
        assert "token is expired" in str(error.context)
        server.control("POST", "/tokens", token=token, user="ann@example.com", expires_in=60)
        assert user_of(connection) == "ann@example.com"


def test_a_revoked_token_is_worth_nothing_at_once(server, token):
    server.control("POST", "/tokens", token=token, user="ann@example.com")
    with server.connect(token=token) as connection:
        assert user_of(connection) == "ann@example.com"
        server.control("DELETE", "/tokens", token=token)
        assert refused(connection).context["http-code"] == 401


def test_a_token_without_the_scope_sql(server, token):
    server.control("POST", "/tokens", token=token, user="ann@example.com", scopes=["files"])
    with pytest.raises(RequestError) as raised:
        server.connect(token=token)
    assert raised.value.context["http-code"] == 403
    assert "does not have required scopes: sql" in str(raised.value.context)
    server.control("POST", "/tokens", token=token, user="ann@example.com", scopes=["sql", "files"])
    with server.connect(token=token) as connection:
        assert user_of(connection) == "ann@example.com"


def test_a_session_lives_on_with_the_same_users_next_token(server, token):
    server.control("POST", "/tokens", token=token, user="ann@example.com")
    server.control("POST", "/tokens", token=f"{token}-next", user="ann@example.com")
    current = [token]
    with connect_as(
        server, lambda: lambda: {"Authorization": f"Bearer {current[0]}"}
    ) as connection:
        assert user_of(connection) == "ann@example.com"
        current[0] = f"{token}-next"
        connection.session.auth_provider._cached_token = None
        server.control("DELETE", "/tokens", token=token)
        assert user_of(connection) == "ann@example.com"


@pytest.mark.parametrize("missing", ["token", "user"])
def test_a_control_request_that_lacks_something_says_what(server, missing):
    body = {"token": "t", "user": "u", missing: None}
    del body[missing]
    with pytest.raises(urllib.error.HTTPError) as raised:
        server.control("POST", "/tokens", **body)
    assert raised.value.code == 400
    assert missing in raised.value.read().decode()


# --- service principals ---
def test_a_service_principal_signs_in_through_the_sdk(server, principal):
    from databricks.sdk.core import oauth_service_principal

    config = sdk_config(server, principal)
    with connect_as(server, lambda: oauth_service_principal(config)) as connection:
        assert user_of(connection) == principal
    with connect_as(server, lambda: config.authenticate) as connection:
        assert user_of(connection) == principal


def test_the_connector_reads_the_life_of_an_issued_token(server, principal):
    config = sdk_config(server, principal)
    with connect_as(server, lambda: config.authenticate) as connection:
        cached = connection.session.auth_provider._cached_token
        assert cached.expiry_time.timestamp() == pytest.approx(time.time() + 3540, abs=5)


def test_a_token_is_renewed_before_it_expires(server, principal):
    # The SDK renews a token 40 seconds before its end; the connector asks a minute before.
    server.control("POST", "/principals", client_id=principal, secrets=["first"], token_seconds=41)
    config = sdk_config(server, principal)
    config.disable_async_token_refresh = True
    with connect_as(server, lambda: config.authenticate) as connection:
        before = config.oauth_token().access_token
        assert user_of(connection) == principal
        time.sleep(1.2)
        assert user_of(connection) == principal
        assert config.oauth_token().access_token != before


def test_a_rotated_secret(server, principal):
    old = sdk_config(server, principal)
    with connect_as(server, lambda: old.authenticate) as connection:
        server.control("POST", "/principals", client_id=principal, secrets=["second"])
        assert (
            user_of(connection) == principal
        )  # a token that was issued stays valid until its end
    with pytest.raises(ValueError, match="invalid_client"):
        sdk_config(server, principal).authenticate()
    new = sdk_config(server, principal, "second")
    with connect_as(server, lambda: new.authenticate) as connection:
        assert user_of(connection) == principal


def test_both_secrets_serve_while_one_is_being_rotated(server, principal):
    server.control("POST", "/principals", client_id=principal, secrets=["first", "second"])
    for secret in ("first", "second"):
        assert sdk_config(server, principal, secret).authenticate()


def test_an_unknown_client_is_refused(server):
    with pytest.raises(ValueError, match="invalid_client"):
        sdk_config(server, "nobody").authenticate()


def test_a_forged_token_is_refused(server, principal):
    claims = {"sub": principal, "scope": "all-apis", "exp": int(time.time()) + 3600}
    for forged in (
        jwt.encode(claims, "0" * 64, algorithm="HS256"),
        jwt.encode(claims, None, algorithm="none"),
    ):
        assert rest(server, "/api/2.0/preview/scim/v2/Me", forged)[0] == 401


# --- REST ---
def test_the_current_user(server, principal, token):
    issued = sdk_config(server, principal).oauth_token().access_token
    assert rest(server, "/api/2.0/preview/scim/v2/Me", issued)[1]["userName"] == principal
    status, body = rest(server, "/api/2.0/preview/scim/v2/Me", "dapi-nobody")
    assert (status, body["error_code"]) == (401, "UNAUTHENTICATED")


def test_the_warehouse_can_be_asked_and_started(server, token):
    server.control("POST", "/tokens", token=token, user="ann@example.com")
    path = "/api/2.0/sql/warehouses/local"
    assert rest(server, path, token) == (
        200,
        {
            "id": "local",
            "name": "Local warehouse",
            "state": "RUNNING",
            "num_clusters": 1,
            "warehouse_type": "PRO",
        },
    )
    assert rest(server, "/api/2.0/sql/warehouses/other", token)[0] == 404
    with server.connect(token=token) as connection:
        try:
            server.control("POST", "/warehouse", state="STOPPED", start_seconds=0.3)
            assert rest(server, path, token)[1]["state"] == "STOPPED"
            with pytest.raises(Exception, match="The warehouse is starting"):
                user_of(connection)
            assert rest(server, f"{path}/start", token, "POST") == (200, {})
            assert rest(server, path, token)[1]["state"] == "STARTING"
            time.sleep(0.4)
            assert rest(server, path, token)[1]["state"] == "RUNNING"
            assert user_of(connection) == "ann@example.com"
        finally:
            server.control("POST", "/warehouse", state="RUNNING", start_seconds=0)


def test_the_warehouse_is_not_for_everybody(server, token):
    server.control("POST", "/tokens", token=token, user="mallory@example.com", warehouse=False)
    status, body = rest(server, "/api/2.0/sql/warehouses/local", token)
    assert (status, body["error_code"]) == (403, "PERMISSION_DENIED")
