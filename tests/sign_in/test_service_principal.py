"""The SDK's real code against the local workspace's OAuth."""

from __future__ import annotations

import datetime as dt
import os
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from crm.identity import warehouses
from crm.warehouse import Warehouse
from crm.warehouse.config import WarehouseConfig
from crm.warehouse.errors import SignInFailed, Unavailable
from crm.warehouse.sign_in import service_principal

from ..patience import seconds
from ..sizes import IS_SOAK, size, soak
from .conftest import ALICE, Browser, Workspace


def as_principal(workspace: Workspace, client_id: str, secret: str, **knobs: Any) -> Any:
    return workspace.config(
        auth="service-principal",
        token="",
        client_id=client_id,
        client_secret=secret,
        workspace_url=workspace.origin,
        **knobs,
    )


@pytest.fixture
def principal(workspace: Workspace, warehouse: Warehouse, in_apps: Any) -> str:
    client_id = workspace.principal("first-secret", admin=True)
    in_apps.WAREHOUSE = as_principal(workspace, client_id, "first-secret")
    return client_id


def whoami(email: str = ALICE) -> str:
    return warehouses.for_person(email).query("SELECT current_user() AS me")[0]["me"]


def test_statements_run_as_the_principal_and_people_are_written_down(
    principal: str, warehouse: Warehouse
) -> None:
    assert whoami() == principal
    browser = Browser(ALICE)
    data = {"bsnid": "BSN9", "team": "Payments", "business_area": "Finance"}
    assert browser.post("/accounts/new/", data).status_code == 303
    row = warehouse.query(
        f"SELECT created_by, updated_by FROM {warehouse.namespace.quoted_schema}.accounts"
    )[0]
    assert row == {"created_by": ALICE, "updated_by": ALICE}
    author = browser.get("/accounts/BSN9/updates/new/").content.decode()
    assert 'value="Alice"' in author


def test_one_config_and_one_token_per_process(principal: str, settings: Any) -> None:
    source = service_principal.source(settings.WAREHOUSE)
    token = source.headers()
    threads = [threading.Thread(target=whoami) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert service_principal.source(settings.WAREHOUSE) is source
    assert source.headers() == token


@soak
def test_tokens_are_refreshed_before_they_end_under_load(
    workspace: Workspace, warehouse: Warehouse, in_apps: Any
) -> None:
    # The SDK renews a token 40 s before its end: these are used for three seconds.
    client_id = workspace.principal("s", admin=True, token_seconds=43)
    in_apps.WAREHOUSE = as_principal(workspace, client_id, "s", pool_size=4)
    source = service_principal.source(in_apps.WAREHOUSE)
    statuses: list[int] = []
    seen: set[str] = set()
    end = time.monotonic() + 10

    def work() -> None:
        browser = Browser(ALICE)
        while time.monotonic() < end:
            statuses.append(browser.get("/accounts/").status_code)
            seen.add(source.headers()["Authorization"])
            time.sleep(0 if IS_SOAK else 0.3)

    threads = [threading.Thread(target=work) for _ in range(size(2, 4))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200}
    assert len(seen) >= 3


def test_a_token_that_is_revoked_is_replaced(
    principal: str, workspace: Workspace, settings: Any
) -> None:
    assert whoami() == principal
    token = service_principal.source(settings.WAREHOUSE).headers()["Authorization"].split()[1]
    workspace.server._ask("DELETE", "/tokens", {"token": token})
    assert whoami() == principal


def test_a_secret_rotated_in_its_file(
    workspace: Workspace, warehouse: Warehouse, in_apps: Any, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text("first\n")
    client_id = workspace.principal("first", admin=True, token_seconds=41)
    in_apps.WAREHOUSE = as_principal(workspace, client_id, "first", client_secret_file=str(file))
    assert whoami() == client_id
    workspace.set_principal(client_id, "second", admin=True)
    file.write_text("second\n")
    time.sleep(1.2)
    assert whoami() == client_id


def test_a_secret_that_is_no_longer_good(
    workspace: Workspace, warehouse: Warehouse, in_apps: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client_id = workspace.principal("right-secret", admin=True)
    in_apps.WAREHOUSE = as_principal(workspace, client_id, "wrong-secret")
    with pytest.raises(SignInFailed, match="invalid_client"):
        whoami()
    response = Browser(ALICE).get("/")
    assert response.status_code == 503
    assert "EDIP CRM could not sign in to the warehouse" in response.content.decode()
    assert "wrong-secret" not in response.content.decode() + caplog.text


def test_a_workspace_that_is_not_there(in_apps: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK would try again for five minutes."""
    monkeypatch.setattr(service_principal, "DEADLINE", 2.0)
    in_apps.WAREHOUSE = WarehouseConfig(
        url="http://127.0.0.1:9/x",
        auth="service-principal",
        client_id="x",
        client_secret="y",
        workspace_url="http://127.0.0.1:9",
    )
    started = time.monotonic()
    with pytest.raises(Unavailable):
        whoami()
    assert time.monotonic() - started < service_principal.DEADLINE + seconds(1)
    assert Client().get("/healthz").status_code == 200


def test_nothing_secret_is_shown(
    principal: str, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    wh = warehouses.for_person(ALICE)
    wh.query("SELECT 1")
    token = service_principal.source(settings.WAREHOUSE).headers()["Authorization"].split()[1]
    shown = f"{wh!r} {wh.identity!r} {settings.WAREHOUSE!r} {caplog.text}"
    assert token not in shown
    assert "first-secret" not in shown
    assert principal in shown


HANGING = WarehouseConfig(
    auth="service-principal", client_id="x", client_secret="y", workspace_url="https://x.invalid"
)


def test_a_workspace_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = threading.Event()
    monkeypatch.setattr(service_principal, "DEADLINE", 0.2)
    source = service_principal.TokenSource(HANGING)
    monkeypatch.setattr(source, "_fetch", lambda: answers.wait(30))
    with pytest.raises(Unavailable, match="TimeoutError"):
        source.headers()
    assert not answers.is_set()
    answers.set()


def test_an_error_of_the_sdk_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ValueError("client_secret=hidden: invalid_client")

    source = service_principal.TokenSource(HANGING)
    monkeypatch.setattr(source, "_fetch", fail)
    with pytest.raises(SignInFailed, match="invalid_client") as caught:
        source.headers()
    shown = "".join(traceback.format_exception(caught.value))
    assert "hidden" not in shown


def test_a_connection_ends_before_its_token_does(monkeypatch: pytest.MonkeyPatch) -> None:
    # Only here: each process of the suite imports this file, and the SDK takes a second.
    from databricks.sdk.oauth import Token

    source = service_principal.TokenSource(HANGING)
    end = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
    monkeypatch.setattr(source, "_fetch", lambda: Token("t", expiry=end))
    assert source.fresh_until() == end.timestamp() - service_principal.SDK_MARGIN
    monkeypatch.setattr(source, "_fetch", lambda: Token("t"))
    assert source.fresh_until() is None


def test_a_forked_child_fetches_its_own_tokens() -> None:
    service_principal.source(HANGING)
    child = os.fork()
    if child == 0:
        os._exit(len(service_principal._sources))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert service_principal._sources.pop(HANGING)
