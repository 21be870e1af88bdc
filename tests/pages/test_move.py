"""Moving use cases and updates to another account: the form, the history of both, and the undo."""

from __future__ import annotations

from collections.abc import Callable

from bs4 import Tag
from django.test import Client

from crm.repository.records import accounts, updates, use_cases
from crm.warehouse import Warehouse

from .html import filled_in, parsed, text, texts
from .test_bulk import GetPage, confirm, follow


def test_a_use_case_moves_and_comes_back(
    client: Client,
    warehouse: Warehouse,
    make_account: Callable[..., str],
    make_use_case: Callable[..., str],
    make_update: Callable[..., str],
    get_page: GetPage,
) -> None:
    for bsnid, team in (("B1", "Claims"), ("B2", "Fraud"), ("B3", "Fraud")):
        make_account(bsnid, team=team)
    id, note = make_use_case("B1"), make_update("B1")
    form = get_page(f"/use-cases/{id}/edit/")
    link = next(a["href"] for a in form.select(".actions a") if a.get_text() == "Move")
    page = get_page(link)
    assert texts(page, ".bulk-form h2") == ["Move to another account"]
    card = page.select_one("form:has([name=account])")
    require_an_account_that_is_one(client, card)
    found = parsed(client.post(card["action"], filled_in(card) | {"account": "B2"}))
    assert text(found, ".lead") == "1 use case moves to Fraud."
    assert texts(found, "tbody td") == ["B1", "B2"]
    seen = use_cases.get(warehouse, id).updated_at
    use_cases.update(warehouse, id, {"leader": "Lea"}, seen)
    assert "left alone" in text(parsed(confirm(client, found)), "main"), "it changed meanwhile"
    found = parsed(client.post(card["action"], filled_in(card) | {"account": "B2"}))
    done = follow(client, confirm(client, found))
    assert text(done, "#toasts p") == "1 use case was moved."
    assert use_cases.get(warehouse, id).account_bsnid == "B2"
    for bsnid in ("B1", "B2"):
        told = " ".join(texts(get_page(f"/accounts/{bsnid}/history/"), ".change summary"))
        assert "Moved the use case “Too slow” from the account B1 to B2" in told
    assert text(get_page("/activity/"), ".moment form button") == "Undo the move"
    client.post(done.select_one("#toasts form")["action"])
    assert use_cases.get(warehouse, id).account_bsnid == "B1"
    undone = texts(get_page("/activity/"), ".moment-undone")[0]
    assert "undid the move of 1 use case to Fraud (B2)" in undone
    require_nothing_moves_to_a_deleted_account(client, warehouse, note)


def require_an_account_that_is_one(client: Client, card: Tag) -> None:
    for name, problem in (
        ("Nobody", "You see no account with this BSNID or team."),
        ("fraud", "Several accounts have this team: B2, B3. Type the BSNID."),
    ):
        refused = client.post(card["action"], filled_in(card) | {"account": name})
        assert refused.status_code == 422
        page = parsed(refused)
        assert texts(page, ".field-errors li") == [problem]
        assert page.select_one("[name=account]")["value"] == name
        assert len(page.select(".bulk-form")) == 1


def require_nothing_moves_to_a_deleted_account(
    client: Client, warehouse: Warehouse, note: str
) -> None:
    """The account is deleted after the preview."""
    sent = {"of": f"key={note}", "do": "move", "account": "B3"}
    found = parsed(client.post("/updates/bulk/preview/", sent))
    accounts.delete(warehouse, "B3")
    assert "No update was moved." in text(parsed(confirm(client, found)), "h1")
    assert updates.get(warehouse, note).account_bsnid == "B1"
