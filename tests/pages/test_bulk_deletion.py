"""Deleting many accounts at once, in whole and half-way, and the undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from crm.model.schema import ACCOUNTS
from crm.repository import operations
from crm.repository.bulk.change import Preview
from crm.repository.bulk.delete_action import Delete
from crm.repository.bulk.outcome import LeftAlone
from crm.repository.records import accounts, platforms
from crm.views import _bulk_wording
from crm.views import bulk as views
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse
from .html import filled_in, parsed, text, texts
from .test_bulk import GetPage, confirm, follow, preview, three  # noqa: F401


def test_they_are_deleted_with_all_that_belongs_to_them(
    client: Client,
    three: Warehouse,  # noqa: F811
    get_page: GetPage,
    make_update: Callable[..., str],
) -> None:
    platforms.set_status(three, "B1", "Databricks", "Requested", None)
    make_update("B1"), make_update("B3")
    found = preview(client, "key=B1&key=B3", {"do": "delete"})
    summary = "2 accounts will be deleted, together with 1 platform status and 2 updates."
    assert text(found, ".lead") == summary
    assert text(found, ".bulk-confirm button") == "Delete 2 accounts"
    done = follow(client, confirm(client, found))
    assert text(done, "#toasts p") == "2 accounts were deleted."
    assert [bool(accounts.get(three, b)) for b in ("B1", "B2", "B3")] == [False, True, False]
    activity = get_page("/activity/")
    assert "deleted 2 accounts" in texts(activity, ".moment-head")[0]
    assert text(activity, ".moment form button") == "Undo the deletion"
    client.post(done.select_one("#toasts form")["action"])
    detail = accounts.get_detail(three, "B1")
    assert (len(detail.platforms), len(detail.updates)) == (1, 1)
    assert "undid the deletion of 2 accounts" in texts(get_page("/activity/"), ".moment-undone")[0]


def test_a_deletion_that_fails_half_way_says_so_and_goes_on(
    client: Client,
    three: Warehouse,  # noqa: F811
    server: LocalWarehouse,
    make_update: Callable[..., str],
) -> None:
    make_update("B1")
    found = preview(client, "key=B1&key=B3", {"do": "delete"})
    server.fault("http_status", times=None, status=400, match=r"MERGE INTO \S*use_cases")
    page = parsed(confirm(client, found))
    assert texts(page, "main li") == [
        "Note who deletes the accounts",
        "Delete their platform statuses",
        "Delete their updates",  # at the same time
        "Delete their use cases",
        "Delete the accounts themselves",
        "Delete what others added to them meanwhile",
    ]
    assert accounts.get(three, "B1") is not None
    server.clear_faults()
    form = page.select_one("main form")
    done = follow(client, client.post(form["action"], filled_in(form)))
    assert text(done, "#toasts p") == "2 accounts were deleted."
    assert accounts.get(three, "B1") is accounts.get(three, "B3") is None
    client.post(done.select_one("#toasts form")["action"])
    assert len(accounts.get_detail(three, "B1").updates) == 1


def test_the_button_of_a_finished_deletion_says_that_it_was_done(
    client: Client,
    three: Warehouse,  # noqa: F811
) -> None:
    found = preview(client, "key=B1&key=B3", {"do": "delete"})
    confirm(client, found)
    again = follow(client, confirm(client, found))
    assert "already deleted these accounts" in texts(again, "#toasts p")[-1]
    client.post(again.select("#toasts form")[-1]["action"])
    undone = follow(client, confirm(client, found))
    assert "This deletion was undone" in texts(undone, "#toasts p")[-1]
    assert accounts.get(three, "B1") is not None


def test_a_process_that_ended_before_it_could_say_so(
    client: Client,
    three: Warehouse,  # noqa: F811
    get_page: GetPage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All accounts are deleted, but no note says so: the page of the button says what was done."""
    found = preview(client, "key=B1&key=B3", {"do": "delete"})
    monkeypatch.setattr(views, "_done", lambda *_: HttpResponse(status=599))
    note_done = operations.note_done

    def note_only_the_beginning(*args: Any, is_ended: bool = True) -> None:
        if not is_ended:
            note_done(*args, is_ended=False)

    monkeypatch.setattr(operations, "note_done", note_only_the_beginning)
    assert confirm(client, found).status_code == 599
    monkeypatch.undo()
    assert "began to delete 2 accounts" in texts(get_page("/activity/"), ".moment-head")[0]
    again = follow(client, confirm(client, found))
    assert texts(again, "#toasts p")[-1] == "2 accounts were deleted."
    assert "deleted 2 accounts" in texts(get_page("/activity/"), ".moment-head")[0]
    client.post(again.select("#toasts form")[-1]["action"])
    assert accounts.get(three, "B1") is not None


def test_what_somebody_else_deleted_half_way_is_not_claimed(
    client: Client,
    three: Warehouse,  # noqa: F811
    someone_else: Warehouse,
    server: LocalWarehouse,
) -> None:
    """The button of the page of the preview, since the process ended half-way."""
    found = preview(client, "key=B1&key=B3", {"do": "delete"})
    server.fault("http_status", status=400, match="DELETE FROM")
    confirm(client, found)
    for bsnid in ("B1", "B3"):
        accounts.delete(someone_else, bsnid)
    again = parsed(confirm(client, found))
    assert "2 accounts were deleted after the preview" in text(again, "main")
    assert not again.select("main form[action^='/undo/']")


def test_where_nothing_is_left_only_a_filter_is_said_to_match_nothing() -> None:
    nothing, action = Preview(()), Delete(ACCOUNTS)
    said = _bulk_wording.will_change(nothing, action, is_narrowed=False)
    assert said == "The list has no accounts any more."
    said = _bulk_wording.will_change(nothing, action, is_narrowed=True)
    assert said == "No account matches any more."


def test_accounts_that_lost_their_children_are_named() -> None:
    left = (LeftAlone("B1", "Team", False, is_emptied=True),)
    [reason] = _bulk_wording.left_alone(left, ACCOUNTS)
    assert reason.text.startswith("1 account was changed or created anew while it was deleted")
    # Without the table of operations, nothing tells that the deletion was undone.
    assert "Unless it was undone, what belonged to it before may be deleted" in reason.text
    assert reason.names == ["Team"]
