"""The form of a new account: a free key, and what the account begins with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bs4 import BeautifulSoup
from django.http import QueryDict
from django.test import Client

from crm.forms.onboarding import NewAccountForm
from crm.repository.records import accounts, onboarding
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse, Statements
from .html import filled_in, parsed, record_form, texts
from .test_bulk import GetPage, follow

BEGINNING = {
    "team": "Fraud Desk",
    "business_area": "Finance",
    "first_status_0": "Requested",
    "first_problem": "Too many false alarms",
    "first_update": "Met the team",
}


def send_a_taken_key(client: Client, form: dict[str, Any]) -> dict[str, Any]:
    """Require that the form keeps what was typed and proposes another key; return the form."""
    taken = client.post("/accounts/new/", form | BEGINNING)
    assert taken.status_code == 422
    again = record_form(taken)
    assert {name: again[name] for name in BEGINNING} == BEGINNING
    assert "BSN011 looks free." in texts(parsed(taken), "#record .field-errors li")
    assert parsed(taken).select_one("details.first").has_attr("open")
    return again


def require_it_goes_on(client: Client, half: BeautifulSoup) -> None:
    """Require that a similar account, created meanwhile, does not stop the operation that has
    begun."""
    go_on = half.select_one("main form")
    done = follow(client, client.post(go_on["action"], filled_in(go_on)))
    assert texts(done, "#toasts p") == ["The account BSN011 was created."]


def require_beginning(wh: Warehouse, bsnid: str) -> None:
    """Require the children that the form describes, once."""
    detail = accounts.get_detail(wh, bsnid)
    statuses = [(row.platform, row.status) for row in detail.platforms]
    assert statuses == [("Databricks", "Requested")]
    cases = [(row.problem, row.status) for row in detail.use_cases]
    assert cases == [("Too many false alarms", "Not Started")]
    assert [row.description for row in detail.updates] == ["Met the team"]


def test_a_team_is_onboarded_in_one_form_as_one_operation(
    client: Client,
    warehouse: Warehouse,
    make_account: Callable[..., str],
    get_page: GetPage,
    server: LocalWarehouse,
) -> None:
    assert onboarding.next_bsnid(warehouse) == ""
    for bsnid, team in (("BSN008", "Claims"), ("BSN009", "Tax"), ("X-77", "Legal")):
        make_account(bsnid, team=team)
    page = get_page("/accounts/new/")
    form = filled_in(page.select_one("#record form"))
    assert form["bsnid"] == "BSN010"
    assert page.select_one("#id_team").has_attr("autofocus")
    # Somebody else takes the key.
    make_account("BSN010", team="Audit")
    again = send_a_taken_key(client, form)
    # A step fails: the page says what is done, and goes on.
    server.fault("http_status", times=None, status=400, match=r"MERGE INTO \S*use_cases")
    half = parsed(client.post("/accounts/new/", again | {"bsnid": "BSN011"}))
    assert texts(half, "main li") == [
        "Create the account",
        "Set Databricks to Requested",
        "Add the use case",
        "Add the update",
    ]
    server.clear_faults()
    similar = make_account("X-78", team=BEGINNING["team"])
    require_it_goes_on(client, half)
    accounts.delete(warehouse, similar)
    require_beginning(warehouse, "BSN011")
    assert len(texts(get_page("/accounts/BSN011/history/"), ".moment")) == 1, "one operation"
    assert client.post("/accounts/new/", again | {"bsnid": "BSN011"}).status_code == 303

    # A person who goes back and describes another team loses nothing.
    another = again | {"bsnid": "BSN012", "team": "Pensions"}
    assert client.post("/accounts/new/", another).status_code == 303
    for bsnid in ("BSN011", "BSN012"):
        require_beginning(warehouse, bsnid)


def test_the_key_that_was_typed_is_not_proposed() -> None:
    """A row filter may hide the account that has it."""
    refused = NewAccountForm(QueryDict("bsnid=BSN011"))
    refused.propose("BSN011")
    assert "bsnid" not in refused.errors


def test_creating_an_account_costs_three_statements(
    client: Client, make_account: Callable[..., str], statements: Statements
) -> None:
    """One of them looks for similar teams, as the form does while one types. The form also
    proposes a key, with one statement more.

    Each first record of the account costs two more.
    """
    make_account("BSN001", team="Claims")
    with statements() as done:
        form = record_form(client.get("/accounts/new/")) | {"business_area": "Finance"}
    assert len(done) == 1
    with statements() as done:
        sent = {**form, "bsnid": "T", "team": "Tax"}
        assert client.post("/accounts/new/", sent).status_code == 303
    assert len(done) == 3
