"""Fixtures that stand for Databricks Apps: its proxy's headers, and a workspace's OAuth."""

from __future__ import annotations

import base64
import json
import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.http import HttpResponse
from django.test import Client

from crm.identity import rights
from crm.repository.records import accounts
from crm.warehouse import Warehouse
from crm.warehouse.config import WarehouseConfig

from ..conftest import LocalWarehouse
from ..schemas import CONTENTS

ALICE, BOB = "alice@example.com", "bob@example.com"


@dataclass
class Browser:
    """One browser behind the proxy of Databricks Apps, which names the person."""

    email: str
    token: str = field(default="", repr=False)
    client: Client = field(default_factory=Client)

    def get(self, path: str, **headers: Any) -> HttpResponse:
        return self.client.get(path, **self._headers(), **headers)

    def post(self, path: str, data: dict[str, Any] | None = None, **headers: Any) -> HttpResponse:
        return self.client.post(path, data or {}, **self._headers(), **headers)

    def _headers(self) -> dict[str, str]:
        headers = {"HTTP_X_FORWARDED_EMAIL": self.email}
        headers |= {"HTTP_X_FORWARDED_ACCESS_TOKEN": self.token} if self.token else {}
        return {name: value for name, value in headers.items() if value}

    @property
    def cookie(self) -> str:
        kept = self.client.cookies.get(django_settings.SESSION_COOKIE_NAME)
        return kept.value if kept else ""


def jwt(email: str, seconds: float = 3600, padding: int = 0) -> str:
    """Return a token in Databricks' form; only the warehouse checks its signature."""
    claims = {"sub": email, "exp": int(time.time() + seconds), "jti": uuid.uuid4().hex}
    claims |= {"pad": secrets.token_urlsafe(padding)} if padding else {}
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    text = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts]
    signature = secrets.token_urlsafe(256)
    return ".".join(part.rstrip("=") for part in (*text, signature))


class Workspace:
    """The local warehouse, as the workspace's administrator uses it."""

    def __init__(self, server: LocalWarehouse) -> None:
        self.server = server
        self.origin = server.url.split("/sql/")[0]

    def control(self, path: str, **body: Any) -> None:
        self.server._ask("POST", path, body)

    def token(self, email: str, token: str = "", **attributes: Any) -> str:
        token = token or f"eyJ-{uuid.uuid4().hex}{uuid.uuid4().hex}"
        self.control("/tokens", token=token, user=email, **attributes)
        return token

    def principal(self, *secrets: str, **attributes: Any) -> str:
        client_id = str(uuid.uuid4())
        self.set_principal(client_id, *secrets, **attributes)
        return client_id

    def set_principal(self, client_id: str, *secrets: str, **attributes: Any) -> None:
        self.control("/principals", client_id=client_id, secrets=list(secrets), **attributes)

    def config(self, **knobs: Any) -> WarehouseConfig:
        return replace(self.server.config(), **knobs)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    rights.forget_all()
    yield
    rights.forget_all()


@pytest.fixture
def workspace(server: LocalWarehouse) -> Workspace:
    return Workspace(server)


@pytest.fixture
def in_apps(settings: Any) -> Any:
    """The app runs on Databricks Apps."""
    settings.IN_DATABRICKS_APPS = True
    settings.EDIP_EDITORS = []
    settings.EDIP_ADMINS = []
    return settings


@pytest.fixture
def on_behalf(in_apps: Any, warehouse: Warehouse, workspace: Workspace) -> Any:
    """Each person signs in with their own token. ``warehouse`` acts as an administrator."""
    in_apps.WAREHOUSE = workspace.config(auth="user", token="")
    return in_apps


@pytest.fixture
def kept_tokens(on_behalf: Any) -> None:
    """The session keeps the token, as EDIP_SESSION_TOKENS=true lets it."""
    on_behalf.EDIP_SESSION_TOKENS = True


@pytest.fixture
def grant(warehouse: Warehouse) -> Callable[..., None]:
    """``grant(email, "SELECT", "MODIFY")`` on the schema of this test."""

    def grant(email: str, *privileges: str) -> None:
        home = warehouse.namespace
        for statement in (
            f"GRANT USE CATALOG ON CATALOG {home.quoted_catalog} TO `{email}`",
            f"GRANT USE SCHEMA, {', '.join(privileges)} ON SCHEMA {home.quoted_schema} TO `{email}`",
        ):
            warehouse.execute(statement, repeatable=True)

    return grant


@pytest.fixture
def signed_in(on_behalf: Any, workspace: Workspace, grant: Callable[..., None]) -> Any:
    """``signed_in(email, "SELECT", …)``: a browser whose person has these privileges."""

    def signed_in(email: str, *privileges: str, **attributes: Any) -> Browser:
        token = workspace.token(email, **attributes)
        if privileges:
            grant(email, *privileges)
        return Browser(email, token)

    return signed_in


ACCOUNT = "BSN001"


def write_account(wh: Warehouse) -> None:
    values = {"bsnid": ACCOUNT, "team": "Payments", "business_area": "Finance"}
    accounts.create(wh, values | {"vp": "Vera Lind"})


CONTENTS["account_of_payments"] = write_account


@pytest.fixture
def account_of_payments(warehouse: Warehouse) -> None:
    """The tables after ``write_account``."""


@pytest.fixture
def account(account_of_payments: None) -> str:
    return ACCOUNT


def hide_vp(warehouse: Warehouse) -> None:
    """Let only Alice see the VPs' names."""
    home = warehouse.namespace
    function = f"{home.quoted_schema}.`hide_vp`"
    value = f"CASE WHEN current_user() = '{BOB}' THEN '***' ELSE value END"
    for statement in (
        f"CREATE FUNCTION {function}(value STRING) RETURNS STRING RETURN {value}",
        f"ALTER TABLE {home.quoted_schema}.`accounts` ALTER COLUMN vp SET MASK {function}",
    ):
        warehouse.execute(statement, repeatable=True)


@pytest.fixture
def masked(warehouse: Warehouse, account: str) -> str:
    """The VP's name is for Alice only."""
    hide_vp(warehouse)
    return account
