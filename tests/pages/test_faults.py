"""Faults of a real warehouse, met through the connector: what a page and a save answer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from crm.model.schema import ACCOUNTS
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse
from ..patience import seconds, wait_for_pages
from .html import parsed, text

DROPPED = "The connection to the warehouse broke"
SLOW = "The warehouse took too long"
BUSY = "The warehouse takes no requests at the moment"
LONG: dict[str, Any] = {"status": 503, "retry_after": 600}


@dataclass(frozen=True)
class Case:
    """A fault, and the status and heading of the page that a reader gets."""

    kind: str
    options: dict[str, Any]
    status: int
    title: str


CASES = [
    Case("hang", {}, 504, SLOW),
    Case("drip", {}, 504, SLOW),
    Case("garbage", {}, 503, DROPPED),
    Case("cut", {}, 503, DROPPED),
    Case("http_status", LONG, 503, BUSY),
    Case("http_status", {"status": 429, "retry_after": 45}, 503, BUSY),
    Case("http_status", {"status": 400}, 500, "The warehouse reported an error"),
    Case("starting", {"retry_after": 40}, 503, "The warehouse is starting"),
]
NAMES = [f"{case.kind}-{case.options.get('status', '')}" for case in CASES]
DEADLINE = seconds(1)  # 3 s on an idle machine


@pytest.fixture(params=CASES, ids=NAMES)
def case(client: Client, warehouse: Warehouse, settings: Any, request: Any) -> Case:
    wait_for_pages(client)
    settings.EDIP_REQUEST_TIMEOUT = DEADLINE
    return request.param


def test_a_page_meets_a_fault(client: Client, server: LocalWarehouse, case: Case) -> None:
    server.fault(case.kind, times=None, match="accounts", **case.options)
    started = time.monotonic()
    response = client.get("/accounts/")
    assert time.monotonic() - started < DEADLINE + seconds(1)
    page = parsed(response)
    assert (response.status_code, text(page, "h1")) == (case.status, case.title)
    assert "Traceback" not in response.content.decode()
    if retry := case.options.get("retry_after"):
        assert response["Retry-After"] == str(retry)
        assert page.select_one("meta[http-equiv=refresh]")["content"] == str(retry)
    if case.title == BUSY:
        wait = {600: "10 minutes", 45: "45 seconds"}[case.options["retry_after"]]
        assert f"Try again in {wait}." in text(page, ".lead")
    server.clear_faults()
    wait_for_pages(client)


def test_the_file_of_a_list_meets_a_hang(
    client: Client, warehouse: Warehouse, server: LocalWarehouse, settings: Any
) -> None:
    wait_for_pages(client)
    settings.EDIP_REQUEST_TIMEOUT = 1.0
    server.fault("hang", times=None, match="accounts")
    started = time.monotonic()
    response = client.get("/accounts/?format=csv")
    assert time.monotonic() - started < 1.0 + seconds(1)
    assert (response.status_code, text(parsed(response), "h1")) == (504, SLOW)
    server.clear_faults()
    settings.EDIP_REQUEST_TIMEOUT = 60.0
    wait_for_pages(client)


def test_a_save_meets_a_fault(
    client: Client, warehouse: Warehouse, server: LocalWarehouse, settings: Any, case: Case
) -> None:
    """What was typed is kept, the sentence is true, and nothing is stored twice."""
    server.fault(case.kind, times=None, match="MERGE", **case.options)
    data = {"bsnid": "BSN1", "team": "Typed with care", "business_area": "Finance"}
    started = time.monotonic()
    response = client.post("/accounts/new/", data)
    assert time.monotonic() - started < DEADLINE + seconds(1)
    page = response.content.decode()
    is_saved = case.kind in ("hang", "drip", "garbage", "cut")
    # After these the answer is lost, but there is time to look what was saved.
    is_settled = case.kind in ("garbage", "cut")
    assert response.status_code == (303 if is_settled else 503 if is_saved else case.status)
    if not is_settled:
        assert "Typed with care" in page
        assert "Traceback" not in page
        assert (DROPPED if is_saved else case.title) in page
        assert (DROPPED in page) is is_saved
    server.clear_faults()
    settings.EDIP_REQUEST_TIMEOUT = 60.0
    wait_for_pages(client)
    sql = f"SELECT COUNT(*) AS n FROM {warehouse.namespace.table(ACCOUNTS)}"
    assert warehouse.query(sql) == [{"n": 1 if is_saved else 0}]
