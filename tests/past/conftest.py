"""Two people, the history that they write, and the pages that show it and revert a change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup, Tag
from django.test import Client

from crm.repository.records import accounts, platforms, updates, use_cases
from crm.warehouse import Warehouse

from ..pages.html import filled_in, parsed, texts
from ..schemas import CONTENTS

ANA, BOB = "ana@example.com", "bob@example.com"
GetPage = Callable[[str], BeautifulSoup]


@pytest.fixture
def ana(warehouse: Warehouse) -> Warehouse:
    return replace(warehouse, actor=ANA)


@pytest.fixture
def bob(warehouse: Warehouse) -> Warehouse:
    return replace(warehouse, actor=BOB)


def write_history(wh: Warehouse) -> None:
    """Ana creates an account with a use case and an update; Bob changes some of it and deletes the
    update."""
    ana, bob = replace(wh, actor=ANA), replace(wh, actor=BOB)
    accounts.create(ana, {"bsnid": "B1", "team": "Claims", "business_area": "Finance"})
    platforms.set_status(ana, "B1", "Databricks", "Requested", None)
    use_cases.create(ana, "B1", "u-1", {"problem": "Too slow", "status": "Planning"})
    updates.create(ana, "B1", "d-1", {"description": "Kick-off <b>"})
    accounts.create(ana, {"bsnid": "B2", "team": "Other"})
    seen = platforms.list_for(bob, "B1")[0].updated_at
    platforms.set_status(bob, "B1", "Databricks", "In Progress", seen)
    use_cases.update(bob, "u-1", {"status": "Active"}, use_cases.get(bob, "u-1").updated_at)
    seen = accounts.get(bob, "B1").updated_at
    accounts.update(bob, "B1", {"team": "Claims & more", "vp": "Vera"}, seen)
    updates.delete(bob, "d-1")


CONTENTS["sample_history"] = write_history


@pytest.fixture
def sample_history(warehouse: Warehouse) -> None:
    """The tables after ``write_history``."""


@pytest.fixture
def get_page(client: Client) -> GetPage:
    def get_page(path: str) -> BeautifulSoup:
        response = client.get(path)
        assert response.status_code == 200, response.status_code
        return parsed(response)

    return get_page


def summaries(page: BeautifulSoup) -> list[str]:
    return texts(page, ".change summary")


@pytest.fixture
def account(bob: Warehouse) -> str:
    accounts.create(bob, {"bsnid": "B1", "team": "Claims", "vp": "Vera"})
    return "B1"


@pytest.fixture
def revert_link(client: Client) -> Callable[..., str]:
    """Return the link in the history that reverts a field, or all fields of a change."""

    def revert_link(bsnid: str, field: str = "", number: int = 0) -> str:
        page = parsed(client.get(f"/accounts/{bsnid}/history/"))
        links = [a["href"] for a in page.select("a[href^='/put-back/']")]
        fields = [parse_qs(urlsplit(link).query).get("field", [""]) for link in links]
        return [link for link, asks in zip(links, fields, strict=True) if asks == [field]][number]

    return revert_link


def confirmation(client: Client, link: str) -> Tag:
    response = client.get(link)
    assert response.status_code == 200
    return parsed(response).select_one(".ask")


def confirm(client: Client, link: str):
    form = confirmation(client, link).select_one("form")
    return client.post(form["action"], filled_in(form))


def edit(wh: Warehouse, bsnid: str, **values: str) -> None:
    accounts.update(wh, bsnid, values, accounts.get(wh, bsnid).updated_at)
