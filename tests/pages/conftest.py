from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.repository.records import accounts, updates, use_cases
from crm.warehouse import Warehouse

from .html import parsed


@pytest.fixture
def make_account(warehouse: Warehouse) -> Callable[..., str]:
    def make(bsnid: str = "BSN001", **overrides: Any) -> str:
        values = {"bsnid": bsnid, "team": f"Team {bsnid}", "business_area": "Finance"}
        accounts.create(warehouse, values | overrides)
        return bsnid

    return make


@pytest.fixture
def make_use_case(warehouse: Warehouse) -> Callable[..., str]:
    def make(bsnid: str = "BSN001", **overrides: Any) -> str:
        key = str(uuid.uuid4())
        values = {"problem": "Too slow", "status": "Active"} | overrides
        use_cases.create(warehouse, bsnid, key, values)
        return key

    return make


@pytest.fixture
def make_update(warehouse: Warehouse) -> Callable[..., str]:
    def make(bsnid: str = "BSN001", **overrides: Any) -> str:
        key = str(uuid.uuid4())
        values = {"author": "Alice", "date": dt.date(2026, 3, 31), "description": "Kick-off"}
        updates.create(warehouse, bsnid, key, values | overrides)
        return key

    return make


@pytest.fixture
def get_page(client: Client) -> Callable[..., BeautifulSoup]:
    """Return ``get_page(path)``, which gets a page that must exist."""

    def get_page(path: str, **headers: Any) -> BeautifulSoup:
        response = client.get(path, **headers)
        assert response.status_code == 200, response.status_code
        return parsed(response)

    return get_page
