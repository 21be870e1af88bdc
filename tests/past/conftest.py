"""Two people, the history that they write, and the pages that show it and revert a change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup, Tag
from django.conf import settings
from django.core import signing
from django.test import Client
from django.urls import reverse

from crm.importing import importer
from crm.importing.findings import Findings
from crm.importing.importer import Options
from crm.repository import operations
from crm.repository.past import revert_bulk
from crm.repository.records import accounts, platforms, updates, use_cases
from crm.views._revert_links import _SALT
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


CSV = "BSNID,Team,Business Area\nOLD,Changed,Finance\nNEW1,One,Finance\nNEW2,Two,Finance\n"
ME = settings.EDIP_USER
# The operation of ``write_import``, and the versions of the tables before and after it.
_last_import: dict[str, Any] = {}


def write_import(wh: Warehouse) -> None:
    """Bob creates an account. The person of ``client`` imports a change of it and two others."""
    bob, me = replace(wh, actor=BOB), replace(wh, actor=ME)
    accounts.create(bob, {"bsnid": "OLD", "team": "As it was", "vp": "Vera"})
    operation = operations.of_many(me, operations.IMPORT)
    before = revert_bulk.current_versions(me)
    with TemporaryDirectory() as folder, Findings() as findings:
        path = Path(folder, "accounts.csv")
        path.write_text(CSV)
        importer.run(me, path, Options(on_conflict="update"), findings, operation=operation)
    after = revert_bulk.current_versions(me)
    _last_import.update(operations=[operation.id], before=before, after=after, who=ME)


CONTENTS["imported_rows"] = write_import


@pytest.fixture
def imported_rows(warehouse: Warehouse) -> str:
    """The tables after ``write_import``; the address that undoes the import."""
    return reverse("revert-bulk", args=[signing.dumps(_last_import, salt=_SALT)])


@pytest.fixture
def get_page(client: Client) -> GetPage:
    def get_page(path: str) -> BeautifulSoup:
        response = client.get(path)
        assert response.status_code == 200, response.status_code
        return parsed(response)

    return get_page


def summaries(page: BeautifulSoup) -> list[str]:
    return texts(page, ".change summary")


def write_account(wh: Warehouse) -> None:
    accounts.create(replace(wh, actor=BOB), {"bsnid": "B1", "team": "Claims", "vp": "Vera"})


CONTENTS["account_of_bob"] = write_account


@pytest.fixture
def account_of_bob(warehouse: Warehouse) -> None:
    """The tables after ``write_account``."""


@pytest.fixture
def account(account_of_bob: None) -> str:
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
