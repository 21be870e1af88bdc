from __future__ import annotations

import uuid
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.identity import roles
from crm.model.namespace import Namespace
from crm.model.schema import UPDATES
from crm.warehouse import Warehouse
from crm.warehouse.config import WarehouseConfig
from tests.conftest import LocalWarehouse

from .html import HTMX, parsed, text, texts


def test_it_says_how_the_instance_is_set_up(client: Client, warehouse: Warehouse) -> None:
    page = parsed(client.get("/admin-tools/"))
    assert text(page, "main h1") == "Admin tools"
    shown = " ".join(texts(page, "dl"))
    assert warehouse.namespace.schema in shown
    assert "databricks-sql-connector" in shown
    assert not page.select(".finding")


def test_it_says_who_may_open_write_and_administer(client: Client, settings: Any) -> None:
    def who() -> list[str]:
        facts = parsed(client.get("/admin-tools/", HTTP_X_FORWARDED_EMAIL="ada@example.com"))
        return [text(fact, "dd") for fact in facts.select("dl div") if "Who " in text(fact, "dt")]

    everybody = "everybody who can open the app, since EDIP_EDITORS names nobody"
    assert who() == ["whoever uses this machine", everybody, "everybody, since this is local mode"]
    assert not roles.everybody_may_write()
    settings.IN_DATABRICKS_APPS, settings.EDIP_ADMINS = True, ["ada@example.com"]
    assert who() == ["whoever has CAN USE on the app", everybody, "ada@example.com"]
    assert roles.everybody_may_write()
    settings.EDIP_OPEN_TO, settings.EDIP_EDITORS = "users", ["example.com", "bob@b.example"]
    members = "members of the group users, as the bundle was deployed"
    assert who() == [members, "example.com, bob@b.example", "ada@example.com"]
    assert not roles.everybody_may_write()


def test_secrets_are_not_shown(client: Client, settings: Any, warehouse: Warehouse) -> None:
    for path in ("/admin-tools/", "/admin-tools/?check=1"):
        content = client.get(path).content.decode()
        assert settings.WAREHOUSE.token not in content
        assert settings.SECRET_KEY not in content


@pytest.mark.parametrize("htmx", [{}, HTMX], ids=["page", "htmx"])
def test_the_connection_is_checked_on_request(
    client: Client, warehouse: Warehouse, htmx: dict[str, str]
) -> None:
    response = client.get("/admin-tools/?check=1", **htmx)
    page = parsed(response)
    assert len(page.select(".finding-pass")) == 22
    assert not page.select(".finding-fail")
    assert bool(page.select("header")) != bool(htmx)
    assert "no-store" in response["Cache-Control"]


def test_what_is_wrong_is_said_with_what_to_do(
    client: Client, warehouse: Warehouse, namespace: Namespace
) -> None:
    warehouse.execute(f"DROP TABLE {namespace.table(UPDATES)}", repeatable=True)
    page = parsed(client.get("/admin-tools/?check=1"))
    assert texts(page, ".finding-fail strong") == ["table updates"]
    assert "UNDROP" in text(page, ".finding-fail .advice")


def test_without_a_warehouse_the_page_still_answers(client: Client) -> None:
    response = client.get("/admin-tools/?check=1")
    assert response.status_code == 200
    assert texts(parsed(response), ".finding-fail strong") == ["network"]


def test_the_check_uses_the_rights_of_who_asks(
    client: Client, warehouse: Warehouse, server: LocalWarehouse, settings: Any
) -> None:
    name, token = "ada@example.com", f"dapi-{uuid.uuid4().hex}"
    server._ask("POST", "/tokens", {"token": token, "user": name})
    settings.IN_DATABRICKS_APPS = True
    settings.EDIP_ADMINS = [name]
    settings.WAREHOUSE = WarehouseConfig(url=server.url, auth="user")
    headers = {"HTTP_X_FORWARDED_EMAIL": name, "HTTP_X_FORWARDED_ACCESS_TOKEN": token}
    page = parsed(client.get("/admin-tools/?check=1", **headers))
    assert f"accepted as {name}" in " ".join(texts(page, ".finding-pass"))
    # The tables belong to somebody else; she may not even see the catalog.
    assert texts(page, ".finding-fail strong") == ["catalog"]
    assert token not in str(page)


def test_only_administrators_see_it(client: Client, settings: Any) -> None:
    assert _sections(parsed(client.get("/nothing-here")))[-1] == "/admin-tools/"
    settings.EDIP_ADMINS = ["boss@example.com"]
    assert "/admin-tools/" not in _sections(parsed(client.get("/nothing-here")))
    for path in ("/admin-tools/", "/admin-tools/?check=1"):
        assert client.get(path).status_code == 403


def _sections(page: BeautifulSoup) -> list[str]:
    return [link["href"] for link in page.select("header nav a")]
