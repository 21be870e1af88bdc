"""Undoing a change of many records at once: an import or a repair."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core import signing
from django.http import Http404
from django.test import Client
from django.urls import reverse

from crm.model.schema import ACCOUNTS, USE_CASES
from crm.repository import operations
from crm.repository.past import history, revert_bulk
from crm.repository.past.history import Wanted
from crm.repository.records import accounts, updates, use_cases
from crm.repository.transfer import upsert
from crm.views import _revert_links
from crm.warehouse import Warehouse

from ..broken_rows import broken, insert  # noqa: F401
from ..conftest import LocalWarehouse
from ..pages.html import parsed, text, texts
from ..pages.import_page.using import press, preview
from .conftest import BOB, CSV, ME

KEYS = ("A", "B", "HAND", "NEW")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def undo(client: Client, address: str) -> str:
    response = client.post(address)
    assert response.status_code == 303
    return text(parsed(client.get(response["Location"])), "#toasts p")


def test_an_import_is_undone(client: Client, bob: Warehouse) -> None:
    accounts.create(bob, {"bsnid": "OLD", "team": "As it was", "vp": "Vera"})
    url, _ = preview(client, CSV, "accounts.csv", on_conflict="update")
    address = press(client, url).select_one("form[action^='/undo/bulk/']")["action"]
    assert accounts.get(bob, "OLD").team == "Changed"
    assert undo(client, address) == (
        "The import of accounts.csv was undone. 3 records are as they were before."
    )
    now = accounts.get(bob, "OLD")
    assert (now.team, now.vp, now.created_by) == ("As it was", "Vera", BOB)
    assert accounts.get(bob, "NEW1") is accounts.get(bob, "NEW2") is None
    assert undo(client, address).startswith("Nothing is left to undo"), "nothing is left to undo"
    # The history names the person who undid it.
    latest = history.load(bob, Wanted(person=ME)).changes
    assert {(change.kind, change.key) for change in latest[:3]} == {
        ("deleted", "NEW1"),
        ("deleted", "NEW2"),
        ("changed", "OLD"),
    }


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"who": ME},
        {"operations": [], "before": {"accounts": 1}, "who": ME},
        {"began": "?"},
        [],
    ],
    ids=str,
)
def test_a_link_with_other_facts_is_outdated(facts: Any) -> None:
    """An earlier version of the app signed it."""
    with pytest.raises(Http404, match="no longer valid"):
        _revert_links.read(signing.dumps(facts, salt=_revert_links._SALT))


def test_what_somebody_changed_since_stays(
    client: Client, bob: Warehouse, imported_rows: str
) -> None:
    for key in ("OLD", "NEW1"):
        accounts.update(bob, key, {"admin": "Bob's"}, accounts.get(bob, key).updated_at)
    use_cases.create(bob, "NEW2", "u-1", {"problem": "P"})
    response = client.post(imported_rows)
    page = parsed(response)
    assert (response.status_code, text(page, "h1")) == (200, "Nothing is left to undo.")
    assert text(page, "title").startswith("Nothing is left to undo.")
    assert [" ".join(each.split()) for each in texts(page, "main li")] == [
        "One (account) was changed since",
        "Two (account) has new records that would be lost",
        "Changed (account) was changed since",
    ]
    assert (accounts.get(bob, "OLD").team, accounts.get(bob, "OLD").admin) == ("Changed", "Bob's")
    assert accounts.get(bob, "NEW1").team == "One"
    assert accounts.get(bob, "NEW2").team == "Two"


def test_what_was_changed_outside_the_crm_stays(
    client: Client, bob: Warehouse, imported_rows: str
) -> None:
    """A statement in an SQL editor keeps the import's id."""
    table = bob.namespace.table(ACCOUNTS)
    sql = f"UPDATE {table} SET admin = 'SQL' WHERE bsnid IN ('OLD', 'NEW1')"
    bob.execute(sql, repeatable=True)
    page = parsed(client.post(imported_rows))
    assert text(page, "h1") == "1 record is as it was before."
    assert [" ".join(each.split()) for each in texts(page, "main li")] == [
        "One (account) was changed since",
        "Changed (account) was changed since",
    ]
    assert accounts.get(bob, "OLD").admin == accounts.get(bob, "NEW1").admin == "SQL"
    assert accounts.get(bob, "NEW2") is None


