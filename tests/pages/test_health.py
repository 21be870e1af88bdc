from __future__ import annotations

import runpy
import threading
from typing import Any

import pytest
from django.test import Client

from crm.middleware import person
from crm.warehouse import Warehouse
from tests.conftest import BASE_DIR


def test_healthz_asks_no_warehouse(client: Client) -> None:
    """The autouse fixture lets no warehouse answer here."""
    assert client.get("/healthz").status_code == 200


def test_readyz_without_warehouse(client: Client, settings: Any) -> None:
    assert client.get("/readyz").status_code == 503


def test_requests_beyond_the_limit_are_answered_at_once(
    client: Client, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = threading.BoundedSemaphore(1)
    monkeypatch.setattr(person, "_places", places)
    assert client.get("/accounts/").status_code == 200
    assert places.acquire(blocking=False)
    response = client.get("/accounts/")
    assert response.status_code == 503
    assert "EDIP CRM is busy" in response.content.decode()
    assert client.get("/readyz").status_code == 503
    assert client.get("/live/").status_code == 503
    for path in ("/healthz", "/accounts/new/"):
        assert client.get(path).status_code == 200
    places.release()
    # Requests give back their place, also after a failure.
    for path in (
        "/accounts/no-such-account/",
        "/accounts/?format=csv",
        "/as-of/2020-01-01T00:00:00Z/",
        "/",
    ):
        client.get(path)
    assert client.get("/accounts/").status_code == 200


def test_gunicorn_has_threads_for_pages_without_statements() -> None:
    settings = runpy.run_path(str(BASE_DIR / "gunicorn.conf.py"))
    assert settings["threads"] - person.REQUESTS_AT_ONCE >= 16
