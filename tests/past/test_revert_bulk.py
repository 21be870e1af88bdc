"""Undoing a change of many records at once: an import or a repair."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from django.test import Client

from crm.model.schema import ACCOUNTS
from crm.repository import operations
from crm.repository.past import history, revert_bulk
from crm.repository.past.history import Wanted
from crm.repository.records import accounts, updates, use_cases
from crm.repository.transfer import upsert
from crm.warehouse import Warehouse

from ..broken_rows import broken, insert  # noqa: F401
from ..conftest import LocalWarehouse
from ..pages.html import filled_in, parsed, text, texts
from ..pages.import_page.using import press, preview

CSV = "BSNID,Team,Business Area\nOLD,Changed,Finance\nNEW1,One,Finance\nNEW2,Two,Finance\n"
KEYS = ("A", "B", "HAND", "NEW")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
def bob(warehouse: Warehouse) -> Warehouse:
    return replace(warehouse, actor="bob@example.com")


@pytest.fixture
def imported(client: Client, bob: Warehouse) -> str:
    """Import a change of one account and two new ones; return the address that undoes it."""
    values = {"bsnid": "OLD", "team": "As it was", "business_area": "Finance", "vp": "Vera"}
    accounts.create(bob, values)
    url, _ = preview(client, CSV, "accounts.csv", on_conflict="update")
    page = press(client, url)
    assert accounts.get(bob, "OLD").team == "Changed"
    return page.select_one("form[action^='/undo/bulk/']")["action"]


def undo(client: Client, address: str) -> str:
    response = client.post(address)
    assert response.status_code == 303
    return text(parsed(client.get(response["Location"])), "#toasts p")


def test_an_import_is_undone(client: Client, bob: Warehouse, imported: str) -> None:
    message = undo(client, imported)
    assert message.startswith("3 records are as they were before")
    now = accounts.get(bob, "OLD")
    assert (now.team, now.vp, now.created_by) == ("As it was", "Vera", "bob@example.com")
    assert accounts.get(bob, "NEW1") is accounts.get(bob, "NEW2") is None
    # Nothing is left to undo.
    assert undo(client, imported).startswith("Nothing is left to undo")


def test_it_is_in_the_history_by_who_did_it(client: Client, bob: Warehouse, imported: str) -> None:
    undo(client, imported)
    me = client.get("/").wsgi_request.warehouse.actor
    latest = history.load(bob, Wanted(person=me)).changes
    assert {(change.kind, change.key) for change in latest[:3]} == {
        ("deleted", "NEW1"),
        ("deleted", "NEW2"),
        ("changed", "OLD"),
    }


def test_what_somebody_changed_since_stays(client: Client, bob: Warehouse, imported: str) -> None:
    for key in ("OLD", "NEW1"):
        accounts.update(bob, key, {"admin": "Bob's"}, accounts.get(bob, key).updated_at)
    use_cases.create(bob, "NEW2", "u-1", {"problem": "P"})
    response = client.post(imported)
    page = parsed(response)
    assert (response.status_code, text(page, "h1")) == (200, "Nothing is left to undo.")
    assert [" ".join(each.split()) for each in texts(page, "main li")] == [
        "One (account) was changed since",
        "Two (account) has new records that would be lost",
        "Changed (account) was changed since",
    ]
    assert (accounts.get(bob, "OLD").team, accounts.get(bob, "OLD").admin) == ("Changed", "Bob's")
    assert accounts.get(bob, "NEW1").team == "One"
    assert accounts.get(bob, "NEW2").team == "Two"


def test_what_was_changed_outside_the_crm_stays(
    client: Client, bob: Warehouse, imported: str
) -> None:
    """A statement in an SQL editor keeps the import's id."""
    table = bob.namespace.table(ACCOUNTS)
    sql = f"UPDATE {table} SET admin = 'SQL' WHERE bsnid IN ('OLD', 'NEW1')"
    bob.execute(sql, repeatable=True)
    page = parsed(client.post(imported))
    assert text(page, "h1") == "1 record is as it was before."
    assert [" ".join(each.split()) for each in texts(page, "main li")] == [
        "One (account) was changed since",
        "Changed (account) was changed since",
    ]
    assert accounts.get(bob, "OLD").admin == accounts.get(bob, "NEW1").admin == "SQL"
    assert accounts.get(bob, "NEW2") is None


