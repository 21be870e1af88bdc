"""The composer: an update and, if wanted, a status with a reason, as one operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from crm.identity import Person
from crm.model.own_tables import OPERATIONS
from crm.repository.past import history
from crm.repository.past.history import Wanted
from crm.repository.records import accounts, platforms, updates
from crm.warehouse import Warehouse
from tests.conftest import LocalWarehouse, Statements

from .html import HTMX, filled_in, parsed, text, texts

See = Callable[..., BeautifulSoup]
PAGE = "/accounts/BSN001/"
TEXT = "Kick-off.\nSee https://example.com/plan?x=1, @kofi.mensah"
STATUS = {"platform": "Databricks", "status": "Requested", "reason": "They asked"}


@pytest.fixture(autouse=True)
def account(plain_account: str) -> str:
    return plain_account


def shown(soup: BeautifulSoup) -> dict[str, Any]:
    return filled_in(soup.select_one("#composer"))


@pytest.fixture
def form(get_page: See) -> dict[str, Any]:
    return shown(get_page(PAGE))


@pytest.fixture
def compose(client: Client, form: dict[str, Any]) -> Callable[..., HttpResponse]:
    def send(headers: dict[str, str] | None = None, **typed: str) -> HttpResponse:
        return client.post(
            f"{PAGE}compose/", form | {"description": TEXT} | typed, **(headers or {})
        )

    return send


def stored(wh: Warehouse) -> tuple[list[str], list[str | None]]:
    """Return the texts of the updates and the words of the statuses."""
    detail = accounts.get_detail(wh, "BSN001")
    return [u.description for u in detail.updates], [row.status for row in detail.platforms]


def drop_operations(wh: Warehouse) -> None:
    wh.execute(f"DROP TABLE {wh.namespace.table(OPERATIONS)}", repeatable=True)


def test_the_author_is_the_persons_name_and_the_day_today(
    client: Client, settings: Any, get_page: See
) -> None:
    form = shown(get_page(PAGE))
    person = client.get("/").wsgi_request.person
    assert form["author"] == person.name == Person(person.email).name
    assert form["date"] == timezone.localdate().isoformat()


@pytest.mark.parametrize(
    ("email", "name"),
    [
        ("dana.smith@example.com", "Dana Smith"),
        ("j_van-der-berg@example.com", "J Van-der-berg"),
        ("Åsa@example.com", "Åsa"),
        ("", ""),
    ],
)
def test_a_persons_name(email: str, name: str) -> None:
    assert Person(email).name == name


def test_an_update_alone_costs_two_statements(
    compose: Callable[..., HttpResponse],
    form: dict[str, Any],
    get_page: See,
    statements: Statements,
    warehouse: Warehouse,
) -> None:
    with statements() as done:
        response = compose()
    assert (response.status_code, len(done)) == (303, 2)
    assert response["Location"] == f"{PAGE}?update={form['id']}#update-{form['id']}"
    assert stored(warehouse) == ([TEXT], [])
    page = get_page(PAGE)
    link = page.select_one("#updates .prose a")
    assert link["href"] == "https://example.com/plan?x=1"
    assert texts(page, "#updates .mention") == ["@kofi.mensah"]


def test_with_a_status_and_a_reason_it_is_one_operation(
    compose: Callable[..., HttpResponse], statements: Statements, warehouse: Warehouse
) -> None:
    with statements() as done:
        assert compose(**STATUS).status_code == 303
    assert len(done) == 5
    assert stored(warehouse) == ([TEXT], ["Requested"])
    changes = history.load(warehouse, Wanted(bsnid="BSN001")).changes
    assert changes[0].operation == changes[1].operation != changes[2].operation
    assert [change.reason for change in changes[:2]] == ["", "They asked"]


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "part"])
def test_what_is_not_valid_is_shown_again(
    compose: Callable[..., HttpResponse], headers: dict[str, str], warehouse: Warehouse
) -> None:
    for typed, said in (
        ({"description": ""}, "Fill in the update."),
        ({"status": "Requested"}, "Choose the platform that gets this status."),
        ({"platform": "Databricks", "reason": "R"}, "Choose the status that this is the reason"),
        ({**STATUS, "status": "Whatever"}, "is not one of the choices"),
        ({"description": "x" * 20_001}, "20,001 characters of at most 20,000"),
    ):
        response = compose(headers, **typed)
        assert response.status_code == 422
        soup = parsed(response)
        assert said in soup.select_one("#composer").get_text()
        assert shown(soup)["description"] == typed.get("description", TEXT)
        assert shown(soup)["reason"] == typed.get("reason", "")
    assert stored(warehouse) == ([], [])


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "part"])
def test_somebody_set_the_status_first(
    compose: Callable[..., HttpResponse],
    client: Client,
    headers: dict[str, str],
    someone_else: Warehouse,
) -> None:
    platforms.set_status(someone_else, "BSN001", "Databricks", "Completed", None)
    response = compose(headers, **STATUS)
    assert response.status_code == 409
    soup = parsed(response)
    note = text(soup, "#composer .platform-note")
    assert "bob@example.com set Databricks to “Completed” in the meantime" in note
    assert stored(someone_else) == ([], ["Completed"])
    again = shown(soup)
    assert (again["description"], again["reason"]) == (TEXT, "They asked")
    assert client.post(f"{PAGE}compose/", again, **headers).status_code in {200, 303}
    assert stored(someone_else) == ([TEXT], ["Requested"])


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "part"])
def test_a_warehouse_that_fails_saves_nothing_and_the_text_stays(
    compose: Callable[..., HttpResponse],
    client: Client,
    headers: dict[str, str],
    server: LocalWarehouse,
    warehouse: Warehouse,
) -> None:
    server.fault("expired_token", times=None)
    response = compose(headers, **STATUS)
    server.clear_faults()
    assert response.status_code == 503
    assert stored(warehouse) == ([], [])
    again = shown(parsed(response))
    assert (again["description"], again["status"]) == (TEXT, "Requested")
    assert client.post(f"{PAGE}compose/", again, **headers).status_code in {200, 303}
    assert stored(warehouse) == ([TEXT], ["Requested"])


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "part"])
def test_half_of_it_is_reported_and_the_rest_continues_as_one_operation(
    compose: Callable[..., HttpResponse],
    client: Client,
    headers: dict[str, str],
    server: LocalWarehouse,
    warehouse: Warehouse,
) -> None:
    server.fault("http_status", times=None, status=401, match="^\\s*MERGE INTO \\S*updates")
    response = compose(headers, **STATUS)
    server.clear_faults()
    assert response.status_code == 503
    soup = parsed(response)
    assert texts(soup, ".half-done li") == [
        "Set Databricks to Requested",
        "Add the update",
    ]
    assert stored(warehouse) == ([], ["Requested"])
    again = shown(soup)
    assert (again["description"], again["status"], again["reason"]) == (TEXT, "", "")
    assert client.post(f"{PAGE}compose/", again, **headers).status_code in {200, 303}
    assert stored(warehouse) == ([TEXT], ["Requested"])
    changes = history.load(warehouse, Wanted(bsnid="BSN001")).changes
    assert changes[0].operation == changes[1].operation


def test_another_status_after_a_half_has_its_own_reason(
    compose: Callable[..., HttpResponse],
    client: Client,
    server: LocalWarehouse,
    warehouse: Warehouse,
) -> None:
    server.fault("http_status", times=None, status=401, match="^\\s*MERGE INTO \\S*updates")
    again = shown(parsed(compose({}, **STATUS)))
    server.clear_faults()
    more = {"platform": "Snowflake", "status": "Completed", "reason": "Second"}
    assert client.post(f"{PAGE}compose/", again | more).status_code == 303
    page = parsed(client.get(PAGE))
    reasons = texts(page, "#platforms summary .platform-reason")
    assert sorted(reasons) == ["Second", "They asked"]


def test_sent_twice_it_is_saved_once(
    compose: Callable[..., HttpResponse], warehouse: Warehouse
) -> None:
    for _ in range(2):
        assert compose(**STATUS).status_code == 303
    assert stored(warehouse) == ([TEXT], ["Requested"])


def edit_update(wh: Warehouse) -> None:
    [update] = accounts.get_detail(wh, "BSN001").updates
    updates.update(wh, update.id, {"description": "Edited"}, update.updated_at)


@pytest.mark.parametrize("has_table", [True, False])
def test_an_update_that_somebody_edited_is_kept_and_the_status_named(
    compose: Callable[..., HttpResponse], someone_else: Warehouse, has_table: bool
) -> None:
    assert compose().status_code == 303
    edit_update(someone_else)
    if not has_table:
        drop_operations(someone_else)
    response = compose(HTMX, **STATUS)
    assert response.status_code == 409
    assert stored(someone_else) == (["Edited"], ["Requested"])
    page = parsed(response)
    note = text(page, "#composer .platform-note")
    assert note.startswith("Databricks is now Requested. This update was added before")
    again = shown(page)
    assert (again["description"], again["status"], again["reason"]) == (TEXT, "", "")
    assert ("The reason was: “They asked”" in page.get_text()) is not has_table


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "part"])
def test_a_reason_that_is_lost_half_way_is_shown(
    compose: Callable[..., HttpResponse],
    headers: dict[str, str],
    server: LocalWarehouse,
    warehouse: Warehouse,
) -> None:
    drop_operations(warehouse)
    server.fault("http_status", times=None, status=401, match="^\\s*MERGE INTO \\S*updates")
    response = compose(headers, **STATUS)
    server.clear_faults()
    assert response.status_code == 503
    assert stored(warehouse) == ([], ["Requested"])
    assert "The reason was: “They asked”" in parsed(response).get_text()


def test_an_account_that_is_gone(
    compose: Callable[..., HttpResponse], someone_else: Warehouse
) -> None:
    accounts.delete(someone_else, "BSN001")
    for typed in ({}, STATUS):
        response = compose(**typed)
        assert response.status_code == 409
        assert "no account “BSN001” any more" in response.content.decode()
        assert shown(parsed(response))["description"] == TEXT


def test_without_the_table_of_operations_only_the_reason_is_missing(
    compose: Callable[..., HttpResponse], warehouse: Warehouse, get_page: See
) -> None:
    drop_operations(warehouse)
    assert compose(**STATUS).status_code == 303
    assert stored(warehouse) == ([TEXT], ["Requested"])
    page = get_page(PAGE).get_text()
    assert "The reason was not kept" in page
    assert "They asked" in page


def test_readers_and_the_past_have_no_composer(
    client: Client, settings: Any, get_page: See, warehouse: Warehouse
) -> None:
    assert client.get(f"{PAGE}compose/").status_code == 405
    settings.EDIP_EDITORS = ["bob@example.com"]
    assert get_page(PAGE).select_one("#composer") is None
    assert client.post(f"{PAGE}compose/", {"description": TEXT}).status_code == 403
    assert stored(warehouse) == ([], [])


def test_the_focus_is_in_it_where_one_came_to_write(get_page: See) -> None:
    assert get_page(PAGE).select_one("#composer [autofocus]") is None
    assert get_page(f"{PAGE}?write=1").select_one("#composer [autofocus]").name == "textarea"
