"""The reason of a status: kept with the operation, shown on the account and in the history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.model.own_tables import OPERATIONS
from crm.model.records import Listing
from crm.model.schema import USE_CASES
from crm.repository.errors import ReasonNotKept, Stale
from crm.repository.past import history
from crm.repository.past.history import Wanted
from crm.repository.records import platforms, use_cases
from crm.warehouse import Warehouse
from tests.conftest import LocalWarehouse, Statements

from .html import HTMX, filled_in, parsed, record_form, text, texts

See = Callable[..., BeautifulSoup]
WHY = "The licence is not paid <yet>"


@pytest.fixture
def account(plain_account: str) -> str:
    return plain_account


@pytest.fixture
def no_notes(warehouse: Warehouse) -> None:
    table = warehouse.namespace.table(OPERATIONS)
    warehouse.execute(f"DROP TABLE {table}", repeatable=True)


def set_status(client: Client, page: BeautifulSoup, **posted: str) -> Any:
    form = page.select_one("details.platform form")
    return client.post(form["action"], filled_in(form) | posted, **HTMX)


def changes(wh: Warehouse) -> list[tuple[str, str]]:
    found = history.load(wh, Wanted(bsnid="BSN001")).changes
    return [(change.what, change.reason) for change in found]


def test_a_reason_costs_one_statement_and_is_shown(
    client: Client, get_page: See, account: str, warehouse: Warehouse, statements: Statements
) -> None:
    page = get_page("/accounts/BSN001/")
    with statements() as done:
        response = set_status(client, page, status="Requested", reason=WHY)
    assert len(done) == 3
    assert text(parsed(response), "summary .platform-reason") == WHY
    with statements() as done:
        page = get_page("/accounts/BSN001/")
    assert len(done) == 1
    assert text(page, "summary .platform-reason") == WHY
    for path in ("/accounts/BSN001/history/", "/activity/"):
        assert texts(get_page(path), ".change-reason") == [f"Reason: {WHY}"]
    csv = b"".join(client.get("/accounts/BSN001/history/?format=csv"))
    assert WHY in csv.decode()


def test_the_next_status_has_its_own_reason_or_none(
    client: Client, get_page: See, account: str, warehouse: Warehouse
) -> None:
    set_status(client, get_page("/accounts/BSN001/"), status="Requested", reason=WHY)
    page = get_page("/accounts/BSN001/")
    assert filled_in(page.select_one("details.platform form"))["reason"] == ""
    set_status(client, page, status="Completed")
    assert texts(get_page("/accounts/BSN001/"), "summary .platform-reason") == []
    assert changes(warehouse)[:2] == [
        ("moved Databricks from Requested to Completed", ""),
        ("set Databricks to Requested", WHY),
    ]


def test_a_status_gets_a_reason_later(account: str, warehouse: Warehouse) -> None:
    """The reason writes the status's row; the history must not take that for the stamp of a
    deletion."""
    row = platforms.set_status(warehouse, account, "Databricks", "Requested", None)
    platforms.set_status(warehouse, account, "Databricks", "Requested", row.updated_at, WHY)
    assert changes(warehouse)[:2] == [
        ("gave a reason for Databricks, Requested", WHY),
        ("set Databricks to Requested", ""),
    ]
    table = warehouse.namespace.table(platforms.PLATFORMS_STATUS)
    warehouse.execute(f"DELETE FROM {table}", repeatable=True)
    latest = history.load(warehouse, Wanted(bsnid=account)).changes[0]
    assert (latest.kind, latest.person) == ("deleted", "")


def test_somebody_set_the_same_status_first(
    account: str, warehouse: Warehouse, someone_else: Warehouse
) -> None:
    """The reason would belong to nobody's change, so the person decides again."""
    platforms.set_status(someone_else, account, "Databricks", "Requested", None)
    with pytest.raises(Stale):
        platforms.set_status(warehouse, account, "Databricks", "Requested", None, WHY)
    assert [reason for _, reason in changes(warehouse)] == ["", ""]


@pytest.mark.usefixtures("no_notes")
def test_without_the_table_the_page_says_that_the_reason_was_not_kept(
    client: Client, get_page: See, account: str, warehouse: Warehouse
) -> None:
    response = set_status(client, get_page("/accounts/BSN001/"), status="Requested", reason=WHY)
    soup = parsed(response)
    assert text(soup, "summary .badge") == "Requested"
    assert texts(soup, "summary .platform-reason") == []
    assert "The reason was not kept" in soup.get_text()
    assert WHY in soup.get_text()
    assert platforms.list_for(warehouse, account)[0].status == "Requested"
    assert changes(warehouse)[0] == ("set Databricks to Requested", "")


def test_a_warehouse_that_fails_saves_neither(
    client: Client, get_page: See, account: str, warehouse: Warehouse, server: LocalWarehouse
) -> None:
    page = get_page("/accounts/BSN001/")
    server.fault("expired_token", times=None)
    assert set_status(client, page, status="Requested", reason=WHY).status_code == 503
    server.clear_faults()
    assert platforms.list_for(warehouse, account) == ()


