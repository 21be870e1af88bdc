"""Recent changes by others reach open pages, with one statement for all pages together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm import live
from crm.model.as_of_address import address
from crm.model.schema import USE_CASES
from crm.repository.past import recent_changes
from crm.repository.records import accounts, platforms, use_cases
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse
from tests.conftest import LocalWarehouse, Statements

from ..patience import next_second

See = Callable[..., BeautifulSoup]


@pytest.fixture(autouse=True)
def at_once(settings: Any) -> Iterator[None]:
    """Set no interval, so that each request of a page asks the warehouse."""
    settings.EDIP_LIVE_SECONDS = 1e-9
    live._watches.clear()
    yield
    live._watches.clear()


@pytest.fixture
def account(claims_account: str) -> str:
    return claims_account


class Page:
    """An open page, which asks for recent changes and keeps the cursor."""

    def __init__(self, client: Client) -> None:
        self._client, self.cursor = client, ""

    def ask(self) -> list[dict[str, Any]]:
        answer = self._client.get("/live/", {"cursor": self.cursor})
        if answer.status_code == 204:
            return []
        assert answer.status_code == 200, answer.status_code
        body = answer.json()
        self.cursor = body["cursor"]
        assert not body["missed"]
        return body["changes"]

    def receive(self) -> list[str]:
        return [f"{each['summary']} {each['record']}" for each in self.ask()]


def test_each_change_by_others_is_reported_once(
    client: Client, account: str, someone_else: Warehouse
) -> None:
    page = Page(client)
    page.ask()
    assert page.ask() == []
    bob = "bob@example.com"
    use_cases.create(someone_else, account, "u-1", {"problem": "P"})
    seen = use_cases.get(someone_else, "u-1")
    assert page.receive() == [f"{bob} created a use case use_cases/u-1"]
    use_cases.update(someone_else, "u-1", {"problem": "Q"}, seen.updated_at)
    row = platforms.set_status(someone_else, account, "Databricks", "Requested", None)
    client.post(
        f"/accounts/{account}/platforms/", {"platform": "Snowflake", "status": "Requested"}
    )
    mine = platforms.new_id(account, "Snowflake")
    assert page.receive() == [
        f"{bob} changed a use case use_cases/u-1",
        f"{bob} created a platform status platforms_status/{row.id}",
        f"You created a platform status platforms_status/{mine}",
    ]
    assert page.ask() == []
    use_cases.delete(someone_else, "u-1")
    assert page.receive() == [f"{bob} deleted a use case use_cases/u-1"]


def test_a_change_has_its_account_and_version(
    client: Client, account: str, someone_else: Warehouse, get_page: See
) -> None:
    page = Page(client)
    page.ask()
    accounts.update(
        someone_else, account, {"vp": "V"}, accounts.get(someone_else, account).updated_at
    )
    (change,) = page.ask()
    assert (change["record"], change["account"], change["kind"], change["table"]) == (
        f"accounts/{account}",
        account,
        "changed",
        "accounts",
    )
    # A page that is rendered now has the same version, so it shows this change already.
    for path in ("/accounts/", f"/accounts/{account}/"):
        shown = get_page(path).select_one(f"[data-record='accounts/{account}']")
        assert shown["data-version"] == change["at"]


def test_a_new_page_hears_of_the_last_minute(
    client: Client, account: str, someone_else: Warehouse
) -> None:
    """The page may have been read before the process last read the changes."""
    Page(client).ask()
    use_cases.create(someone_else, account, "u-1", {"problem": "P"})
    Page(client).ask()
    assert any("use_cases/u-1" in sentence for sentence in Page(client).receive())


def test_deleting_an_account_reports_its_children(
    client: Client, account: str, someone_else: Warehouse, warehouse: Warehouse
) -> None:
    use_cases.create(warehouse, account, "u-1", {"problem": "P"})
    page = Page(client)
    page.ask()
    accounts.delete(someone_else, account)
    changes = {each["record"]: each for each in page.ask()}
    assert changes[f"accounts/{account}"]["summary"] == "bob@example.com deleted the account"
    assert changes["use_cases/u-1"]["kind"] == "deleted"


def test_however_many_pages_one_statement_per_interval(
    client: Client, account: str, statements: Statements, settings: Any
) -> None:
    Page(client).ask()
    settings.EDIP_LIVE_SECONDS = 0.5
    began, ends = time.monotonic(), time.monotonic() + 1.5
    asked = 0

    def keep_asking(_: int) -> int:
        page, n = Page(Client()), 0
        while time.monotonic() < ends:
            page.ask()
            n += 1
            time.sleep(0.1)
        return n

    with statements() as done, ThreadPoolExecutor(4) as pool:
        asked = sum(pool.map(keep_asking, range(4)))
    assert asked > 12
    assert len(done) <= (time.monotonic() - began) / settings.EDIP_LIVE_SECONDS + 1


def test_while_no_page_is_open_nothing_is_asked(
    client: Client, account: str, statements: Statements
) -> None:
    Page(client).ask()
    with statements() as done:
        time.sleep(0.5)
    assert done == []


def test_more_than_is_remembered_is_said_to_be_missed(
    client: Client, account: str, someone_else: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_changes, "LIMIT", 3)
    page = Page(client)
    page.ask()
    rows = [{"id": f"u-{n}", "account_bsnid": account, "problem": "P"} for n in range(8)]
    insert_missing(someone_else, USE_CASES, rows)
    answer = client.get("/live/", {"cursor": page.cursor}).json()
    assert answer["missed"]
    assert len(answer["changes"]) <= 4
    again = Page(client)
    again.cursor = answer["cursor"]
    assert again.ask() == []


def test_a_cursor_that_is_none_counts_as_none(client: Client, account: str) -> None:
    wrong = ("x", "1.2.3", "1.2.3.4.5", "-1.0.0.0", "1.1.1.²", "9" * 99, "'; DROP TABLE x", ".")
    for cursor in wrong:
        answer = client.get("/live/", {"cursor": cursor})
        assert answer.status_code == 200, cursor
        assert answer.json()["cursor"].count(".") == 3, cursor


def test_a_process_that_is_behind_does_not_go_back(client: Client, account: str) -> None:
    """The page knows later versions, from another process, than this process has seen."""
    answer = client.get("/live/", {"cursor": "900.900.900.900"})
    assert answer.status_code == 204


def test_a_warehouse_that_does_not_answer(
    client: Client, account: str, someone_else: Warehouse, server: LocalWarehouse
) -> None:
    page = Page(client)
    page.ask()
    server.fault("starting", times=None)
    assert client.get("/live/", {"cursor": page.cursor}).status_code == 503
    server.clear_faults()
    use_cases.create(someone_else, account, "u-1", {"problem": "P"})
    assert page.receive() == ["bob@example.com created a use case use_cases/u-1"]


def in_background(call: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=call)
    thread.start()
    return thread


@pytest.mark.parametrize("is_first", [True, False])
def test_no_page_waits_for_another(
    client: Client, account: str, server: LocalWarehouse, statements: Statements, is_first: bool
) -> None:
    """One request asks a slow warehouse; others get the last answer meanwhile, or none yet."""
    cursor = ""
    if not is_first:
        cursor = client.get("/live/").json()["cursor"]
    server.fault("latency", times=None, seconds=4)
    with statements() as done:
        asking = in_background(lambda: Client().get("/live/", {"cursor": cursor}))
        time.sleep(1)
        for _ in range(3):
            started = time.monotonic()
            assert client.get("/live/", {"cursor": cursor}).status_code == 204
            assert time.monotonic() - started < 0.9
        assert asking.is_alive()
    assert len(done) <= 4
    server.clear_faults()
    asking.join()


def test_what_happened_outside_names_nobody(
    client: Client, account: str, warehouse: Warehouse
) -> None:
    page = Page(client)
    page.ask()
    table = warehouse.namespace.table(accounts.ACCOUNTS)
    warehouse.execute(f"UPDATE {table} SET vp = 'x', updated_at = NULL", repeatable=True)
    assert page.receive() == [f"Somebody changed the account accounts/{account}"]


def test_tables_made_anew(client: Client, account: str, warehouse: Warehouse) -> None:
    page = Page(client)
    page.ask()
    table = warehouse.namespace.table(accounts.ACCOUNTS)
    saved = f"{table[:-1]}_saved`"
    warehouse.execute(f"CREATE TABLE {saved} DEEP CLONE {table}", repeatable=False)
    warehouse.execute(f"DROP TABLE {table}", repeatable=False)
    warehouse.execute(f"CREATE TABLE {table} DEEP CLONE {saved}", repeatable=False)
    for _ in range(3):
        code = client.get("/live/", {"cursor": page.cursor}).status_code
        if code in (200, 204):
            break
    assert code in (200, 204)


def test_pages_do_not_ask_where_the_setting_is_zero(
    client: Client, account: str, get_page: See, settings: Any
) -> None:
    assert get_page("/accounts/").body["data-live-url"] == "/live/"
    settings.EDIP_LIVE_SECONDS = 0
    assert client.get("/live/").status_code == 410
    assert not get_page("/accounts/").body.get("data-live-url")


def test_the_past_does_not_change(client: Client, account: str, warehouse: Warehouse) -> None:
    moment = next_second()
    page = client.get(address(moment, "/accounts/"))
    assert b"Claims" in page.content
    assert b"data-live-url" not in page.content
    assert client.get(address(moment, "/live/")).status_code == 410
