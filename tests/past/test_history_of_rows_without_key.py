"""Rows written outside the CRM without a key that a URL can hold break no page."""

from __future__ import annotations

import pytest
from django.test import Client

from crm.model.schema import ACCOUNTS, USE_CASES
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from ..pages.html import parsed


@pytest.mark.parametrize("key", ["", "a/b"])
def test_history_shows_them_and_offers_no_revert(
    warehouse: Warehouse, client: Client, key: str
) -> None:
    accounts.create(warehouse, {"bsnid": "B1", "team": "Claims"})
    table = warehouse.namespace.table(USE_CASES)
    for sql in (
        f"INSERT INTO {table} (id, account_bsnid, problem) VALUES (:key, 'B1', 'Odd')",
        f"UPDATE {table} SET problem = 'Odder' WHERE id = :key",
        f"DELETE FROM {table} WHERE id = :key",
    ):
        warehouse.execute(sql, {"key": key}, repeatable=True)
    for path in ("/activity/", "/accounts/B1/history/", "/accounts/B1/"):
        assert client.get(path).status_code == 200, path
    page = parsed(client.get("/activity/"))
    assert "Odder" in page.get_text()
    assert not page.select(f"[data-change^='use_cases/{key}/'] a[href*='put-back']")


def test_an_account_without_a_key(warehouse: Warehouse, client: Client) -> None:
    table = warehouse.namespace.table(ACCOUNTS)
    warehouse.execute(f"INSERT INTO {table} (bsnid, team) VALUES ('', 'Odd')", repeatable=True)
    page = client.get("/activity/")
    assert (page.status_code, b"Odd" in page.content) == (200, True)
