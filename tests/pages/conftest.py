from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.repository import _writing
from crm.repository.records import accounts, updates, use_cases
from crm.warehouse import Warehouse

from ..schemas import CONTENTS
from .html import parsed

ACCOUNT = {"bsnid": "BSN001", "team": "Team BSN001", "business_area": "Finance"}
OF_VERA = {"team": "Claims", "vp": "Vera", "admin": "Abe", "azure_devops_link": ""}
CONTENTS["plain_account"] = lambda wh: accounts.create(wh, ACCOUNT)
CONTENTS["claims_account"] = lambda wh: accounts.create(wh, ACCOUNT | {"team": "Claims"})
CONTENTS["account_of_vera"] = lambda wh: accounts.create(wh, ACCOUNT | OF_VERA)


def write_three(wh: Warehouse) -> None:
    """Write what the fixture ``three`` of the tests of bulk changes has."""
    partners = {"B1": "Bob", "B2": "Anna", "B3": "Bob"}
    for bsnid, partner in partners.items():
        values = {"bsnid": bsnid, "team": f"Team {bsnid}", "primary_it_partner": partner}
        accounts.create(wh, values | {"business_area": "Sales" if bsnid == "B3" else "Finance"})


CONTENTS["three"] = write_three


def known(wh: Warehouse) -> str:
    """Return the account's BSNID. The app knows the tables' version, as after a first write."""
    _writing.has_transactions(wh)
    return ACCOUNT["bsnid"]


@pytest.fixture
def plain_account(warehouse: Warehouse) -> str:
    """The account ``ACCOUNT`` is the only row."""
    return known(warehouse)


@pytest.fixture
def claims_account(warehouse: Warehouse) -> str:
    """The account ``ACCOUNT``, of the team Claims, is the only row."""
    return known(warehouse)


@pytest.fixture
def account_of_vera(warehouse: Warehouse) -> str:
    """The account ``ACCOUNT``, with the values ``OF_VERA``, is the only row."""
    return known(warehouse)


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
