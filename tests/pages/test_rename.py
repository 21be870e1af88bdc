"""Renaming a person or a business area in all rows, as one operation with its undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.model.schema import ACCOUNTS, UPDATES, USE_CASES
from crm.repository import operations
from crm.repository.bulk import rename
from crm.repository.operations import Operation
from crm.repository.records import accounts
from crm.repository.steps import Earlier
from crm.repository.transfer.insert_missing import insert_missing
from crm.repository.transfer.read_all import rows as read_all
from crm.warehouse import Warehouse

from ..broken_rows import insert
from ..conftest import LocalWarehouse, Statements
from ..schemas import CONTENTS
from .html import filled_in, parsed, text, texts

See = Callable[[str], BeautifulSoup]
OLD = ("Jon Smith", "JON  SMITH")
NEW = "John Smith"
PAGE = "/people/jon smith/rename/"
# The columns that have a name of ``OLD``, and how many rows.
FOUND = ["Accounts VP 1", "Accounts Admin 2", "Use cases Leader 1", "Updates Author 1"]


def _write(wh: Warehouse) -> None:
    named = [
        {"bsnid": "A", "team": "A", "business_area": "Sales", "vp": OLD[0], "admin": OLD[1]},
        {"bsnid": "B", "team": "B", "business_area": "sales", "vp": NEW, "admin": OLD[0]},
        {"bsnid": "C", "team": "C", "business_area": "Sales", "vp": "Jon Smithson"},
    ]
    insert_missing(wh, ACCOUNTS, named)
    case = {"id": "c", "account_bsnid": "A", "problem": "P", "leader": OLD[0], "status": "Active"}
    insert_missing(wh, USE_CASES, [case])
    note = {"id": "u", "account_bsnid": "A", "description": "By Jon Smith", "author": OLD[1]}
    insert_missing(wh, UPDATES, [note])


CONTENTS["misspelt"] = _write


@pytest.fixture
def misspelt(warehouse: Warehouse) -> Warehouse:
    return warehouse


def _preview(client: Client, **changes: Any) -> BeautifulSoup:
    response = client.post(PAGE, {"old": OLD, "new": NEW} | changes)
    assert response.status_code == 200
    return parsed(response)


def _stored(wh: Warehouse) -> dict[str, list[dict[str, Any]]]:
    """Return what people filled in, by table."""
    tables = (ACCOUNTS, USE_CASES, UPDATES)
    return {
        table.name: sorted(
            ({name: row[name] for name in table.own_names} for row in read_all(wh, table)),
            key=lambda row: row[table.key],
        )
        for table in tables
    }


def test_a_name_is_changed_everywhere_and_undone_at_once(
    misspelt: Warehouse, client: Client, get_page: See
) -> None:
    before = _stored(misspelt)
    form = get_page(PAGE)
    boxes = form.select("main [type=checkbox]")
    assert [(box["value"], box.has_attr("checked")) for box in boxes] == [
        (OLD[0], True),
        (OLD[1], True),
    ]
    assert form.select_one("#new")["value"] == OLD[0]
    page = _preview(client)
    assert texts(page, "tbody tr") == FOUND
    assert text(page, "main .button-primary") == "Rename in 4 rows"
    too_late = _preview(client, new="Jane").select_one("[name=plan]")["value"]
    plan = page.select_one("[name=plan]")["value"]
    done = client.post(PAGE, {"plan": plan}, follow=True)
    assert done.redirect_chain == [("/people/John%20Smith/", 303)]
    assert "were renamed to “John Smith” in 4 records" in text(parsed(done), "#toasts p")
    assert texts(parsed(done), ".name-roles a") == [
        "VP of 2 accounts",
        "Admin of 2 accounts",
        "Leads 1 use case",
        "Wrote 1 update",
    ]
    assert client.get("/people/jon smith/").status_code == 404
    assert accounts.get(misspelt, "C").value("vp") == "Jon Smithson"
    _require_a_page_that_exists(client, too_late)
    # The button may be pressed twice, and the history names the operation.
    again = client.post(PAGE, {"plan": plan}, follow=True)
    assert "in 4 records" in text(parsed(again), "#toasts p")
    history = " ".join(get_page("/activity/").get_text(" ", strip=True).split())
    assert "renamed “Jon Smith”, “JON SMITH” to “John Smith” in 4 records" in history
    undo = parsed(done).select_one("#toasts form")["action"]
    undone = text(parsed(client.post(undo, follow=True)), "#toasts p")
    assert undone.startswith(
        "The rename of “Jon Smith”, “JON SMITH” to “John Smith” was undone. 4"
    )
    assert _stored(misspelt) == before


def _require_a_page_that_exists(client: Client, too_late: str) -> None:
    """All rows have changed, and neither the old name nor the new one has a page."""
    for plan, why in ((too_late, "All of these rows changed"), ("forged", "This page is too old")):
        done = client.post(PAGE, {"plan": plan}, follow=True)
        assert done.redirect_chain == [("/people/", 303)]
        assert text(parsed(done), "#toasts p").startswith(why)


def test_what_changed_after_the_preview_is_left_alone(misspelt: Warehouse, client: Client) -> None:
    plan = _preview(client).select_one("[name=plan]")["value"]
    account = accounts.get(misspelt, "A")
    accounts.update(misspelt, "A", {"team": "Renamed"}, account.updated_at)
    done = parsed(client.post(PAGE, {"plan": plan}, follow=True))
    words = text(done, "#toasts p")
    assert "in 3 records. 1 row changed after the preview" in words
    assert accounts.get(misspelt, "A").value("vp") == OLD[0]
    assert accounts.get(misspelt, "B").value("admin") == NEW


def test_each_row_of_one_key_counts(warehouse: Warehouse, client: Client) -> None:
    twins = [{"bsnid": "A", "team": "A"}] * 2
    insert(warehouse, ACCOUNTS, *twins, {"bsnid": "B", "team": "B"}, vp=OLD[0])
    page = _preview(client, old=OLD[0])
    assert text(page, "main .button-primary") == "Rename in 3 rows"
    plan = page.select_one("[name=plan]")["value"]
    accounts.update(warehouse, "B", {"team": "C"}, accounts.get(warehouse, "B").updated_at)
    for _ in range(2):
        done = parsed(client.post(PAGE, {"plan": plan}, follow=True))
        assert "in 2 records. 1 row changed after the preview" in text(done, "#toasts p")


def test_a_row_that_got_a_copy_after_the_preview_is_renamed_too(
    warehouse: Warehouse, client: Client
) -> None:
    insert(warehouse, ACCOUNTS, bsnid="A", team="A", vp=OLD[0])
    plan = _preview(client, old=OLD[0]).select_one("[name=plan]")["value"]
    insert(warehouse, ACCOUNTS, bsnid="A", team="A", vp=OLD[0])
    done = parsed(client.post(PAGE, {"plan": plan}, follow=True))
    assert text(done, "#toasts p").endswith("to “John Smith” in 2 records.")


def test_a_name_that_was_renamed_again_leads_to_the_list(
    misspelt: Warehouse, client: Client
) -> None:
    plan = _preview(client).select_one("[name=plan]")["value"]
    client.post(PAGE, {"plan": plan})
    page = "/people/john smith/rename/"
    again = parsed(client.post(page, {"old": NEW, "new": "Jo"}))
    client.post(page, {"plan": again.select_one("[name=plan]")["value"]})
    assert client.post(PAGE, {"plan": plan})["Location"] == "/people/"


def test_what_earlier_attempts_changed_is_not_counted_again(
    misspelt: Warehouse, statements: Statements
) -> None:
    operation = Operation("o", operations.BULK, "a@example.com")
    admin = rename.Rename(((ACCOUNTS, "admin"),), OLD, NEW)
    rows = {ACCOUNTS: (("A", None), ("B", None))}
    with statements() as done:
        assert rename.write(misspelt, operation, admin, rows, Earlier("o", 1, changed=2)) == 2
    assert done == []


def test_a_rename_goes_on_unless_it_was_undone(
    misspelt: Warehouse, client: Client, server: LocalWarehouse
) -> None:
    before = _stored(misspelt)
    plan = _preview(client).select_one("[name=plan]")["value"]
    # It begins only once that is noted.
    server.fault("http_status", status=400, match=r"MERGE INTO \S*operations")
    assert client.post(PAGE, {"plan": plan}).status_code == 500
    assert _stored(misspelt) == before
    server.fault("http_status", times=None, status=400, match=r"MERGE INTO \S*use_cases")
    page = parsed(client.post(PAGE, {"plan": plan}))
    # The tables after the first are written at the same time.
    assert texts(page, "main li")[:2] == ["Rename in the accounts", "Rename in the updates"]
    half = filled_in(page.select_one("main form"))
    server.clear_faults()
    activity = parsed(client.get("/activity/"))
    assert "began to rename “Jon Smith”, “JON SMITH” to" in texts(activity, ".moment-head")[0]
    assert text(activity, ".moment form button") == "Undo the rename"
    # Somebody edits what the first half wrote. All pages still count it.
    account = accounts.get(misspelt, "A")
    accounts.update(misspelt, "A", {"team": "Edited"}, account.updated_at)
    for _ in range(2):
        done = parsed(client.post(PAGE, half, follow=True))
        assert text(done, "#toasts p").endswith("renamed to “John Smith” in 4 records.")
    activity = texts(parsed(client.get("/activity/")), ".moment-head")
    assert [head for head in activity if "to “John Smith” in 4 records" in head]
    undone = parsed(client.post(done.select_one("#toasts form")["action"]))
    assert texts(undone, ".ask p")[0].startswith("1 record of the rename of “Jon Smith”, “JON")
    before = _stored(misspelt)
    # Without its note, nobody knows that it was undone, so nothing is written.
    server.fault("http_status", times=None, status=400, match="SELECT kind, summary")
    response = client.post(PAGE, half)
    assert response.status_code == 500
    again = filled_in(parsed(response).select_one("main form"))
    server.clear_faults()
    page = parsed(client.post(PAGE, again, follow=True))
    assert texts(page, "#toasts p")[-1].startswith("This rename was undone")
    assert _stored(misspelt) == before


@pytest.mark.parametrize("is_edited", [False, True])
def test_without_notes_the_rows_tell_that_a_rename_was_undone(
    misspelt: Warehouse, client: Client, server: LocalWarehouse, is_edited: bool
) -> None:
    plan = _preview(client).select_one("[name=plan]")["value"]
    server.fault("http_status", times=None, status=400, match=r"MERGE INTO \S*use_cases")
    half = filled_in(parsed(client.post(PAGE, {"plan": plan})).select_one("main form"))
    server.clear_faults()
    client.post(parsed(client.get("/activity/")).select_one(".moment form")["action"])
    if is_edited:  # no row has the undo's id any more; the change feeds show it
        for table, key in ((ACCOUNTS, "A"), (ACCOUNTS, "B"), (UPDATES, "u")):
            sql = f"UPDATE {misspelt.namespace.table(table)} SET change_id = 'x' WHERE {{}} = :key"
            misspelt.execute(sql.format(table.key), {"key": key}, repeatable=True)
    before = _stored(misspelt)
    missing = {"error_class": "TABLE_OR_VIEW_NOT_FOUND", "sqlstate": "42P01"}
    server.fault("error", times=None, match=r"\boperations\b", **missing)
    page = parsed(client.post(PAGE, half, follow=True))
    assert texts(page, "#toasts p")[-1].startswith("This rename was undone")
    assert _stored(misspelt) == before


def test_without_notes_a_rename_goes_on(
    misspelt: Warehouse, client: Client, server: LocalWarehouse
) -> None:
    plan = _preview(client).select_one("[name=plan]")["value"]
    missing = {"error_class": "TABLE_OR_VIEW_NOT_FOUND", "sqlstate": "42P01"}
    server.fault("error", times=None, match=r"\boperations\b", **missing)
    server.fault("http_status", status=400, match=r"MERGE INTO \S*use_cases")
    half = filled_in(parsed(client.post(PAGE, {"plan": plan})).select_one("main form"))
    done = parsed(client.post(PAGE, half, follow=True))
    assert text(done, "#toasts p").endswith("renamed to “John Smith” in 4 records.")


def test_what_cannot_be_renamed(
    misspelt: Warehouse, client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    masked = Operation("o", operations.BULK, "a@example.com", {"accounts": frozenset({"vp"})})
    with pytest.raises(ValueError, match="vp is masked"):
        rename.write(misspelt, masked, rename.Rename(((ACCOUNTS, "vp"),), OLD, NEW), {})
    for changes, words in (
        ({"new": ""}, "Type the new name."),
        ({"old": ()}, "Choose at least one name"),
        ({"old": OLD[0], "new": OLD[0]}, "Choose at least one name"),
        ({"new": "x" * 201}, "200"),
    ):
        response = client.post(PAGE, {"old": OLD, "new": NEW} | changes)
        assert response.status_code == 422, changes
        assert words in text(parsed(response), "[role=alert]")
    assert "no row that you see has the name" in _preview(client, old="Nobody").get_text()
    stale = client.post(PAGE, {"plan": "forged"}, follow=True)
    assert "too old" in text(parsed(stale), "#toasts p")
    area = client.post("/areas/Sales/rename/", {"old": "sales", "new": "Sales"})
    assert texts(parsed(area), "tbody tr") == ["Accounts Business area 1"]
    wrong_kind = parsed(area).select_one("[name=plan]")["value"]
    assert "too old" in text(
        parsed(client.post(PAGE, {"plan": wrong_kind}, follow=True)), "#toasts p"
    )
    plan = _preview(client).select_one("[name=plan]")["value"]
    settings.EDIP_USER = "somebody.else@example.com"
    theirs = client.post(PAGE, {"plan": plan}, follow=True)
    assert "is not yours" in text(parsed(theirs), "#toasts p")
    monkeypatch.setattr(rename, "MOST", 2)
    response = client.post(PAGE, {"old": OLD, "new": NEW})
    assert response.status_code == 422
    assert "at most 2" in response.content.decode()
