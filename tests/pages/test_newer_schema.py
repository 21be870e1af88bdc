"""A later version of the CRM has changed the tables: this one reads, but writes nothing."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from crm.model.schema import ACCOUNTS
from crm.repository import _writing, ddl
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from ..importing.using import FILES
from .html import HTMX, parsed, record_form


@pytest.fixture
def newer(sample: Warehouse) -> Warehouse:
    values = {ddl.VERSION_PROPERTY: str(ddl.VERSION + 1)}
    sample.execute(ddl.set_properties(ACCOUNTS, values, sample.namespace), repeatable=True)
    _writing.forget_all()
    return sample


def test_pages_are_read(client: Client, newer: Warehouse) -> None:
    assert client.get("/accounts/BSN001/").status_code == 200


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_a_form_says_so_and_keeps_what_was_typed(
    client: Client, newer: Warehouse, headers: dict
) -> None:
    before = accounts.get(newer, "BSN001")
    form = record_form(client.get("/accounts/BSN001/edit/"))
    typed = form | {"team": "Typed with care"}
    page = client.post("/accounts/BSN001/edit/", typed, **headers)
    assert page.status_code == 503
    assert "newer than this EDIP CRM" in page.content.decode()
    assert parsed(page).select_one("[name=team]")["value"] == "Typed with care"
    assert accounts.get(newer, "BSN001") == before


def test_nothing_else_writes(client: Client, newer: Warehouse) -> None:
    for path in ("/accounts/BSN001/delete/", "/accounts/BSN001/platforms/"):
        data = {"platform": "Snowflake", "status": "Completed"}
        page = client.post(path, data)
        assert page.status_code == 503, path
        assert "newer than this EDIP CRM" in page.content.decode(), path
    assert accounts.get(newer, "BSN001") is not None
    with pytest.raises(CommandError, match="of a later version"):
        call_command("import_legacy", FILES / "state-keyed.json", stdout=io.StringIO())
    with pytest.raises(CommandError, match="of a later version"):
        call_command("seed_data", stdout=io.StringIO())


def test_writing_goes_on_when_the_versions_agree_again(client: Client, newer: Warehouse) -> None:
    values = {ddl.VERSION_PROPERTY: str(ddl.VERSION)}
    newer.execute(ddl.set_properties(ACCOUNTS, values, newer.namespace), repeatable=True)
    data = {"bsnid": "BSN950", "team": "New", "business_area": "Finance"}
    assert client.post("/accounts/new/", data).status_code == 303
