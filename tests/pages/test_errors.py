from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client, RequestFactory
from django.urls import resolve

from crm.repository.records import accounts
from crm.views import _failures, errors
from crm.warehouse import Warehouse
from crm.warehouse import errors as warehouse_errors
from tests.conftest import LocalWarehouse

from .html import HTMX, filled_in, parsed, text


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    def fail(error: Exception) -> None:
        def raise_it(*args: Any) -> None:
            raise error

        monkeypatch.setattr("crm.repository.records.accounts.search", raise_it)

    return fail


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (warehouse_errors.Unavailable, 503),
        (warehouse_errors.Starting, 503),
        (warehouse_errors.Busy, 503),
        (warehouse_errors.PoolExhausted, 503),
        (warehouse_errors.Dropped, 503),
        (warehouse_errors.SignInFailed, 503),
        (warehouse_errors.PermissionDenied, 403),
        (warehouse_errors.ObjectNotFound, 503),
        (warehouse_errors.WriteConflict, 409),
        (warehouse_errors.StatementTimeout, 504),
        (warehouse_errors.ConstraintViolated, 422),
        (warehouse_errors.ColumnNotFound, 503),
        (warehouse_errors.TooLarge, 413),
        (warehouse_errors.StatementFailed, 500),
        (warehouse_errors.WarehouseError, 500),
    ],
)
def test_every_failure_has_its_page_and_its_toast(
    client: Client, failing: Callable[[Exception], None], error: type[Exception], status: int
) -> None:
    failing(error("SECRET detail", query_id="query-1"))
    response = client.get("/accounts/")
    assert response.status_code == status
    page = parsed(response)
    assert text(page, "main h1")
    assert text(page, "main code") == "query-1"
    assert "SECRET" not in response.content.decode()
    assert "were saving" not in response.content.decode()

    response = client.get("/accounts/", **HTMX)
    assert response.status_code == status
    assert response["HX-Retarget"] == "#toasts"
    assert response["HX-Reselect"] == "unset"
    assert response["HX-Reswap"] == "beforeend"
    assert parsed(response).select_one(".toast-error[role=alert]")


def test_a_starting_warehouse_is_asked_again(
    client: Client, failing: Callable[[Exception], None]
) -> None:
    failing(warehouse_errors.Starting())
    response = client.get("/accounts/")
    assert response["Retry-After"] == "10"
    assert parsed(response).select_one("meta[http-equiv=refresh]")["content"] == "10"


def test_missing_tables_say_what_to_run(client: Client, server: LocalWarehouse, settings) -> None:
    """Administrators see the page Set up: tests/pages/test_set_up.py."""
    settings.WAREHOUSE, settings.EDIP_ADMINS = server.config(), ["else@example.com"]
    response = client.get("/accounts/")
    assert response.status_code == 503
    assert "set_up" in text(parsed(response), ".lead")


def test_an_unknown_address_says_that_it_is_not_found(client: Client) -> None:
    response = client.get("/no/such/page")
    assert response.status_code == 404
    page = parsed(response)
    assert text(page, "h1") == "There is nothing here"
    assert page.select_one("header nav a[href$='/accounts/']")


def test_a_bug_of_ours(failing: Callable[[Exception], None], settings: Any) -> None:
    failing(ZeroDivisionError("SECRET"))
    response = Client(raise_request_exception=False).get("/accounts/")
    assert response.status_code == 500
    assert text(parsed(response), "h1") == "Something went wrong on our side"
    assert "SECRET" not in response.content.decode()


def test_a_form_without_its_token() -> None:
    response = Client(enforce_csrf_checks=True).post("/accounts/new/", {"team": "x"})
    assert response.status_code == 403
    assert "expired" in text(parsed(response), "h1")


def test_all_errors_of_the_warehouse_have_words() -> None:
    public = {
        kind
        for kind in vars(warehouse_errors).values()
        if isinstance(kind, type) and issubclass(kind, warehouse_errors.WarehouseError)
    }
    for kind in public:
        assert _failures.failure_of(kind()).advice