def test_a_long_reason_is_refused_and_stays(client: Client, get_page: See, account: str) -> None:
    response = set_status(
        client, get_page("/accounts/BSN001/"), status="Requested", reason="x" * 501
    )
    assert response.status_code == 422
    form = parsed(response).select_one("details.platform[open] form")
    assert "501 characters of at most 500" in form.get_text()
    assert filled_in(form)["reason"] == "x" * 501


def test_a_use_case_keeps_the_reason_of_its_status(
    client: Client,
    account: str,
    make_use_case: Callable[..., str],
    warehouse: Warehouse,
    statements: Statements,
) -> None:
    key = make_use_case(status="Active")
    path = f"/use-cases/{key}/edit/"
    form = record_form(client.get(path))
    with statements() as done:
        response = client.post(path, form | {"status": "On Hold", "reason": WHY})
    assert (response.status_code, len(done)) == (303, 2)
    assert use_cases.get(warehouse, key).reason == WHY

    # If another field changes, the reason stays with the status.
    form = record_form(client.get(path))
    assert form["reason"] == WHY
    client.post(path, form | {"leader": "Lea"})
    assert use_cases.get(warehouse, key).reason == WHY
    # If nothing changes, nothing is written.
    before = use_cases.get(warehouse, key)
    client.post(path, record_form(client.get(path)))
    assert use_cases.get(warehouse, key) == before
    # If the status changes, its old reason goes.
    client.post(path, record_form(client.get(path)) | {"status": "Active"})
    assert use_cases.get(warehouse, key).reason is None
    assert [reason for _, reason in changes(warehouse)][:3] == ["", WHY, WHY]


def test_a_use_case_gets_a_reason_later_and_from_the_start(
    client: Client, account: str, make_use_case: Callable[..., str], warehouse: Warehouse
) -> None:
    key = make_use_case(status="On Hold")
    path = f"/use-cases/{key}/edit/"
    client.post(path, record_form(client.get(path)) | {"reason": WHY})
    assert use_cases.get(warehouse, key).reason == WHY
    path = "/accounts/BSN001/use-cases/new/"
    form = record_form(client.get(path))
    client.post(path, form | {"problem": "P", "status": "On Hold", "reason": "No money"})
    assert use_cases.get(warehouse, form["id"]).reason == "No money"


def test_an_edit_that_is_merged_keeps_the_other_persons_reason(
    client: Client, account: str, make_use_case: Callable[..., str], someone_else: Warehouse
) -> None:
    key = make_use_case(status="Active")
    path = f"/use-cases/{key}/edit/"
    form = record_form(client.get(path))
    seen = use_cases.get(someone_else, key).updated_at
    use_cases.update(someone_else, key, {"status": "On Hold"}, seen, "Theirs")
    assert client.post(path, form | {"leader": "Lea"}).status_code == 303
    saved = use_cases.get(someone_else, key)
    assert (saved.leader, saved.status, saved.reason) == ("Lea", "On Hold", "Theirs")


def test_a_use_case_loses_a_wrong_reason(
    client: Client,
    account: str,
    make_use_case: Callable[..., str],
    warehouse: Warehouse,
    someone_else: Warehouse,
) -> None:
    key = make_use_case(status="Active")
    path = f"/use-cases/{key}/edit/"
    client.post(path, record_form(client.get(path)) | {"reason": "Wrong"})
    form = record_form(client.get(path)) | {"reason": ""}
    assert client.post(path, form).status_code == 303
    assert not use_cases.get(warehouse, key).reason
    assert use_cases.search(warehouse, Listing()).rows[0].reason is None
    found = changes(warehouse)
    assert [each for each, _ in found][0].startswith("removed the reason of the use case")
    # The form is sent again after somebody else gave another reason: theirs stays.
    assert client.post(path, form).status_code == 303
    assert changes(warehouse) == found
    seen = use_cases.get(someone_else, key).updated_at
    use_cases.update(someone_else, key, {}, seen, "Theirs")
    assert client.post(path, form).status_code == 303
    assert use_cases.get(warehouse, key).reason == "Theirs"
    # The row was written, but not for a deletion.
    table = warehouse.namespace.table(USE_CASES)
    warehouse.execute(f"DELETE FROM {table}", repeatable=True)
    latest = history.load(warehouse, Wanted(bsnid=account)).changes[0]
    assert (latest.kind, latest.person) == ("deleted", "")


@pytest.mark.usefixtures("no_notes")
def test_a_use_case_is_saved_without_its_reason(
    client: Client, account: str, make_use_case: Callable[..., str], warehouse: Warehouse
) -> None:
    key = make_use_case(status="Active")
    path = f"/use-cases/{key}/edit/"
    form = record_form(client.get(path))
    page = client.post(path, form | {"status": "On Hold", "reason": WHY}, follow=True)
    assert f"grant you MODIFY on it. The reason was: “{WHY}”." in parsed(page).get_text()
    assert use_cases.get(warehouse, key).status == "On Hold"
    with pytest.raises(ReasonNotKept):
        use_cases.create(warehouse, account, "u-1", {"problem": "P", "status": "Active"}, WHY)
    assert use_cases.get(warehouse, "u-1").problem == "P"