def test_only_what_the_operation_wrote_is_undone(warehouse: Warehouse, bob: Warehouse) -> None:
    """Not what the same person did by hand while the import ran, and not what others did."""
    me = replace(warehouse, actor=ME)
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
    client: Client, bob: Warehouse, imported_rows: str
) -> None:
    for key in ("OLD", "NEW1"):
        accounts.delete(bob, key)
    page = parsed(client.post(imported_rows))
    assert text(page, "h1") == "1 record is as it was before."
    assert [" ".join(each.split()) for each in texts(page, "main li")] == [
        "NEW1 (account) was deleted afterwards",
        "OLD (account) was deleted afterwards",
    ]
    assert (
        accounts.get(bob, "OLD") is accounts.get(bob, "NEW1") is accounts.get(bob, "NEW2") is None
    )


def test_an_undo_that_failed_half_way_is_finished(
    client: Client, bob: Warehouse, imported_rows: str, server: LocalWarehouse
) -> None:
    """The rows are stamped, but not deleted."""
    server.fault("http_status", times=None, status=500, match="THEN DELETE")
    assert client.post(imported_rows).status_code >= 500
    assert accounts.get(bob, "NEW1").team == "One"
    server.clear_faults()
    assert "3 records are as they were before" in undo(client, imported_rows)
    assert accounts.get(bob, "NEW1") is None


@pytest.mark.parametrize("table", ["accounts", "use_cases"])
def test_a_lost_answer_hides_no_record_of_an_undo(
    client: Client, warehouse: Warehouse, server: LocalWarehouse, table: str
) -> None:
    """The statement is sent again, and changes nothing the second time."""
    me = replace(warehouse, actor=ME)
    began = dt.datetime.now(dt.UTC)
    operation = operations.of_many(me, operations.IMPORT)
    for of in (ACCOUNTS, USE_CASES):
        values = ({of.key: f"X{n}", "account_bsnid": f"X{n}"} for n in range(3))
        rows = [[each.get(name) for name in of.names] for each in values]
        upsert.upsert(me, of, json.dumps(rows), operation, overwrite=True)
    facts = {"operations": [operation.id], "began": began.isoformat(), "who": ME}
    server.fault("drop_after", match=rf"(?s)MERGE INTO \S*{table}.* THEN DELETE")
    address = reverse("revert-bulk", args=[signing.dumps(facts, salt=_revert_links._SALT)])
    assert undo(client, address).startswith("6 records are as they were before")


def test_repairs_are_undone(client: Client, broken: Warehouse) -> None:  # noqa: F811
    def problems() -> list[str]:
        return texts(parsed(client.get("/admin-tools/integrity/")), ".problems li")

    before = problems()
    for check in ("unknown-words", "orphans", "double-statuses"):
        path = f"/admin-tools/integrity/{check}/"
        client.post(path)
        page = parsed(client.get(path))
        assert "nothing left to repair" in page.get_text(), check
        client.post(page.select_one("#toasts form")["action"])
    assert problems() == before
    # The impossible times do not come back: undo stamps the row.
    client.post("/admin-tools/integrity/times/")
    page = parsed(client.get("/admin-tools/export/"))
    undone = undo(client, page.select_one("#toasts form")["action"])
    assert re.match("The repair “[^”]+” was undone. 1 record is as it was before.", undone)


def test_duplicates_offer_no_undo(client: Client, warehouse: Warehouse) -> None:
    insert(warehouse, ACCOUNTS, *[{"bsnid": "SAME", "team": "Same"}] * 2)
    client.post("/admin-tools/integrity/duplicate-keys/")
    page = parsed(client.get("/admin-tools/export/"))
    assert text(page, "#toasts p").endswith("repaired.")
    assert not page.select("#toasts form")


def test_only_who_did_it_can_and_no_forged_address_undoes_anything(
    client: Client, bob: Warehouse, imported_rows: str, settings: Any
) -> None:
    for forged in ("x", "x:y:z", "eyJhIjoxfQ:1abc:def"):
        assert client.post(f"/undo/bulk/{forged}/").status_code == 404, forged
    head, _, tail = imported_rows.rstrip("/").rpartition(":")
    assert client.post(f"{head}:{tail[::-1]}/").status_code == 404
    assert client.get(imported_rows).status_code == 405
    settings.EDIP_USER = "somebody.else@example.com"
    assert client.post(imported_rows).status_code == 404
    settings.EDIP_EDITORS = ["nobody@example.com"]
    assert client.post(imported_rows).status_code == 403
    assert accounts.get(bob, "NEW1").team == "One"
