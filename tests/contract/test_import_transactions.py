"""An import with transactions: it is complete, or nothing is done, or the page says what was
done."""

from __future__ import annotations

import json
import re
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.importing import importer
from crm.model.schema import UPDATES, USE_CASES
from crm.repository import atomic
from crm.repository.past import history
from crm.repository.past.history import Wanted
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from ..broken_rows import insert
from ..conftest import LocalWarehouse, Statements
from ..pages.html import text
from ..pages.import_page.using import figures, press, preview, undo
from ..sizes import only_soak
from .family import counts
from .test_every_step import FAULTS, rows_of

BLOCK = r"BEGIN ATOMIC\s+MERGE"
WRITES = r"^\s*(BEGIN ATOMIC|MERGE INTO (?!\S*operations))"
pytestmark = pytest.mark.usefixtures("no_pauses")


def state(*bsnids: str) -> str:
    """Return a file with accounts and a child of each kind of each of them."""
    found: dict[str, Any] = {"accounts": {}, "use_cases": {}, "updates": {}}
    account = {"team": "Imported", "platforms_status": {"Databricks": "Requested"}}
    use_case = {"problem": "P", "status": "Active"}
    update = {"description": "D", "author": "A", "date": "2026-03-31"}
    for bsnid in bsnids:
        of_account = {"account_bsnid": bsnid, "platform": "Databricks"}
        found["accounts"][bsnid] = account | {"business_area": "Finance"}
        found["use_cases"][f"{bsnid}-u"] = of_account | use_case
        found["updates"][f"{bsnid}-d"] = of_account | update
    return json.dumps(found)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def writes(done: list[str]) -> list[int]:
    """Return of each statement that writes records how many tables it writes."""
    return [each.count("MERGE INTO") for each in done if re.match(WRITES, each)]


def imported(page: BeautifulSoup) -> list[str]:
    """Return how many rows of each table the page says were written."""
    assert text(page, ".banner h2") == "Imported, and verified"
    return [cells[0] for cells in figures(page).values()]


def test_a_small_import_is_one_transaction(
    client: Client,
    with_transactions: Warehouse,
    statements: Statements,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wh = with_transactions
    accounts.create(wh, {"bsnid": "B1", "team": "Before", "business_area": "Finance"})
    # Rows whose account was deleted in an SQL editor: it comes back with the import.
    insert(wh, USE_CASES, id="B2-u", account_bsnid="B2", problem="P", status="Active")
    insert(wh, UPDATES, id="B2-d", account_bsnid="B2", description="Another")
    url, seen = preview(client, state("B1", "B2"), "state.json", on_conflict="update")
    assert "".join(cells[0] for cells in figures(seen).values()) == "1211"
    before = counts(wh)
    with statements() as done:
        page = press(client, url)
    assert writes(done) == [4]
    assert imported(page) == ["2"] * 4
    for bsnid in ("B1", "B2"):
        latest = history.load(wh, Wanted(bsnid=bsnid)).changes[0]
        assert latest.summary.startswith("imported 8 rows from state.json")
    undo(client, page)
    assert counts(wh) == before
    assert accounts.get(wh, "B1").team == "Before"
    # More rows than one statement takes are written step by step.
    monkeypatch.setattr(importer, "CHUNK_BYTES", 300)
    url, _ = preview(client, state("B3"), "state.json")
    with statements() as done:
        page = press(client, url)
    assert (writes(done), imported(page)) == ([1] * 4, ["1"] * 4)


def test_a_lost_answer_and_a_refused_transaction_change_no_number(
    client: Client,
    with_transactions: Warehouse,
    server: LocalWarehouse,
    statements: Statements,
) -> None:
    refusal = {"error_class": "TRANSACTION_NOT_SUPPORTED.PREVIEW_NOT_ENABLED", "sqlstate": "0A000"}
    faults: list[dict[str, Any]] = [
        {"kind": "drop_after"},
        {"kind": "conflict"},
        {"kind": "error", **refusal},
        {"kind": "conflict"},
    ]
    sent = []
    for number, fault in enumerate(faults):
        server.fault(match=BLOCK, **fault)
        url, _ = preview(client, state(f"B{number}"), "state.json")
        with statements() as done:
            page = press(client, url)
        server.clear_faults()
        assert imported(page) == ["1"] * 4
        sent.append(writes(done))
    # The second try may meet the first one, whose answer was lost and which still runs: a third.
    assert sent[0] in ([4, 4], [4, 4, 4])
    # After a conflict the next import tries a transaction again; after a refusal none does.
    assert sent[1:] == [[4, 1, 1, 1, 1], [4, 1, 1, 1, 1], [1, 1, 1, 1]]
    assert counts(with_transactions) == [4, 4, 4, 4]


def test_a_transaction_that_never_ran_wrote_nothing(
    client: Client, with_transactions: Warehouse, server: LocalWarehouse
) -> None:
    server.fault("drop_before", times=None, match=BLOCK)
    url, _ = preview(client, state("B1"), "state.json")
    page = press(client, url)
    assert text(page, ".banner h2") == "The import stopped"
    assert "You can run it again" in text(page, ".banner")
    assert counts(with_transactions) == [0, 0, 0, 0]
    server.clear_faults()
    assert imported(press(client, url)) == ["1"] * 4
    assert counts(with_transactions) == [1, 1, 1, 1]


@only_soak
@pytest.mark.parametrize("fault", FAULTS)
def test_each_statement_fails(
    client: Client, warehouse: Warehouse, server: LocalWarehouse, fault: str
) -> None:
    assert fail_at_each(client, warehouse, server, fault) == 5


@only_soak
@pytest.mark.parametrize("fault", FAULTS)
def test_the_transaction_fails(
    client: Client, with_transactions: Warehouse, server: LocalWarehouse, fault: str
) -> None:
    assert fail_at_each(client, with_transactions, server, fault) == 2


def fail_at_each(client: Client, wh: Warehouse, server: LocalWarehouse, fault: str) -> int:
    """Let the first statement that writes fail, then the second, …, until none is left.

    Returns how many statements there were, and one more.
    """
    for n in count(1):
        url, _ = preview(client, state(f"B{n}"), "state.json")
        server.fault(times=None, at=n, match=WRITES, **FAULTS[fault])
        page = press(client, url)
        server.clear_faults()
        atomic._refused.clear()
        written = sum(rows_of(wh, f"B{n}"))
        if "Imported" in text(page, ".banner h2"):
            assert written == 4
            return n
        told = re.search(r"(\d) of 4 rows were done", page.get_text())
        # The row of the statement that failed may have been written, too.
        assert written - int(told[1] if told else 0) in (0, 1) or written == 4
        # Where only the answer was lost, nothing is left to write.
        again = text(press(client, url), ".banner h2")
        assert again in ("Imported, and verified", "There was nothing to write")
        assert rows_of(wh, f"B{n}") == [True] * 4
    raise AssertionError
