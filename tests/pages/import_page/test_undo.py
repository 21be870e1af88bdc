"""The import page: undoing a finished or a stopped import."""

from __future__ import annotations

import time
from typing import Any

from django.test import Client

from crm.importing.jobs import job as jobs
from crm.repository.records import accounts
from crm.repository.transfer import upsert
from crm.warehouse import Warehouse
from tests.conftest import LocalWarehouse

from ..html import parsed, text
from .using import ACCOUNTS_CSV, everything, figures, press, preview, settled, undo


def test_stopped_undone_and_gone_on_with(
    client: Client, warehouse: Warehouse, server: LocalWarehouse, monkeypatch: Any
) -> None:
    monkeypatch.setattr("crm.importing.importer.CHUNK_ROWS", 20)
    rows = "".join(f"B{n},T{n},Finance\n" for n in range(200))
    url, _ = preview(client, "BSNID,Team,Business Area\n" + rows, "accounts.csv")
    server.fault("latency", times=None, seconds=0.1)
    client.post(url, {"do": "import"})
    while (bar := parsed(client.get(url)).select_one("progress")) and bar["value"] == "0":
        time.sleep(0.02)
    assert client.post(url, {"do": "stop"}).status_code == 303
    assert not parsed(client.get(url)).select("#import-stop")
    page = settled(client, url)
    server.clear_faults()
    assert "You asked to stop." in text(page, ".banner")
    some = len(accounts.search(warehouse, everything()).rows)
    assert 20 <= some < 200
    assert f"{some} of 200 rows were done" in text(page, ".banner")
    # It continues to its end; then undo also reverts the rows of the first half.
    page = press(client, url)
    assert text(page, ".banner h2") == "Imported, and verified"
    assert figures(page)["Accounts"][0] == "200"
    assert len(accounts.search(warehouse, everything()).rows) == 200
    undo(client, page)
    assert accounts.search(warehouse, everything()).rows == ()


def test_what_was_stopped_can_be_undone(
    client: Client, warehouse: Warehouse, monkeypatch: Any
) -> None:
    monkeypatch.setattr("crm.importing.importer.CHUNK_ROWS", 1)
    url, _ = preview(client, ACCOUNTS_CSV, "accounts.csv")
    taken_in = upsert.upsert

    def and_stop(*args: Any, **options: Any) -> int:
        jobs.find(str(client.get("/").wsgi_request.person), url.split("/")[-2]).stop()
        return taken_in(*args, **options)

    monkeypatch.setattr(upsert, "upsert", and_stop)
    page = press(client, url)
    assert "1 of 2 rows were done" in text(page, ".banner")
    assert accounts.get(warehouse, "B1")
    undo(client, page)
    assert accounts.get(warehouse, "B1") is None


def test_a_finished_import_is_not_begun_again(client: Client, warehouse: Warehouse) -> None:
    """A second tab or a repeated request changes neither the written rows nor the undo."""
    url, _ = preview(client, ACCOUNTS_CSV, "accounts.csv")
    before = press(client, url)
    for what in ("import", "preview", "preview-update", "stop"):
        page = press(client, url, what)
        assert figures(page) == figures(before)
        assert text(page, "#import-job form[action] button") == "Undo the import"
    undo(client, page)
    assert accounts.get(warehouse, "B1") is None
