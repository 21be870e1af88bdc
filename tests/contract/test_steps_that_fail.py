"""A step of a deletion fails in each way: it is tried again, reported, and continued."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client

from crm.model.schema import UPDATES, Table
from crm.repository import versions
from crm.repository.errors import BeyondRetention
from crm.repository.merge import merging
from crm.repository.records import accounts, updates
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse
from ..pages.html import HTMX, filled_in, parsed, texts
from ..patience import seconds, wait_for_pages
from .family import ACCOUNT, CHILDREN, ORPHANS, STAMP, counts

UNSURE = "(this may have been done: its answer did not arrive)"


@pytest.mark.parametrize(
    ("fault", "status", "note"),
    [
        ("conflict", 409, ""),
        ("drop_before", 503, UNSURE),
        ("drop_after", 503, UNSURE),
        ("hang", 503, UNSURE),
    ],
)
def test_a_step_that_fails_in_another_way(
    client: Client,
    family: Warehouse,
    server: LocalWarehouse,
    settings: Any,
    fault: str,
    status: int,
    note: str,
) -> None:
    # Only a warehouse that hangs needs a deadline, long enough for the earlier steps on a busy
    # machine.
    deadline = 3.0 if fault == "hang" else 60.0
    settings.EDIP_REQUEST_TIMEOUT = deadline
    deletes = r"MERGE INTO \S*updates"
    if fault != "hang":
        # The first failure is tried again by itself.
        server.fault(fault, match=r"MERGE INTO \S*use_cases")
    server.fault(fault, times=None, match=deletes)
    started = time.monotonic()
    response = client.post("/accounts/B1/delete/", **HTMX)
    assert time.monotonic() - started < deadline + seconds(1)
    assert response.status_code == status
    toast = parsed(response)
    assert texts(toast, "li") == [
        *[STAMP, *CHILDREN[:2]],
        *[f"{CHILDREN[2]} {note}".strip(), ACCOUNT, ORPHANS],
    ]
    server.clear_faults()
    settings.EDIP_REQUEST_TIMEOUT = 60.0
    wait_for_pages(client)
    go_on = toast.select_one("form")
    assert client.post(go_on["action"], filled_in(go_on)).status_code == 303
    assert counts(family) == [0, 0, 0, 0]


def test_what_somebody_changed_meanwhile_is_asked_about(
    client: Client, family: Warehouse, server: LocalWarehouse
) -> None:
    """Continuing would delete their edit, and the history would attribute the deletion to them."""
    server.fault("http_status", status=400, match=r"(DELETE FROM|MERGE INTO) \S*updates")
    for path in ("/updates/d-1/delete/", "/accounts/B1/delete/"):
        go_on = parsed(client.post(path)).select_one("main form")
        if path.startswith("/updates"):
            seen = updates.get(family, "d-1").updated_at
            updates.update(family, "d-1", {"description": "Still needed"}, seen)
        else:
            seen = accounts.get(family, "B1").updated_at
            accounts.update(family, "B1", {"team": "Still needed"}, seen)
        response = client.post(go_on["action"], filled_in(go_on))
        assert response["Location"] == path
        ask = parsed(client.get(path))
        assert "Somebody changed this" in ask.select_one("#toasts").get_text()
        assert "Still needed" in ask.select_one("main").get_text()
        server.fault("http_status", status=400, match=r"(DELETE FROM|MERGE INTO) \S*updates")
    server.clear_faults()
    assert counts(family) == [1, 0, 0, 1]
    assert client.post("/accounts/B1/delete/").status_code == 303
    assert counts(family) == [0, 0, 0, 0]


# The address of the merge of B1 into B2, and its statement that moves updates.
MERGE = "/accounts/B2/merge/B1/"
MOVE = r"MERGE INTO \S*updates"


def merge_form(client: Client, family: Warehouse) -> dict[str, Any]:
    """Create the account B2, and return the form that merges B1 into it."""
    accounts.create(family, {"bsnid": "B2", "team": "Kept"})
    return filled_in(parsed(client.get(MERGE)).select_one("form.merge"))


@pytest.mark.parametrize("is_continued", [False, True])
def test_the_kept_account_is_deleted_while_another_is_merged_into_it(
    client: Client,
    family: Warehouse,
    server: LocalWarehouse,
    monkeypatch: pytest.MonkeyPatch,
    is_continued: bool,
) -> None:
    """What had moved by then is gone, and the page does not only say that it finds no account."""
    form = merge_form(client, family)
    if is_continued:
        server.fault("http_status", status=400, match=MOVE)
        form = filled_in(parsed(client.post(MERGE, form)).select_one("main form"))
        accounts.delete(family, "B2")
    else:
        delete_other = merging._Merge.delete_other

        def delete_kept_first(merge: merging._Merge) -> int:
            accounts.delete(family, "B2")
            return delete_other(merge)

        monkeypatch.setattr(merging._Merge, "delete_other", delete_kept_first)
    response = client.post(MERGE, form)
    assert response.status_code == 404
    words = parsed(response).select_one("main").get_text()
    assert "Somebody deleted the account “B2” while “B1” was merged into it." in words
    assert "What had moved by then may have been deleted with “B2”" in words
    assert accounts.get(family, "B1")


def gone(*args: Any) -> None:
    raise BeyondRetention


@pytest.mark.parametrize("is_continued", [False, True])
def test_the_other_account_is_deleted_while_it_is_merged(
    client: Client,
    family: Warehouse,
    someone_else: Warehouse,
    server: LocalWarehouse,
    monkeypatch: pytest.MonkeyPatch,
    is_continued: bool,
) -> None:
    """The page does not say that both are one: what had not moved by then is deleted."""
    form = merge_form(client, family)
    if is_continued:
        server.fault("http_status", status=400, match=MOVE)
        form = filled_in(parsed(client.post(MERGE, form)).select_one("main form"))
        accounts.delete(someone_else, "B1")
    else:
        move = merging._Merge.move

        def delete_first(merge: merging._Merge, table: Table) -> int:
            if table is UPDATES:
                accounts.delete(someone_else, "B1")
            return move(merge, table)

        monkeypatch.setattr(merging._Merge, "move", delete_first)
    for _ in range(2):  # the button says so again
        response = client.post(MERGE, form)
        assert response.status_code == 404
        main = parsed(response).select_one("main")
        assert main.select_one("a[href='/accounts/B1/history/']")
        words = " ".join(main.get_text().split())
        assert (
            "Somebody deleted the account “B1”, or merged it, before this merge into “B2” was"
            in words
        )
    assert updates.get(family, "d-1") is None


@pytest.mark.parametrize("is_kept", [True, False], ids=["feed", "no feed"])
def test_a_merge_whose_last_answers_are_lost_is_reported_as_merged(
    client: Client,
    family: Warehouse,
    server: LocalWarehouse,
    monkeypatch: pytest.MonkeyPatch,
    is_kept: bool,
) -> None:
    """Without the change feed it is unknown who deleted the other account."""
    form = merge_form(client, family)
    server.fault("drop_after", times=None, match=r"MERGE INTO \S*accounts[^;]*THEN DELETE")
    go_on = filled_in(parsed(client.post(MERGE, form)).select_one("main form"))
    assert accounts.get(family, "B1") is None
    server.clear_faults()
    if not is_kept:
        monkeypatch.setattr(versions, "versions_at", gone)
    said = texts(parsed(client.post(MERGE, go_on, follow=True)), "#toasts p")[-1]
    assert said.startswith("Merged")
    assert ("If somebody else deleted B1" in said) is not is_kept
    assert updates.get(family, "d-1").account_bsnid == "B2"


def test_a_merge_is_not_finished_after_its_undo_and_a_deletion(
    client: Client, family: Warehouse, someone_else: Warehouse, server: LocalWarehouse
) -> None:
    form = merge_form(client, family)
    server.fault("http_status", status=400, match="_follows|LEFT ANTI JOIN")
    go_on = filled_in(parsed(client.post(MERGE, form)).select_one("main form"))
    server.clear_faults()
    undo = parsed(client.get("/activity/")).select_one(
        ".moment form:has([name=csrfmiddlewaretoken])"
    )
    client.post(undo["action"])
    accounts.delete(someone_else, "B1")
    response = client.post(MERGE, go_on)
    assert response.status_code == 404
    assert "Nothing was merged now" in parsed(response).select_one("main").get_text()
