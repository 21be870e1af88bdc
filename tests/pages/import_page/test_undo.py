"""The import page: undoing a finished or a stopped import."""

from __future__ import annotations

from typing import Any

from bs4 import BeautifulSoup
from django.test import Client

from crm.model.own_tables import OPERATIONS
from crm.model.schema import ACCOUNTS
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from ...conftest import LocalWarehouse, Statements
from ..html import parsed, text
from .using import (
    accounts_csv,
    before_each_chunk,
    everything,
    figures,
    press,
    preview,
    undo,
)


def test_a_stopped_import_goes_on_once_and_is_undone_as_a_whole(
    client: Client, warehouse: Warehouse, monkeypatch: Any
) -> None:
    url, _ = preview(client, accounts_csv(4), "accounts.csv")

    def stop_at_the_first_chunk(chunk: int) -> None:
        if chunk == 0:
            assert parsed(client.get(url)).select("#import-stop")
            assert client.post(url, {"do": "stop"}).status_code == 303
            assert not parsed(client.get(url)).select("#import-stop")

    before_each_chunk(monkeypatch, 2, stop_at_the_first_chunk)
    page = press(client, url)
    assert "You asked to stop." in text(page, ".banner")
    assert "2 of 4 rows were done" in text(page, ".banner")
    assert keys(warehouse) == {"B0", "B1"}
    # It continues to its end; then undo also reverts the rows of the first half.
    page = press(client, url)
    assert text(page, ".banner h2") == "Imported, and verified"
    assert figures(page)["Accounts"][0] == "4"
    assert keys(warehouse) == {"B0", "B1", "B2", "B3"}
    require_not_begun_again(client, url, page)
    # It asks first, and says how much it would undo.
    assert text(page, ".import-undo:not([open]) form button") == "Undo 4 rows"
    undo(client, page)
    assert keys(warehouse) == set()
    page = parsed(client.get(url))
    assert text(page, ".banner h2") == "The import was undone"
    assert "in the tables" not in text(page, "main")
    assert not page.select(".import-undo")


def test_a_finished_import_says_what_became_of_it_if_the_warehouse_tells(
    client: Client, warehouse: Warehouse, server: LocalWarehouse
) -> None:
    url, _ = preview(client, accounts_csv(2), "accounts.csv")
    page = press(client, url)
    undo(client, page)
    assert text(parsed(client.get(url)), ".banner h2") == "The import was undone"
    table = warehouse.namespace.table(OPERATIONS)
    change = f"UPDATE {table} SET ended_at = NULL WHERE kind = 'revert'"
    assert warehouse.execute(change, repeatable=True) == 1
    begun = parsed(client.get(url))
    assert text(begun, ".banner h2") == "The undo of the import has begun"
    assert begun.select(".import-undo")
    server.fault("http_status", times=None, status=400, match=r"\boperations\b")
    assert text(parsed(client.get(url)), ".banner") == text(page, ".banner")


def test_an_undo_that_left_a_record_alone_says_so_on_the_page_of_the_import(
    client: Client, warehouse: Warehouse
) -> None:
    url, _ = preview(client, accounts_csv(3), "accounts.csv")
    page = press(client, url)
    table = warehouse.namespace.table(ACCOUNTS)
    since = f"UPDATE {table} SET vp = 'Since', change_id = 'since' WHERE bsnid = 'B1'"
    assert warehouse.execute(since, repeatable=True) == 1
    answer = client.post(page.select_one(".import-undo form")["action"])
    assert "1 record of the import of accounts.csv was left alone" in answer.content.decode()
    assert keys(warehouse) == {"B1"}
    heading = text(parsed(client.get(url)), ".banner h2")
    assert heading == "The import was undone, except for 1 of its records"


def require_not_begun_again(client: Client, url: str, finished: BeautifulSoup) -> None:
    """A second tab or a repeated request changes neither the written rows nor the undo."""
    for what in ("import", "preview", "preview-update", "stop"):
        page = press(client, url, what)
        assert figures(page) == figures(finished)
        assert text(page, ".import-undo summary") == "Undo the import"


def test_an_attempt_that_was_undone_alone_counts_no_more(
    client: Client, warehouse: Warehouse, statements: Statements, monkeypatch: Any
) -> None:
    url, _ = preview(client, accounts_csv(4), "accounts.csv")

    def stop_the_first_two_attempts(chunk: int) -> None:
        if chunk < 2:
            client.post(url, {"do": "stop"})

    before_each_chunk(monkeypatch, 1, stop_the_first_two_attempts)
    assert "1 of 4 rows were done" in text(press(client, url), ".banner")
    first = parsed(client.get("/activity/")).select_one(".moment form")["action"]
    press(client, url)
    assert keys(warehouse) == {"B0", "B1"}
    undone = parsed(client.post(first, follow=True))
    assert text(undone, "#toasts p").startswith("The import of accounts.csv was undone. 1 record")
    assert "undid the import of accounts.csv" in text(undone, ".moment-undone")
    assert keys(warehouse) == {"B1"}
    page = press(client, url)
    assert figures(page)["Accounts"][0] == "4"
    assert text(page, ".banner h2") == "Imported, and verified"
    last = parsed(client.get("/activity/")).select_one(".moment form")["action"]
    client.post(last)
    with statements() as done:
        page = parsed(client.get(url))
    assert len(done) == 1
    part = "A part of the import was undone, or its undo has begun"
    assert text(page, ".banner h2") == part
    undo(client, page)
    assert text(parsed(client.get(url)), ".banner h2") == "The import was undone"
    assert keys(warehouse) == set()


def keys(wh: Warehouse) -> set[str]:
    return {row.account.bsnid for row in accounts.search(wh, everything()).rows}
