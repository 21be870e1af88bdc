"""One line in the log for each request, without values; and what it says of refusals."""

from __future__ import annotations

import json
import logging
import uuid
from typing import Any

import pytest
from django.test import Client

from crm.middleware.log_format import JsonLines, Readable
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse

NEW = {"bsnid": "SECRET9", "team": "secret team", "business_area": "secret area"}


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the lines of requests so far, as a program reads them, and forget them."""
    records = [each for each in caplog.records if each.name == "crm.requests"]
    caplog.clear()
    return [json.loads(JsonLines().format(each)) for each in records]


def test_a_request_is_a_line(
    client: Client, sample: Warehouse, server: LocalWarehouse, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    before = server.last()
    response = client.get("/accounts/BSN001/?secret=query", HTTP_X_REQUEST_ID="from-the.proxy_1")
    assert response["X-Request-Id"] == "from-the.proxy_1"
    (line,) = lines(caplog)
    assert (line["request"], line["method"], line["route"], line["status"], line["level"]) == (
        "from-the.proxy_1", "GET", "account-detail", 200, "INFO",
    )  # fmt: skip
    assert line["person"].endswith("@localhost")
    ran = server.statements(before)
    assert line["query_ids"] == [each["statement_id"] for each in ran]
    assert line["statements"] == len(ran) == 1
    assert 0 < line["statement_ms"] <= line["ms"]
    assert 0 <= line["pool_wait_ms"] <= line["ms"]


def test_no_line_has_values(
    client: Client, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    """The same holds for the lines of Django, of failures and of statements."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "crm")
    assert client.post("/accounts/new/?q=secretq", NEW).status_code == 303
    for path in (
        "/accounts/SECRET9/",
        "/accounts/?q=secretq",
        "/undo/bulk/secretlink/",
        "/secret",
    ):
        client.get(path)
        client.post(path, {"team": "secret"})
    client.raise_request_exception = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("crm.repository.records.accounts.get_detail", None)
        assert client.get("/accounts/SECRET9/?q=secretq").status_code == 500
    text = [JsonLines().format(each) for each in caplog.records]
    text += [Readable().format(each) for each in caplog.records]
    assert len(text) > 20
    assert [each for each in text if "secret" in each.lower()] == []


@pytest.mark.parametrize("given", ["", "a b", "x\ny", "x" * 65, "é", "<script>"])
def test_an_id_that_is_none_is_replaced(
    client: Client, caplog: pytest.LogCaptureFixture, given: str
) -> None:
    caplog.set_level(logging.INFO)
    made = client.get("/as-of/", HTTP_X_REQUEST_ID=given)["X-Request-Id"]
    assert uuid.UUID(made)
    assert lines(caplog)[0]["request"] == made


def test_refusals_have_their_reason(
    warehouse: Warehouse,
    server: LocalWarehouse,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)

    def reason(method: str, path: str, client: Client | None = None, **more: Any) -> str:
        getattr(client or Client(), method)(path, **more)
        (line,) = lines(caplog)
        return line.get("refusal", "")

    assert reason("get", "/accounts/") == ""
    assert reason("post", "/accounts/new/", Client(enforce_csrf_checks=True)) == "csrf"
    assert reason("get", "/preferences/theme/") == "method"
    assert reason("get", "/accounts/", HTTP_COOKIE=f"x={'x' * 9000}") == "cookies"
    assert reason("get", "/accounts/", HTTP_HOST="evil.example") == "bad-request"
    settings.EDIP_WRITES_PER_MINUTE = 0.5
    assert reason("post", "/preferences/theme/") == "writes-per-minute"
    settings.EDIP_EDITORS = settings.EDIP_ADMINS = ["nobody@example.com"]
    assert reason("get", "/accounts/new/") == "right-to-write"
    assert reason("get", "/admin-tools/") == "administrators"
    assert reason("get", "/metrics") == "administrators"
    settings.IN_DATABRICKS_APPS = True
    assert reason("get", "/accounts/") == "no-person"
    settings.IN_DATABRICKS_APPS = False
    server.fault("error", match="accounts")
    assert reason("get", "/accounts/") == "StatementFailed"


def test_probes_files_and_polls_are_not_in_the_way(
    client: Client, warehouse: Warehouse, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    settings.EDIP_LOG_FORMAT = "json"
    for path in ("/healthz", "/static/css/base.css", "/live/"):
        client.get(path)
    assert [line["route"] for line in lines(caplog)] == ["recent-changes"]
    settings.EDIP_LOG_FORMAT = "text"
    client.get("/live/")
    assert lines(caplog) == []