def test_the_page_that_shows_what_may_be_saved() -> None:
    for path, url in (
        ("/accounts/B 1/delete/", "/accounts/B%201/"),
        ("/accounts/new/", "/activity/"),
        ("/people/Ada/rename/", "/activity/"),
        ("/updates/bulk/apply/", "/activity/"),
    ):
        request = RequestFactory().post(path)
        request.resolver_match = resolve(path)
        assert errors._look_url(request) == url
    for sender, url in (("http://testserver/x/?q=1", "http://testserver/x/?q=1"), ("//a/", "")):
        assert (
            errors._look_url(RequestFactory().post("/undo/x/", headers={"Referer": sender})) == url
        )


def test_a_page_refreshes_only_if_it_was_read(
    client: Client, warehouse: Warehouse, server: LocalWarehouse
) -> None:
    server.fault("expired_token", times=None)
    response = client.post("/accounts/BSN001/delete/")
    assert response.status_code == 503
    assert not parsed(response).select("meta[http-equiv=refresh]")


def deletion(client: Client, warehouse: Warehouse) -> tuple[str, BeautifulSoup]:
    return "/accounts/BSN002/delete/", parsed(client.get("/accounts/BSN002/delete/"))


def undo(client: Client, warehouse: Warehouse) -> tuple[str, BeautifulSoup]:
    client.post("/accounts/BSN003/delete/")
    page = parsed(client.get("/accounts/"))
    return page.select_one(".toast form")["action"], page


def revert(client: Client, warehouse: Warehouse) -> tuple[str, BeautifulSoup]:
    seen = accounts.get(warehouse, "BSN004").updated_at
    accounts.update(warehouse, "BSN004", {"vp": "New"}, seen)
    page = parsed(client.get("/accounts/BSN004/history/"))
    link = page.select_one("a[href*='/put-back/']")["href"]
    return link, parsed(client.get(link))


@pytest.mark.parametrize("prepare", [deletion, undo, revert])
def test_a_form_that_failed_can_be_sent_again(
    client: Client,
    sample: Warehouse,
    server: LocalWarehouse,
    prepare: Callable[[Client, Warehouse], tuple[str, BeautifulSoup]],
) -> None:
    action, page = prepare(client, sample)
    sent = filled_in(page.select_one(f"form[action='{action}']"))
    server.fault("expired_token", times=None)
    response = client.post(action, sent)
    server.clear_faults()
    assert response.status_code == 503
    form = parsed(response).select_one("main form")
    assert form["action"] == action
    assert filled_in(form).keys() == sent.keys()
    assert client.post(form["action"], filled_in(form)).status_code == 303


def test_a_failed_page_offers_no_form(
    client: Client, failing: Callable[[Exception], None]
) -> None:
    failing(warehouse_errors.Unavailable())
    assert not parsed(client.get("/accounts/")).select("main form")


@pytest.mark.parametrize(
    "error_class",
    [
        "FGAC_TIME_TRAVEL_NOT_SUPPORTED.PER_TABLE_RLS_CM",
        "ROW_LEVEL_SECURITY_FEATURE_NOT_SUPPORTED.TIME_TRAVEL",
        "COLUMN_MASKS_FEATURE_NOT_SUPPORTED.TIME_TRAVEL",
        "ROW_LEVEL_SECURITY_COLUMN_MASK_FEATURE_NOT_SUPPORTED.DESCRIBE_HISTORY",
        "ROW_LEVEL_SECURITY_COLUMN_MASK_FEATURE_NOT_SUPPORTED.TIME_TRAVEL",
    ],
)
def test_protected_tables_have_their_page(
    client: Client, failing: Callable[[Exception], None], error_class: str
) -> None:
    failing(warehouse_errors.StatementFailed(error_class=error_class, sqlstate="0A000"))
    response = client.get("/accounts/")
    assert response.status_code == 501
    assert text(parsed(response), "h1") == "The past of protected tables cannot be read"


@pytest.mark.parametrize(
    ("error_class", "status"),
    [
        ("DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION", 404),
        ("DELTA_LOG_FILE_NOT_FOUND", 404),
        # In the present, a missing file is a damage of the tables.
        ("FAILED_READ_FILE.DBR_FILE_NOT_EXIST", 500),
    ],
)
def test_a_version_that_is_too_old_has_its_page(
    client: Client, failing: Callable[[Exception], None], error_class: str, status: int
) -> None:
    failing(warehouse_errors.StatementFailed(error_class=error_class))
    response = client.get("/accounts/")
    assert response.status_code == status
    assert ("does not go back that far" in text(parsed(response), "h1")) is (status == 404)
    assert parsed(response).select(".actions a")
