"""The form of a record in a drawer: what the server answers to the page under it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from crm.repository.records import accounts, use_cases
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse
from .html import HTMX, filled_in, parsed, text

OPEN = {**HTMX, "HTTP_HX_TARGET": "dialog"}
LIST = "/use-cases/?q=slow"
SEND = {**HTMX, "HTTP_HX_TARGET": "record", "HTTP_HX_CURRENT_URL": f"http://testserver{LIST}"}


@pytest.fixture
def case(make_account: Callable[..., str], make_use_case: Callable[..., str]) -> str:
    make_account(team="Claims")
    return make_use_case(problem="Too slow")


def test_a_row_opens_the_form_and_gets_its_new_values(
    client: Client, case: str, warehouse: Warehouse, server: LocalWarehouse
) -> None:
    page = parsed(client.get(LIST))
    links = {each["title"]: each["href"] for each in page.select(".row-actions a")}
    back = f"?next=%2Fuse-cases%2F%3Fq%3Dslow%23row-{case}"
    assert links == {
        "Write an update about Claims": f"/accounts/BSN001/updates/new/{back}",
        "Edit this use case": f"/use-cases/{case}/edit/{back}",
    }
    drawer = parsed(client.get(links["Edit this use case"], **OPEN))
    assert text(drawer, "dialog h2") == "Edit use case"
    form = drawer.select_one("#record form")
    assert drawer.select_one("a[data-close]")
    assert not drawer.select("[hx-get]:not([list])")  # fields get their suggestions
    sent = filled_in(form)
    # What was refused stays in the drawer, with all that was typed.
    refused = parsed(client.post(form["action"], sent | {"problem": ""}, **SEND))
    assert filled_in(refused.select_one("form"))["drawer"] == "on"
    server.fault("expired_token", times=None)
    failed = client.post(form["action"], sent | {"problem": "Typed"}, **SEND)
    assert (failed.status_code, failed["HX-Reswap"]) == (503, "outerHTML")
    kept = filled_in(parsed(failed).select_one("#record form"))
    assert (kept["problem"], kept["drawer"]) == ("Typed", "on")
    server.clear_faults()
    done = client.post(form["action"], kept, **SEND)
    assert (done.status_code, done["HX-Retarget"]) == (200, "#dialog")
    url = {"url": f"{LIST}#row-{case}"}
    assert json.loads(done["HX-Trigger-After-Settle"]) == {"record-saved": url}
    assert text(parsed(done), "[hx-swap-oob] p") == "The use case was saved."
    assert use_cases.get(warehouse, case).problem == "Typed"
    # Others were first: "Discard my changes" asks for the form in the drawer, too.
    again = client.post(form["action"], sent | {"problem": "Late"}, **SEND)
    assert again.status_code == 409
    discard = parsed(again).select_one("[hx-target='#dialog']")
    assert discard["hx-get"] == f"{form['action']}{back}"


def test_a_new_update_comes_back_to_its_row(
    client: Client, case: str, warehouse: Warehouse
) -> None:
    path = f"/accounts/BSN001/updates/new/?next=/use-cases/%23row-{case}"
    page = parsed(client.get(path))
    sent = filled_in(page.select_one("#record form")) | {"author": "A", "description": "Hello"}
    # Without JavaScript.
    done = client.post("/accounts/BSN001/updates/new/", sent)
    assert (done.status_code, done["Location"]) == (303, f"/use-cases/#row-{case}")
    assert len(accounts.get_detail(warehouse, "BSN001").updates) == 1


@pytest.mark.parametrize("data", [{}, {"drawer": "on"}])
def test_what_leads_to_another_page_goes_there(
    client: Client, warehouse: Warehouse, data: dict[str, Any]
) -> None:
    account = {"bsnid": "BSN9", "team": "T", "business_area": "F", "form_id": "x"}
    headers = SEND | {"HTTP_HX_CURRENT_URL": "http://testserver/accounts/"}
    done = client.post("/accounts/new/", account | data, **headers)
    assert done["HX-Redirect"] == "/accounts/BSN9/"
