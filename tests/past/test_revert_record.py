"""Reverting changes of a record: one field, all of a change, or the whole record."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.model.changes import Change
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS
from crm.repository.errors import AlreadyExists
from crm.repository.operations import Operation
from crm.repository.past import history, revert_record
from crm.repository.past._revert import bring_back
from crm.repository.past.history import Wanted
from crm.repository.past.revert_record import Reversal
from crm.repository.records import accounts, platforms, updates, use_cases
from crm.views import _revert_wording
from crm.warehouse import Warehouse

from ..pages.html import HTMX, filled_in, parsed, text, texts
from .conftest import confirm, confirmation, edit


def test_a_field_is_set_to_what_it_was_before_a_change(
    client: Client, bob: Warehouse, account: str, revert_link: Callable
) -> None:
    edit(bob, account, vp="Wrong", team="Renamed")
    link = revert_link(account, "vp")
    ask = confirmation(client, link)
    assert texts(ask, "tbody th") == ["VP"]
    assert texts(ask, "tbody .prose") == ["Wrong", "Vera"]
    response = confirm(client, link)
    assert (response.status_code, response["Location"]) == (303, "/accounts/B1/history/")
    now = accounts.get(bob, account)
    assert (now.vp, now.team) == ("Vera", "Renamed")
    # The history shows it like any other change, by the person who reverted.
    latest = history.load(bob, Wanted(bsnid=account)).changes[0]
    assert [(f.column.name, f.before, f.after) for f in latest.fields] == [("vp", "Wrong", "Vera")]
    assert latest.person != "bob@example.com"
    assert text(parsed(client.get("/accounts/B1/")), "#toasts p") == "VP of Renamed was reverted."


def test_all_of_a_change(
    client: Client, bob: Warehouse, account: str, revert_link: Callable
) -> None:
    edit(bob, account, vp="Wrong", team="Renamed")
    edit(bob, account, admin="Kept")
    confirm(client, revert_link(account))
    now = accounts.get(bob, account)
    assert (now.vp, now.team, now.admin) == ("Vera", "Claims", "Kept")


def test_each_kind_of_record(
    client: Client, bob: Warehouse, account: str, revert_link: Callable
) -> None:
    use_cases.create(bob, account, "u-1", {"problem": "P", "status": "Planning"})
    use_cases.update(bob, "u-1", {"status": "Active"}, use_cases.get(bob, "u-1").updated_at)
    confirm(client, revert_link(account, "status"))
    assert use_cases.get(bob, "u-1").status == "Planning"
    updates.create(bob, account, "d-1", {"description": "Right", "author": "A"})
    updates.update(bob, "d-1", {"description": "Wrong"}, updates.get(bob, "d-1").updated_at)
    confirm(client, revert_link(account, "description"))
    assert updates.get(bob, "d-1").description == "Right"
    row = platforms.set_status(bob, account, "Databricks", "Requested", None)
    platforms.set_status(bob, account, "Databricks", "Completed", row.updated_at)
    confirm(client, revert_link(account, "status"))
    assert platforms.list_for(bob, account)[0].status == "Requested"


def test_changed_since_it_was_asked(
    client: Client, bob: Warehouse, account: str, revert_link: Callable
) -> None:
    edit(bob, account, vp="Wrong")
    link = revert_link(account, "vp")
    form = filled_in(confirmation(client, link).select_one("form"))
    edit(bob, account, vp="Newest")
    response = client.post(link, form)
    assert response.status_code == 409
    page = parsed(response)
    assert "Somebody changed this record just now" in text(page, "[role=alert]")
    assert texts(page, "tbody .prose") == ["Newest", "Vera"]
    assert accounts.get(bob, account).vp == "Newest"
    assert client.post(link, filled_in(page.select_one(".ask form"))).status_code == 303
    assert accounts.get(bob, account).vp == "Vera"


def test_a_revert_is_sent_again_after_its_answer_was_lost(
    client: Client, bob: Warehouse, account: str, revert_link: Callable
) -> None:
    edit(bob, account, vp="Wrong")
    link = revert_link(account, "vp")
    form = filled_in(confirmation(client, link).select_one("form"))
    assert [client.post(link, form).status_code for _ in range(2)] == [303, 303]
    assert "Nothing had to be reverted" in parsed(client.get("/accounts/B1/")).get_text()
    assert accounts.get(bob, account).vp == "Vera"


def test_a_field_that_already_has_its_earlier_value(
    client: Client, bob: Warehouse, account: str, revert_link: Callable
) -> None:
    edit(bob, account, vp="Wrong")
    edit(bob, account, vp="Vera")
    ask = confirmation(client, revert_link(account, "vp", 1))
    assert "There is nothing to revert" in ask.get_text()
    assert not ask.select(".button-primary")


def test_a_field_of_what_was_deleted_since(
    client: Client, bob: Warehouse, account: str, revert_link: Callable
) -> None:
    use_cases.create(bob, account, "u-1", {"problem": "P"})
    use_cases.update(bob, "u-1", {"problem": "Q"}, use_cases.get(bob, "u-1").updated_at)
    link = revert_link(account, "problem")
    use_cases.delete(bob, "u-1")
    ask = confirmation(client, link)
    assert "was deleted after this change" in ask.get_text()
    assert not ask.select(".button-primary")
    assert client.post(link, {"updated_at": ""}).status_code == 200
    assert use_cases.get(bob, "u-1") is None


def test_the_whole_record(
    client: Client, bob: Warehouse, account: str, revert_link: Callable
) -> None:
    """Bring the record back to three changes ago, in one step."""
    edit(bob, account, vp="One")
    link = revert_link(account, "vp")
    edit(bob, account, team="Two", admin="Two")
    edit(bob, account, vp="Three")
    ask = confirmation(client, link)
    assert "Changed again after this change: VP" in ask.get_text()
    whole = ask.select_one("a[href*=whole]")["href"]
    assert texts(confirmation(client, whole), "tbody th") == ["Team", "VP", "Admin"]
    confirm(client, whole)
    now = accounts.get(bob, account)
    assert (now.team, now.vp, now.admin) == ("Claims", "Vera", None)


def test_it_leads_back_to_the_page_it_came_from(
    client: Client, bob: Warehouse, account: str
) -> None:
    edit(bob, account, vp="Wrong")
    here = f"/accounts/{account}/history/?kind=changed"
    link = parsed(client.get(here)).select_one("a.put-back")["href"]
    assert confirm(client, link)["Location"] == here
    assert text(parsed(client.get(here)), "#toasts").startswith("VP of Claims was reverted.")


def test_another_field_changed_since_does_not_stand_in_the_way(
    client: Client, bob: Warehouse, account: str, revert_link: Callable
) -> None:
    edit(bob, account, vp="Wrong")
    link = revert_link(account, "vp")
    form = filled_in(confirmation(client, link).select_one("form"))
    edit(bob, account, admin="Somebody new")
    assert client.post(link, form).status_code == 303
    now = accounts.get(bob, account)
    assert (now.vp, now.admin) == ("Vera", "Somebody new")


def test_a_change_that_does_not_exist(client: Client, bob: Warehouse, account: str) -> None:
    for path in (
        "/put-back/accounts/B1/99/",
        "/put-back/accounts/B1/99999999999999999999999999/",
        "/put-back/accounts/NOBODY/1/",
        "/put-back/secrets/B1/1/",
        "/undo/secrets/B1/",
        "/undo/accounts/B1/",
    ):
        method = client.post if path.startswith("/undo") else client.get
        response = method(path)
        assert response.status_code == 404, path
        assert parsed(response).select_one("h1"), path
    # A creation cannot be reverted.
    version = history.load(bob, Wanted(bsnid=account)).changes[0].version
    for path in (f"/put-back/accounts/{account}/{n}/" for n in (0, version)):
        assert client.get(path).status_code == client.post(path).status_code == 404, path
    assert accounts.get(bob, account).team == "Claims"


def test_htmx_gets_the_question_in_a_dialog_and_readers_get_none(
    client: Client, bob: Warehouse, account: str, revert_link: Callable, settings: Any
) -> None:
    edit(bob, account, vp="Wrong")
    link = revert_link(account, "vp")
    part: BeautifulSoup = parsed(client.get(link, HTTP_HX_TARGET="dialog", **HTMX))
    assert part.select_one("dialog.ask form")["action"] == link
    assert not part.select("h1")
    settings.EDIP_EDITORS = ["somebody.else@example.com"]
    assert client.get(link).status_code == 403
    assert client.post(link).status_code == 403
    assert client.post(f"/undo/accounts/{account}/").status_code == 403
    assert accounts.get(bob, account).vp == "Wrong"


OPERATION = Operation("an id", "revert", "ana@example.com")
CHANGE = Change(ACCOUNTS, "B1", "B1", {"team": "T", "vp": ""}, {"team": "U", "vp": "V"})
NOW = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


def test_fields_go_back_to_what_they_were_and_empty_ones_become_null(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(revert_record.accounts, "update", lambda wh, *asking: asked.extend(asking))
    monkeypatch.setattr(revert_record.operations, "new", lambda *_: OPERATION)
    wh: Any = None
    revert_record.revert_fields(wh, Reversal(CHANGE, {}, NOW), ["team", "vp"], NOW)
    assert asked == ["B1", {"team": "T", "vp": None}, NOW, OPERATION]


def test_a_row_that_comes_back_keeps_who_created_it_and_gets_a_new_stamp() -> None:
    row = dict.fromkeys(ACCOUNTS.names) | {"bsnid": "B1", "created_by": "ana"}
    stamped = row | {"updated_by": "bob", "updated_at": "2026-01-02T00:00:00Z", "vp": 5}
    cells = dict(zip(ACCOUNTS.names, bring_back.cells(ACCOUNTS, stamped), strict=True))
    assert cells == row | {"vp": "5"}


@pytest.mark.parametrize(
    ("now", "is_back", "is_another"), [(None, False, False), ({}, False, True), ({}, True, False)]
)
def test_another_record_under_the_key_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, now: dict[str, str] | None, is_back: bool, is_another: bool
) -> None:
    written: list[bool] = []

    def upsert(wh: Any, table: Any, rows: str, operation: Operation, *, overwrite: bool) -> int:
        assert operation == OPERATION
        written.append(overwrite)
        return len(json.loads(rows))

    monkeypatch.setattr(revert_record.operations, "new", lambda *_: OPERATION)
    monkeypatch.setattr(revert_record.upsert, "upsert", upsert)
    wh: Any = None
    reversal = Reversal(CHANGE, now, NOW, {ACCOUNTS: [{"bsnid": "B1"}]}, is_back)
    assert reversal.is_another is is_another
    if is_another:
        with pytest.raises(AlreadyExists):
            revert_record.revert_deletion(wh, reversal)
    else:
        assert revert_record.revert_deletion(wh, reversal) == {ACCOUNTS: 1}
    assert written == ([] if is_another else [False])


def test_a_status_is_named_by_its_platform() -> None:
    of = Change(PLATFORMS_STATUS, "s", "B1", {}, {"platform": "Snowflake", "status": "Done"})
    said = _revert_wording.of_change(of, exists=True, fields={"Status": True}, again=[], others=[])
    assert said["text"] == "The status for Snowflake, now and before the change of"
