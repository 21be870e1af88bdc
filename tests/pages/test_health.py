from __future__ import annotations

from typing import Any

from django.test import Client

from crm.warehouse import Warehouse
from tests.conftest import Statements


def test_healthz_asks_no_warehouse(client: Client) -> None:
    """The autouse fixture lets no warehouse answer here."""
    assert client.get("/healthz").status_code == 200


def test_readyz_is_one_statement(
    client: Client, warehouse: Warehouse, statements: Statements
) -> None:
    with statements() as done:
        assert client.get("/readyz").status_code == 200
    assert len(done) == 1


def test_readyz_without_warehouse(client: Client, settings: Any) -> None:
    assert client.get("/readyz").status_code == 503
