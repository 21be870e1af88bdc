"""Rows written outside the CRM without a key that a URL can hold break no page."""

from __future__ import annotations

from django.test import Client

from crm.model.schema import ACCOUNTS, UPDATES, USE_CASES
from crm.warehouse import Warehouse

from ..broken_rows import insert
from ..pages.html import parsed, texts

KEYS = ("", "a/b")


def test_every_page_shows_them_and_none_links_to_them(
    warehouse: Warehouse, client: Client
) -> None:
    insert(warehouse, ACCOUNTS, {"bsnid": "B1"}, *[{"bsnid": key} for key in KEYS], team="Claims")
    of_b1 = [{"id": key, "account_bsnid": "B1"} for key in KEYS]
    orphans = [{"id": f"o-{key[:1]}", "account_bsnid": key} for key in (*KEYS, "no/address")]
    insert(warehouse, USE_CASES, *of_b1, *orphans, problem="Odd")
    insert(warehouse, UPDATES, *of_b1, *orphans, description="Odd")
    table = warehouse.namespace.table(USE_CASES)
    for sql in (
        f"UPDATE {table} SET problem = 'Odder' WHERE id IN ('', 'a/b')",
        f"DELETE FROM {table} WHERE id IN ('', 'a/b')",
    ):
        for path in ("/", "/accounts/", "/use-cases/", "/updates/", "/accounts/B1/", "/activity/"):
            response = client.get(path)
            assert response.status_code == 200, path
            assert "Odd" in response.content.decode() or path == "/accounts/", path
        warehouse.execute(sql, repeatable=True)
    page = parsed(client.get("/activity/"))
    assert "Odder" in page.get_text()
    for key in KEYS:
        assert not page.select(f"[data-change^='use_cases/{key}/'] a[href*='put-back']")
    assert parsed(client.get("/accounts/B1/history/")).select(".change")
    page = parsed(client.get("/updates/"))
    assert texts(page, "tbody .row-text") == ["Odd"] * 5
    assert len(page.select("tbody .row-text[href]")) == 2
    assert len(page.select("tbody .row-actions a[title^=Edit]")) == 3