def test_only_what_the_operation_wrote_is_undone(
    client: Client, warehouse: Warehouse, bob: Warehouse
) -> None:
    """Not what the same person did by hand while the import ran, and not what others did."""
    me = replace(warehouse, actor=client.get("/").wsgi_request.warehouse.actor)
    accounts.create(bob, {"bsnid": "A", "team": "A"})
    accounts.create(bob, {"bsnid": "B", "team": "B"})
    updates.create(bob, "A", "d-1", {"description": "Before"})
    before = revert_bulk.current_versions(me)
    accounts.create(me, {"bsnid": "HAND", "team": "By hand"})
    accounts.update(me, "B", {"team": "Edited by hand"}, accounts.get(me, "B").updated_at)
    rows = [[key, f"New {key}", *[None] * (len(ACCOUNTS.names) - 2)] for key in ("A", "NEW")]
    operation = operations.new(me, operations.IMPORT)
    upsert.upsert(me, ACCOUNTS, json.dumps(rows), operation, overwrite=True)
    updates.delete(me, "d-1")
    after = revert_bulk.current_versions(me)
    done = revert_bulk.revert(me, operation.id, before, after)
    assert (done.count, done.left) == (2, ())
    assert [accounts.get(bob, key) and accounts.get(bob, key).team for key in KEYS] == [
        "A",
        "Edited by hand",
        "By hand",
        None,
    ]
    assert updates.get(bob, "d-1") is None
    assert revert_bulk.revert(me, operation.id, before, after).count == 0


def test_a_row_that_was_changed_and_deleted_since_stays_deleted(
    client: Client, bob: Warehouse, imported: str
) -> None:
    for key in ("OLD", "NEW1"):
        accounts.delete(bob, key)
    page = parsed(client.post(imported))
    assert text(page, "h1") == "1 record is as it was before."
    assert [" ".join(each.split()) for each in texts(page, "main li")] == [
        "NEW1 (account) was deleted since",
        "OLD (account) was deleted since",
    ]
    assert (
        accounts.get(bob, "OLD") is accounts.get(bob, "NEW1") is accounts.get(bob, "NEW2") is None
    )


def test_an_undo_that_failed_half_way_is_finished(
    client: Client, bob: Warehouse, imported: str, server: LocalWarehouse
) -> None:
    """The rows are stamped, but not deleted."""
    server.fault("http_status", times=None, status=500, match="THEN DELETE")
    assert client.post(imported).status_code >= 500
    assert accounts.get(bob, "NEW1").team == "One"
    server.clear_faults()
    assert undo(client, imported).startswith("3 records are as they were before")
    assert accounts.get(bob, "NEW1") is None


@pytest.mark.parametrize("check", ["unknown-words", "orphans", "double-statuses", "times"])
def test_a_repair_is_undone(client: Client, broken: Warehouse, check: str) -> None:  # noqa: F811
    def problems() -> list[str]:
        page = parsed(client.get("/admin-tools/integrity/"))
        return texts(page, ".problems li")

    before = problems()
    client.post(f"/admin-tools/integrity/{check}/")
    page = parsed(client.get("/admin-tools/integrity/"))
    assert texts(page, ".problems li") != before
    form = page.select_one("#toasts form")
    client.post(form["action"], filled_in(form))
    left = problems()
    # The impossible times do not come back: undo stamps the row.
    assert left == before or check == "times"


def test_duplicates_offer_no_undo(client: Client, broken: Warehouse) -> None:  # noqa: F811
    client.post("/admin-tools/integrity/duplicate-keys/")
    page = parsed(client.get("/admin-tools/integrity/"))
    assert text(page, "#toasts p").endswith("repaired.")
    assert not page.select("#toasts form")


@pytest.mark.parametrize("forged", ["x", "x:y:z", "eyJhIjoxfQ:1abc:def"])
def test_a_forged_address_undoes_nothing(
    client: Client, bob: Warehouse, imported: str, forged: str
) -> None:
    assert client.post(f"/undo/bulk/{forged}/").status_code == 404
    head, _, tail = imported.rstrip("/").rpartition(":")
    assert client.post(f"{head}:{tail[::-1]}/").status_code == 404
    assert client.get(imported).status_code == 405
    assert accounts.get(bob, "NEW1").team == "One"


def test_only_who_did_it_can(
    client: Client, bob: Warehouse, imported: str, settings: object
) -> None:
    settings.EDIP_USER = "somebody.else@example.com"
    assert client.post(imported).status_code == 404
    settings.EDIP_EDITORS = ["nobody@example.com"]
    assert client.post(imported).status_code == 403
    assert accounts.get(bob, "NEW1").team == "One"
