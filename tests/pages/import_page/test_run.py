"""The import page: the import itself, its progress, its result and its interruptions."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.test import Client

from crm.importing.jobs import folders
from crm.model.schema import ACCOUNTS
from crm.repository.records import accounts
from crm.repository.transfer import upsert
from crm.warehouse import Warehouse
from tests.broken_rows import insert
from tests.conftest import BASE_DIR, LocalWarehouse

from ..html import HTMX, parsed, text, texts
from .using import (
    ACCOUNTS_CSV,
    accounts_csv,
    before_each_chunk,
    everything,
    figures,
    press,
    preview,
    report,
    seen,
)


def test_preview_confirm_result(client: Client, warehouse: Warehouse) -> None:
    url, page = preview(client, ACCOUNTS_CSV, "accounts.csv")
    assert figures(page)["Accounts"] == ["2", "0", "0", "1"]
    assert texts(page, ".import-row b") == ["B1", "B2"]
    assert texts(page.select_one(".import-row"), "dt") == ["Team", "Business area"]
    assert text(page, "#refused .quiet") == "row 4, BSNID"
    # Nothing is written before it is confirmed.
    assert accounts.get(warehouse, "B1") is None
    assert text(page, ".import-confirm .button-primary") == "Import 2 rows"
    # Asking twice imports once.
    client.post(url, {"do": "import"} | seen(url))
    page = press(client, url)
    assert text(page, ".banner h2") == "Imported, and verified"
    *numbers, verdict = figures(page)["Accounts"]
    assert numbers == ["2", "2", "0", "0", "1"]
    assert re.fullmatch("2 rows, equal checksums, [0-9a-f]{16}", verdict)
    assert accounts.get(warehouse, "B1").team == "Claims"
    assert accounts.get(warehouse, "B1").created_by == client.get("/").wsgi_request.warehouse.actor
    # The same file once more has nothing to write.
    _, again = preview(client, ACCOUNTS_CSV, "accounts.csv")
    assert figures(again)["Accounts"] == ["0", "0", "2", "1"]
    assert not again.select(".import-confirm .button-primary")


def test_a_key_that_somebody_inserted_at_the_same_moment(
    client: Client, warehouse: Warehouse, monkeypatch: Any
) -> None:
    """The warehouse accepted both statements: the import says so, even if the values are the
    same."""
    write = upsert.upsert

    def write_and_insert(*args: Any, **options: Any) -> int:
        count = write(*args, **options)
        insert(warehouse, ACCOUNTS, bsnid="B1", team="Claims", business_area="Finance")
        return count

    monkeypatch.setattr(upsert, "upsert", write_and_insert)
    url, _ = preview(client, "BSNID,Team,Business Area\nB1,Claims,Finance\n", "accounts.csv")
    page = press(client, url)
    assert text(page, ".banner h2") == "The tables differ from the file"
    assert "the page Integrity lists such keys" in text(page, ".banner")
    assert figures(page)["Accounts"][-1].startswith("2 of 1 rows found")
    integrity = parsed(client.get("/admin-tools/integrity/duplicate-keys/"))
    assert "2 rows have this key" in integrity.get_text()


def test_all_or_nothing_when_it_comes_to_it(client: Client, warehouse: Warehouse) -> None:
    url, _ = preview(client, ACCOUNTS_CSV, "accounts.csv", on_conflict="fail")
    accounts.create(warehouse, {"bsnid": "B1", "team": "Old", "business_area": "Finance"})
    page = press(client, url)
    assert text(page, ".banner h2") == "The import stopped"
    assert "nothing was imported" in text(page, ".banner")
    assert accounts.get(warehouse, "B2") is None
    # Its findings are on the page and in the report.
    assert "already exists with different values" in page.get_text()
    assert {"refused", "skipped"} == {line["outcome"] for line in report(client, url)}


def test_the_bar_moves(client: Client, warehouse: Warehouse, monkeypatch: Any) -> None:
    url, _ = preview(client, accounts_csv(30), "accounts.csv")
    bars = []

    def note_the_bar(chunk: int) -> None:
        bar = parsed(client.get(url, **HTMX)).select_one("progress")
        bars.append((bar["value"], bar["max"]))

    before_each_chunk(monkeypatch, 10, note_the_bar)
    page = press(client, url)
    assert bars == [("0", "30"), ("10", "30"), ("20", "30")]
    assert text(page, ".banner h2") == "Imported, and verified"


def test_a_warehouse_that_dies_before_the_first_row(
    client: Client, warehouse: Warehouse, server: LocalWarehouse
) -> None:
    url, _ = preview(client, ACCOUNTS_CSV, "accounts.csv")
    server.fault("drop_before", times=None, match="DESCRIBE HISTORY")
    page = press(client, url)
    assert text(page, ".banner h2") == "The import stopped"
    assert "No row of the file was written." in text(page, ".banner")
    server.clear_faults()
    assert not accounts.search(warehouse, everything()).rows
    assert text(press(client, url), ".banner h2") == "Imported, and verified"


def test_a_warehouse_that_dies_half_way(
    client: Client, warehouse: Warehouse, server: LocalWarehouse, monkeypatch: Any
) -> None:
    monkeypatch.setattr("crm.repository.steps.PAUSES", (0.0, 0.0))
    url, _ = preview(client, accounts_csv(30), "accounts.csv")

    def fail_from_the_second_chunk(chunk: int) -> None:
        if chunk == 1:
            server.fault("http_status", times=None, status=500)

    before_each_chunk(monkeypatch, 10, fail_from_the_second_chunk)
    page = press(client, url)
    assert text(page, ".banner h2") == "The import stopped"
    assert "You can run it again" in text(page, ".banner")
    server.clear_faults()
    assert len(accounts.search(warehouse, everything()).rows) == 10
    # A short failure does not end the import.
    server.fault("http_status", times=2, status=500, match="MERGE INTO")
    page = press(client, url)
    assert text(page, ".banner h2") == "Imported, and verified"
    assert len(accounts.search(warehouse, everything()).rows) == 30


_WORK = """
import sys, time
from pathlib import Path
from crm.importing.jobs import lock
assert lock.acquire(Path(sys.argv[1]))
print("at work", flush=True)
time.sleep(60)
"""


def test_a_process_that_is_gone(client: Client, warehouse: Warehouse) -> None:
    """Another process is at work; as soon as it is killed the page says so, and goes on."""
    url, _ = preview(client, ACCOUNTS_CSV, "accounts.csv")
    (state,) = Path(folders.home()).glob("*/state.json")
    worker = subprocess.Popen(
        [sys.executable, "-c", _WORK, str(state.parent)], cwd=BASE_DIR, stdout=subprocess.PIPE
    )
    assert worker.stdout.readline() == b"at work\n"
    content = json.loads(state.read_text())
    state.write_text(json.dumps(content | {"phase": "importing", "doing": "importing", "rows": 1}))
    assert parsed(client.get(url)).select("progress")
    client.post(url, {"do": "import"})
    assert parsed(client.get(url)).select("progress")
    worker.kill()
    worker.wait()
    page = parsed(client.get(url))
    assert "has ended" in text(page, ".banner")
    assert "1 of 2 rows were done" in text(page, ".banner")
    assert text(press(client, url), ".banner h2") == "Imported, and verified"
