"""Changing and deleting many use cases and updates at once: /use-cases/bulk/, /updates/bulk/."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.model.records import Listing
from crm.repository.records import accounts, updates, use_cases
from crm.warehouse import Warehouse

from ..conftest import Statements
from .html import filled_in, parsed, text, texts
from .test_bulk import GetPage, confirm, follow

CASES, UPDATES = "/use-cases/bulk/", "/updates/bulk/"
HOLD = {"do": "choice", "column": "status", "value": "On Hold", "reason": "No budget"}


@pytest.fixture
def cases(
    make_account: Callable[..., str], make_use_case: Callable[..., str], warehouse: Warehouse
) -> dict[str, str]:
    """The ids of three use cases of two accounts, by their problems."""
    make_account("B1", team="Claims"), make_account("B2", team="Sales")
    return {
        "One": make_use_case("B1", problem="One", leader="Ann"),
        "Two": make_use_case("B2", problem="Two", leader="Bob"),
        "Three": make_use_case("B2", problem="Three", status="On Hold"),
    }


def preview(client: Client, place: str, of: str, change: dict[str, str]) -> BeautifulSoup:
    response = client.post(f"{place}preview/", {"of": of, **change})
    assert response.status_code == 200, text(parsed(response), "main")
    return parsed(response)


def of_keys(*keys: str) -> str:
    return "&".join(f"key={key}" for key in keys)


def fields(wh: Warehouse, ids: dict[str, str], name: str) -> list[str | None]:
    return [use_cases.get(wh, id).value(name) for id in ids.values()]


def test_use_cases_get_a_status_with_its_reason_and_the_undo_brings_them_back(
    client: Client,
    warehouse: Warehouse,
    cases: dict[str, str],
    get_page: GetPage,
    statements: Statements,
) -> None:
    page = get_page("/use-cases/?status=Active&status=On+Hold&sort=team")
    boxes = page.select("tbody .pick input[form=bulk]")
    assert {box["aria-label"] for box in boxes} == {"Select One", "Select Two", "Select Three"}
    asked = get_page(f"{page.select_one('#bulk')['action']}?all=on&team=Sales")
    assert texts(asked, "h2") == [
        "Set the status",
        "Set the enablement tier",
        "Set the platform",
        "Set a field",
        "Move to another account",
        "Delete them",
    ]
    assert texts(asked, "#bulk_column option") == ["Leader"]
    found = preview(client, CASES, "all=on", HOLD)
    assert text(found, "h1") == "Set Status to “On Hold”"
    assert texts(found, "tbody tr") == [
        "One Claims Active On Hold",
        "Two Sales Active On Hold",
    ]
    assert texts(found, ".bulk-reason") == ["1 use case has this value already:"]
    with statements() as done:
        response = confirm(client, found)
    # The reason, the change, and the note about it.
    assert [each.split()[0] for each in done] == ["MERGE"] * 3
    shown = follow(client, response)
    assert text(shown, "#toasts p") == "2 use cases were changed."
    assert fields(warehouse, cases, "status") == ["On Hold"] * 3
    assert fields(warehouse, cases, "reason") == ["No budget", "No budget", None]
    head = texts(get_page("/activity/"), ".moment-head")[0]
    assert "changed 2 use cases: Status to “On Hold”" in head
    client.post(shown.select_one("#toasts form")["action"])
    assert fields(warehouse, cases, "status") == ["Active", "Active", "On Hold"]


def test_who_leads_them_is_handed_over_except_where_somebody_was_first(
    client: Client, warehouse: Warehouse, cases: dict[str, str]
) -> None:
    change = {"do": "field", "column": "leader", "value": "Eve"}
    found = preview(client, CASES, of_keys(cases["One"], cases["Two"], "NONE"), change)
    assert texts(found, ".bulk-reason")[0].startswith("1 use case was deleted")
    seen = use_cases.get(warehouse, cases["One"]).updated_at
    use_cases.update(warehouse, cases["One"], {"problem": "Edited"}, seen)
    page = parsed(confirm(client, found))
    assert text(page, "h1") == "1 use case was changed."
    assert texts(page, ".bulk-names li") == ["Edited"]
    assert text(page, ".ask .button-primary") == "Back to the use cases"
    assert fields(warehouse, cases, "leader") == ["Ann", "Eve", None]
    # A plan of one list is not accepted by another.
    plan = {"plan": found.select_one("[name=plan]")["value"]}
    for place in (UPDATES, "/accounts/bulk/"):
        refused = follow(client, client.post(f"{place}run/", plan))
        assert "too old or is not yours" in text(refused, "#toasts p")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (HOLD | {"value": ""}, 422),
        (HOLD | {"value": "Nonsense"}, 422),
        (HOLD | {"column": "problem"}, 403),
        ({"do": "field", "column": "problem", "value": "x"}, 422),
        ({"do": "status", "platform": "Databricks", "status": "Requested"}, 403),
        ({"do": "update", "author": "A", "description": "x"}, 403),
    ],
)
def test_wrong_changes_are_refused(
    client: Client, cases: dict[str, str], change: dict[str, str], status: int
) -> None:
    response = client.post(f"{CASES}preview/", {"of": "all=on", **change})
    assert response.status_code == status
    if status == 422 and "reason" in change:
        [sent] = parsed(response).select("form[data-unsaved]")
        assert filled_in(sent)["reason"] == "No budget"


def test_use_cases_and_updates_are_deleted_and_come_back(
    client: Client,
    warehouse: Warehouse,
    cases: dict[str, str],
    make_update: Callable[..., str],
    get_page: GetPage,
    statements: Statements,
) -> None:
    [first, _] = made = [make_update("B1", description=text) for text in ("Hello", "Again")]
    chosen = {
        CASES: ("use case", of_keys(cases["One"], cases["Two"])),
        UPDATES: ("update", of_keys(*made)),
    }
    undone = []
    for place, (what, of) in chosen.items():
        found = preview(client, place, of, {"do": "delete"})
        assert text(found, ".lead") == f"2 {what}s will be deleted."
        with statements() as done:
            response = confirm(client, found)
        # The statements look for what was done before, stamp, delete, and note both.
        words = [each.split()[0] for each in done]
        assert words == ["SELECT", "MERGE", "MERGE", "DELETE", "MERGE"]
        shown = follow(client, response)
        assert text(shown, "#toasts p") == f"2 {what}s were deleted."
        again = follow(client, confirm(client, found))
        assert f"already deleted these {what}s" in texts(again, "#toasts p")[-1]
        undone.append(shown.select_one("#toasts form")["action"])
    assert use_cases.search(warehouse, Listing()).total == 1
    assert updates.search(warehouse, Listing()).total == 0
    assert "deleted 2 updates" in texts(get_page("/activity/"), ".moment-head")[0]
    for undo in undone:
        client.post(undo)
    assert fields(warehouse, cases, "status") == ["Active", "Active", "On Hold"]
    assert updates.get(warehouse, first).value("description") == "Hello"
    _require_one_that_changed_stays(client, warehouse, cases)
    _require_nothing_comes_back_without_its_account(client, warehouse, cases)


def _require_one_that_changed_stays(
    client: Client, warehouse: Warehouse, cases: dict[str, str]
) -> None:
    """One that changed after the preview stays, and one that was deleted since is gone."""
    found = preview(client, CASES, "all=on&team=Sales", {"do": "delete"})
    seen = use_cases.get(warehouse, cases["Two"]).updated_at
    use_cases.update(warehouse, cases["Two"], {"leader": "Eve"}, seen)
    use_cases.delete(warehouse, cases["Three"])
    page = parsed(confirm(client, found))
    assert texts(page, ".bulk-reason") == [
        "1 use case changed after the preview, so it was left alone:",
        "1 use case was deleted after the preview, or a row filter hides it from you now:",
    ]
    assert accounts.get(warehouse, "B2") is not None


def _require_nothing_comes_back_without_its_account(
    client: Client, warehouse: Warehouse, cases: dict[str, str]
) -> None:
    found = preview(client, CASES, "all=on", {"do": "delete"})
    assert text(found, ".lead") == "2 use cases will be deleted."
    address = follow(client, confirm(client, found)).select_one("#toasts form")["action"]
    accounts.delete(warehouse, "B2")
    left = parsed(client.post(address))
    assert text(left, "h1") == "1 record is as it was before."
    assert text(left, ".ask li").endswith("was deleted afterwards, or its account was")
    assert [use_cases.get(warehouse, cases[name]) is None for name in ("One", "Two")] == [
        False,
        True,
    ]
