"""Changing many accounts at once: from the boxes in the list to the undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.core import signing
from django.http import HttpResponse
from django.test import Client

from crm.model.schema import ACCOUNTS
from crm.repository.bulk import selection
from crm.repository.records import accounts, platforms
from crm.views import _bulk_plan, _bulk_wording
from crm.warehouse import Warehouse

from .html import filled_in, parsed, text, texts

GetPage = Callable[..., BeautifulSoup]
CHANGE = "/accounts/bulk/change/"
PREVIEW = "/accounts/bulk/preview/"
HAND_OVER = {"do": "field", "column": "primary_it_partner", "value": "Anna"}
STATUS = {"do": "status", "platform": "Databricks", "status": "Completed"}
UPDATE = {"do": "update", "author": "Dana", "date": "2026-03-31", "description": "Moved <b>"}


@pytest.fixture
def three(warehouse: Warehouse) -> Warehouse:
    """Three accounts: see ``write_three``."""
    return warehouse


def partners(wh: Warehouse) -> list[str]:
    return [accounts.get(wh, b).value("primary_it_partner") for b in ("B1", "B2", "B3")]


def preview(client: Client, of: str, change: dict[str, str]) -> BeautifulSoup:
    response = client.post(PREVIEW, {"of": of, **change})
    assert response.status_code == 200, text(parsed(response), "main")
    return parsed(response)


def confirm(client: Client, page: BeautifulSoup) -> HttpResponse:
    form = page.select_one(".bulk-confirm")
    return client.post(form["action"], filled_in(form))


def follow(client: Client, response: HttpResponse) -> BeautifulSoup:
    assert response.status_code == 303
    return parsed(client.get(response["Location"]))


def test_the_list_offers_a_box_for_each_row_to_those_who_may_write(
    client: Client, three: Warehouse, settings: Any
) -> None:
    page = parsed(client.get("/accounts/?business_area=Finance"))
    boxes = page.select("tbody .pick input[form=bulk][name=key]")
    assert [box["value"] for box in boxes] == ["B1", "B2"]
    assert boxes[0]["aria-label"] == "Select Team B1"
    form = page.select_one("form#bulk")
    assert (form["action"], form.find_parent("form")) == (CHANGE, None)
    state = page.select("input[type=hidden][form=bulk]")
    assert [(each["name"], each["value"]) for each in state] == [("business_area", "Finance")]
    assert not page.select("button[name=all]"), "all of them are on this page"
    settings.EDIP_EDITORS = ["somebody.else@example.com"]
    page = parsed(client.get("/accounts/"))
    assert not page.select("[form=bulk], form#bulk, .bulk-bar")
    assert client.get(f"{CHANGE}?key=B1").status_code == 403


def test_chosen_rows_are_changed_and_the_undo_brings_them_back(
    client: Client, three: Warehouse, get_page: GetPage
) -> None:
    page = get_page(f"{CHANGE}?business_area=Finance&key=B1&key=B3")
    assert text(page, ".lead").startswith("2 accounts that you selected.")
    assert not page.select(".chips"), "filters say nothing about chosen rows"
    shown = filled_in(page.select_one(".bulk-form"))
    found = preview(client, shown["of"], HAND_OVER)
    assert text(found, "h1") == "Set Primary IT partner to “Anna”"
    assert text(found, ".lead") == "2 accounts change."
    assert texts(found, "tbody tr") == ["Team B1 B1 Bob Anna", "Team B3 B3 Bob Anna"]
    done = follow(client, response := confirm(client, found))
    assert response["Location"] == "/accounts/?business_area=Finance"
    assert text(done, "#toasts p") == "2 accounts were changed."
    assert partners(three) == ["Anna"] * 3
    activity = get_page("/activity/")
    assert "changed 2 accounts: Primary IT partner to “Anna”" in texts(activity, ".moment-head")[0]
    assert text(activity, ".moment form button") == "Undo the bulk change"
    undone = follow(client, client.post(done.select_one("#toasts form")["action"]))
    assert text(undone, "#toasts p").startswith("The change of 2 accounts was undone. 2 records")
    assert partners(three) == ["Bob", "Anna", "Bob"]
    assert "undid the change of 2 accounts" in texts(get_page("/activity/"), ".moment-undone")[0]


def test_all_that_match_are_found_by_the_preview(
    client: Client, three: Warehouse, make_account: Callable[..., str]
) -> None:
    everything = parsed(client.get(f"{CHANGE}?all=on&sort=vp"))
    assert text(everything, ".lead").startswith("All accounts. The preview")
    page = parsed(client.get(f"{CHANGE}?all=on&business_area=Finance&key=B3"))
    assert text(page, ".lead").startswith("All accounts that match.")
    assert texts(page, ".chip") == ["Business area: Finance"]
    make_account("B4", primary_it_partner="Bob")
    found = preview(client, "all=on&business_area=Finance", HAND_OVER)
    assert text(found, ".lead") == "2 accounts change."
    assert texts(found, ".bulk-left p") == ["1 account has this value already:"]
    assert texts(found, ".bulk-names li") == ["Team B2"]
    assert follow(client, confirm(client, found))
    assert partners(three) == ["Anna", "Anna", "Bob"]


def test_what_changed_after_the_preview_is_listed(client: Client, three: Warehouse) -> None:
    found = preview(client, "key=B1&key=B3", HAND_OVER)
    accounts.update(three, "B1", {"vp": "V"}, accounts.get(three, "B1").updated_at)
    page = parsed(confirm(client, found))
    assert text(page, "h1") == "1 account was changed."
    assert texts(page, ".bulk-reason") == [
        "1 account changed after the preview, so it was left alone:"
    ]
    assert texts(page, ".bulk-names li") == ["Team B1"]
    assert partners(three) == ["Bob", "Anna", "Anna"]
    # The button may be pressed again, and the answer is the same.
    assert text(parsed(confirm(client, found)), "h1") == "1 account was changed."
    client.post(page.select_one("form[action^='/undo/']")["action"])
    assert partners(three) == ["Bob", "Anna", "Bob"]


def test_a_status_is_set_for_all_and_undone(client: Client, three: Warehouse) -> None:
    platforms.set_status(three, "B2", "Databricks", "Requested", None)
    found = preview(client, "all=on", STATUS)
    assert texts(found, "tbody tr")[:2] == [
        "Team B1 B1 Not Started Completed",
        "Team B2 B2 Requested Completed",
    ]
    done = follow(client, confirm(client, found))
    assert {row.status for b in ("B1", "B2", "B3") for row in platforms.list_for(three, b)} == {
        "Completed"
    }
    client.post(done.select_one("#toasts form")["action"])
    assert [row.status for row in platforms.list_for(three, "B2")] == ["Requested"]
    assert platforms.list_for(three, "B1") == ()


def test_the_reason_of_a_status_is_kept(
    client: Client, three: Warehouse, get_page: GetPage
) -> None:
    found = preview(client, "key=B1&key=B2", STATUS | {"reason": "The pilot ended"})
    assert text(found, ".bulk-text") == "Reason: The pilot ended"
    done = follow(client, confirm(client, found))
    assert text(done, "#toasts p") == "2 accounts were changed."
    assert "The pilot ended" in get_page("/accounts/B2/").select_one("#platforms").get_text()
    activity = get_page("/activity/")
    assert "changed 2 accounts: Databricks to Completed" in texts(activity, ".moment-head")[0]
    assert text(activity, ".moment form button") == "Undo the bulk change"


def test_an_update_is_written_to_each_and_undone(client: Client, three: Warehouse) -> None:
    shown = parsed(client.get(f"{CHANGE}?key=B1&key=B2"))
    update = shown.select_one("form:has([name=do][value=update])")
    found = preview(client, "key=B1&key=B2", filled_in(update) | UPDATE)
    assert text(found, ".bulk-text") == "Moved <b>"
    assert text(found, ".bulk-confirm button") == "Write to 2 accounts"
    done = follow(client, confirm(client, found))
    assert text(done, "#toasts p") == "The update was written to 2 accounts."
    [written] = accounts.get_detail(three, "B1").updates
    assert (written.value("description"), str(written.date)) == ("Moved <b>", "2026-03-31")
    client.post(done.select_one("#toasts form")["action"])
    assert accounts.get_detail(three, "B1").updates == ()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"do": "field", "column": "team", "value": " "}, "Fill in the team."),
        ({"do": "field", "column": "bsnid", "value": "B9"}, "Select a valid choice."),
        ({"do": "field", "column": "vp", "value": "x" * 201}, "This is too long"),
        (
            {"do": "field", "column": "azure_devops_link", "value": "https://a.example nolink"},
            "Line 2 (nolink)",
        ),
        (STATUS | {"status": "Done"}, "“Done” is not one of the choices."),
        (STATUS | {"platform": "Oracle"}, "Select a valid choice."),
        (UPDATE | {"description": ""}, "Fill in the update."),
    ],
)
def test_wrong_values_come_back_with_what_was_typed(
    client: Client, three: Warehouse, change: dict[str, str], problem: str
) -> None:
    response = client.post(PREVIEW, {"of": "key=B1", **change})
    assert response.status_code == 422
    page = parsed(response)
    assert problem in page.select_one(".field-errors").get_text()
    sent = page.select_one(f"form:has([name=do][value={change['do']}])")
    assert filled_in(sent)["of"] == "key=B1"
    if change["do"] == "field":
        assert sent.select_one("[name=value]")["value"] == change["value"]


def test_several_links_are_separated_by_blanks(client: Client, three: Warehouse) -> None:
    links = "https://a.example/x https://b.example/y"
    change = {"do": "field", "column": "azure_devops_link", "value": links}
    confirm(client, preview(client, "key=B1", change))
    assert accounts.get(three, "B1").value("azure_devops_link").split("\n") == links.split()


def test_a_field_is_emptied(client: Client, three: Warehouse) -> None:
    found = preview(client, "key=B1&key=B2", HAND_OVER | {"value": ""})
    assert text(found, "h1") == "Empty Primary IT partner"
    confirm(client, found)
    assert partners(three) == [None, None, "Bob"]


def test_nothing_to_change_offers_no_button(client: Client, three: Warehouse) -> None:
    found = preview(client, "key=B2&key=NONE", HAND_OVER)
    assert text(found, ".lead") == "There is nothing to change."
    assert texts(found, ".bulk-reason") == [
        "1 account has this value already:",
        "1 account was deleted, or a row filter hides it from you:",
    ]
    assert not found.select(".bulk-confirm button")
    nobody = preview(client, "all=on&q=nobody", HAND_OVER)
    assert text(nobody, ".lead") == "No account matches any more."


@pytest.mark.parametrize("path", [CHANGE, f"{CHANGE}?q=x", PREVIEW, "/accounts/bulk/run/"])
def test_without_a_selection_it_leads_back_to_the_list(
    client: Client, three: Warehouse, path: str
) -> None:
    page = follow(client, client.get(path))
    assert text(page, "#toasts p") == _bulk_wording.nothing_chosen(ACCOUNTS)
    assert follow(client, client.post(PREVIEW, {"of": "q=x", **HAND_OVER}))
    assert client.get("/accounts/bulk/else/").status_code == 404


@pytest.mark.parametrize("change", [{"who": "bob@example.com"}, {"began": ""}, {"rows": None}])
def test_a_plan_of_another_person_changes_nothing(
    client: Client, three: Warehouse, change: dict[str, Any]
) -> None:
    plan = preview(client, "key=B1", HAND_OVER).select_one("[name=plan]")["value"]
    facts = signing.loads(plan, salt=f"crm.{_bulk_plan._KIND}") | change
    for sent in (signing.dumps(facts, salt=f"crm.{_bulk_plan._KIND}"), plan[:-1], ""):
        page = follow(client, client.post("/accounts/bulk/run/", {"plan": sent}))
        assert text(page, "#toasts p") == _bulk_wording.EXPIRED
    assert partners(three)[0] == "Bob"


def test_more_than_one_operation_takes_is_said(
    client: Client, three: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "MOST", 2)
    response = client.post(PREVIEW, {"of": "all=on", **HAND_OVER})
    assert response.status_code == 422
    page = parsed(response)
    assert "at most 2. Choose fewer" in text(page, ".banner-error")
    assert page.select_one("[name=value]")["value"] == "Anna"


def test_the_filter_chooses_the_field(client: Client, three: Warehouse) -> None:
    page = parsed(client.get(f"{CHANGE}?all=on&vp=Vera&platform=Snowflake"))
    forms = [filled_in(form) for form in page.select(".bulk-form")]
    assert [forms[0]["column"], forms[1]["platform"]] == ["vp", "Snowflake"]


def test_an_account_may_be_called_bulk(
    client: Client, make_account: Callable[..., str], get_page: GetPage
) -> None:
    make_account("bulk")
    for page in ("", "edit/", "delete/", "history/"):
        assert "bulk" in get_page(f"/accounts/bulk/{page}").get_text()
