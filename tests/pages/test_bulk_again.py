"""A bulk change that fails half-way, is continued, or whose button is pressed again."""

from __future__ import annotations

from django.test import Client

from crm.model.schema import PLATFORMS_STATUS
from crm.repository import operations
from crm.repository.records import _children, platforms
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse
from .html import filled_in, parsed, text, texts
from .test_bulk import HAND_OVER, STATUS, confirm, follow, partners, preview, three  # noqa: F401


def test_a_lost_answer_is_no_loss(
    client: Client,
    three: Warehouse,  # noqa: F811
    server: LocalWarehouse,
) -> None:
    found = preview(client, "all=on", HAND_OVER)
    server.fault("drop_after", match=r"MERGE INTO \S*accounts")
    done = follow(client, confirm(client, found))
    assert text(done, "#toasts p") == "2 accounts were changed."
    assert partners(three) == ["Anna"] * 3


def test_a_change_that_could_not_be_checked_says_so_and_goes_on(
    client: Client,
    three: Warehouse,  # noqa: F811
    server: LocalWarehouse,
) -> None:
    page = preview(client, "key=B1&key=B3", STATUS)
    server.fault("http_status", times=None, status=400, match="COUNT.*OVER")
    half = parsed(confirm(client, page))
    assert texts(half, "main li") == [
        "Set Databricks to Completed",
        "Check what others changed meanwhile",
    ]
    server.clear_faults()
    activity = parsed(client.get("/activity/"))
    assert "began to change 2 accounts: Databricks to" in texts(activity, ".moment-head")[0]
    assert text(activity, ".moment form button") == "Undo the bulk change"
    # Meanwhile somebody sets another status, and deletes one after the end.
    [status] = platforms.list_for(three, "B1")
    platforms.set_status(three, "B1", "Databricks", "Requested", status.updated_at)
    form = half.select_one("main form")
    go_on = filled_in(form)
    done = follow(client, client.post(form["action"], go_on))
    assert text(done, "#toasts p") == "2 accounts were changed."
    [status] = platforms.list_for(three, "B3")
    operation = operations.new(three, operations.DELETE)
    _children.delete(three, PLATFORMS_STATUS, status.id, operation)
    for sent in (go_on, filled_in(page.select_one(".bulk-confirm"))):
        again = follow(client, client.post(form["action"], sent))
        assert texts(again, "#toasts p")[-1] == "2 accounts were changed."
    assert platforms.list_for(three, "B3") == ()
    client.post(done.select_one("#toasts form")["action"])
    undone = follow(client, confirm(client, page))
    assert texts(undone, "#toasts p")[-1].startswith("This change was undone")
    assert platforms.list_for(three, "B3") == ()


def test_a_field_that_was_set_and_undone_is_not_set_again(
    client: Client,
    three: Warehouse,  # noqa: F811
) -> None:
    page = preview(client, "all=on", HAND_OVER)
    done = follow(client, confirm(client, page))
    client.post(done.select_one("#toasts form")["action"])
    again = parsed(confirm(client, page))
    assert text(again, "h1") == "No account was changed."
    assert partners(three) == ["Bob", "Anna", "Bob"]
