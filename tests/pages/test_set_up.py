"""The page that creates or migrates the tables, and /readyz, which says that this is left to
do."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from crm.model.namespace import Namespace
from crm.model.own_tables import FOLLOWS, OPERATIONS
from crm.model.schema import ACCOUNTS, UPDATES
from crm.repository import ddl
from crm.repository.tables import readiness
from crm.views import set_up
from crm.warehouse import Warehouse, dispose_all
from crm.warehouse.config import WarehouseConfig

from ..conftest import CATALOG, LocalWarehouse, Statements
from ..patience import seconds
from .html import HTMX, filled_in, parsed, text, texts

PAGE = "/admin-tools/set-up/"


@pytest.fixture
def nowhere(warehouse: Warehouse, settings: Any) -> Iterator[Namespace]:
    """A schema that does not exist yet."""
    settings.NAMESPACE = Namespace(CATALOG, f"new_{uuid.uuid4().hex[:8]}")
    yield settings.NAMESPACE
    drop = f"DROP SCHEMA IF EXISTS {settings.NAMESPACE.quoted_schema} CASCADE"
    warehouse.execute(drop, repeatable=True)


def ready(client: Client) -> tuple[int, str]:
    readiness._known.clear()
    readiness._failed.clear()
    response = client.get("/readyz")
    return response.status_code, response.content.decode().strip()


def test_an_administrator_sets_up_what_is_missing(
    client: Client, nowhere: Namespace, warehouse: Warehouse
) -> None:
    assert ready(client) == (503, "not ready: tables are missing: run set_up")
    response = client.get("/accounts/?q=a")
    assert response.status_code == 503
    page = parsed(response)
    assert text(page, "main h1") == "Set up"
    shown = texts(page, ".finding strong")
    assert shown[:2] == [f"Create the schema {nowhere.schema}", "Create the table accounts"]
    assert "CREATE TABLE IF NOT EXISTS" in page.select("pre.statement")[1].get_text()
    form = page.select_one("main form")
    done = client.post(form["action"], filled_in(form))
    assert (done.status_code, done["Location"]) == (303, "/accounts/?q=a")
    assert client.get("/accounts/?q=a").status_code == 200
    assert "are what this version" in text(parsed(client.get(PAGE)), "main .lead")
    assert ready(client) == (200, "ready")

    warehouse.execute(f"DROP TABLE {nowhere.table(FOLLOWS)}", repeatable=True)
    assert "does not know which" in text(parsed(client.get("/accounts/?mine=on")), ".banner")
    assert ready(client) == (200, "ready; without the tables follows: run set_up")
    form = parsed(client.get(PAGE)).select_one("main form")
    client.post(form["action"], filled_in(form))
    assert not parsed(client.get("/accounts/?mine=on")).select(".banner")


def test_setting_up_goes_on_where_it_stopped(
    client: Client,
    nowhere: Namespace,
    server: LocalWarehouse,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No request takes longer than the gateway waits, and two administrators may press the button
    at the same time."""
    assert set_up.BUDGET < set_up.LIMIT < 60 - set_up.REST
    monkeypatch.setattr(set_up, "BUDGET", 0.0)
    page = parsed(client.post(PAGE))
    assert texts(page, ".finding .badge")[:2] == ["Done", "To do"]
    monkeypatch.setattr(set_up, "BUDGET", 15.0)
    monkeypatch.setattr(set_up, "LIMIT", seconds(1))
    server.fault("hang", times=None, match="CREATE TABLE.*use_cases")
    caplog.set_level("INFO", "crm.requests")
    response = client.post(PAGE)
    server.clear_faults()
    page = parsed(response)
    assert response.status_code == 503
    assert texts(page, ".finding .badge")[:3] == ["Done", "Done", "Failed"]
    assert "or may still be doing it" in text(page, ".finding:nth-child(3) p")
    [*_, logged] = (each for each in caplog.records if each.name == "crm.requests")
    assert logged.fields["refusal"] == "set-up"
    with ThreadPoolExecutor(2) as people:
        answers = list(people.map(lambda _: Client().post(PAGE), range(2)))
    assert [each.status_code for each in answers] == [303, 303]
    assert ready(client) == (200, "ready")


def test_older_tables_are_migrated(client: Client, sample: Warehouse) -> None:
    for table in (OPERATIONS, ACCOUNTS):
        drop = f"DROP TABLE {sample.namespace.table(table)}"
        sample.execute(drop, repeatable=True)
    sample.execute(ddl.create_table(ACCOUNTS, sample.namespace), repeatable=True)
    older = {ddl.VERSION_PROPERTY: "6"}
    sample.execute(ddl.set_properties(ACCOUNTS, older, sample.namespace), repeatable=True)
    assert ready(client) == (
        503,
        f"not ready: the tables are of version 6, not {ddl.VERSION}: run set_up",
    )
    shown = texts(parsed(client.get(PAGE)), ".finding strong")
    assert shown[0].startswith("Migrate the tables, step 7")
    assert client.post(PAGE).status_code == 303
    assert ready(client) == (200, "ready")
    newer = {ddl.VERSION_PROPERTY: str(ddl.VERSION + 1)}
    sample.execute(ddl.set_properties(ACCOUNTS, newer, sample.namespace), repeatable=True)
    assert ready(client) == (200, f"ready; read only: the tables are of version {ddl.VERSION + 1}")


def test_a_dropped_table_is_not_replaced_by_an_empty_one(
    client: Client, sample: Warehouse
) -> None:
    sample.execute(f"DROP TABLE {sample.namespace.table(UPDATES)}", repeatable=True)
    assert ready(client)[0] == 503
    for page in (client.get("/updates/"), client.get(PAGE), client.post(PAGE)):
        shown = parsed(page)
        assert "have rows: updates. Somebody dropped it, or" in text(shown, "main .lead")
        assert not shown.select("main form")
    with pytest.raises(CommandError, match="UNDROP TABLE"):
        call_command("set_up")
    call_command("create_tables", stdout=StringIO())
    assert client.get("/updates/").status_code == 200


def test_missing_rights_are_named(
    client: Client, nowhere: Namespace, server: LocalWarehouse, settings: Any
) -> None:
    token, user = f"dapi-{uuid.uuid4().hex}", "newcomer@example.com"
    server._ask("POST", "/tokens", {"token": token, "user": user})
    settings.WAREHOUSE = WarehouseConfig(is_local=True, url=server.url, token=token)
    response = client.post(PAGE)
    assert response.status_code == 403
    page = parsed(response)
    assert texts(page, ".badge.tone-ended")
    statements = " ".join(texts(page, ".statements li"))
    assert "GRANT USE SCHEMA, CREATE TABLE" in statements
    assert f"TO `{user}`" in statements
    assert text(page, "main form button") == "Continue"
    dispose_all()


def test_nobody_else_is_offered_it(client: Client, nowhere: Namespace, settings: Any) -> None:
    assert client.get("/accounts/", **HTMX)["HX-Retarget"] == "#toasts"
    settings.EDIP_ADMINS = ["else@example.com"]
    assert text(parsed(client.get("/accounts/")), "main h1") == "The tables were not found"
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE).status_code == 403


def test_readyz_remembers_what_it_found(
    client: Client, warehouse: Warehouse, statements: Statements, server: LocalWarehouse
) -> None:
    with statements() as done:
        assert [client.get("/readyz").status_code for _ in range(5)] == [200] * 5
    assert len(done) == 4
    drop = f"DROP TABLE {warehouse.namespace.table(UPDATES)}"
    warehouse.execute(drop, repeatable=True)
    readiness._known.clear()
    with statements() as done:
        assert [client.get("/readyz").status_code for _ in range(5)] == [503] * 5
    assert len(done) <= 3


def test_readyz_waits_a_short_time_and_asks_once(
    client: Client,
    warehouse: Warehouse,
    server: LocalWarehouse,
    statements: Statements,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If the warehouse hangs, one check serves all requests, and continues after they have got
    their answers."""
    monkeypatch.setattr(readiness, "PATIENCE", 0.3)
    server.fault("hang", times=None, match="SHOW TBLPROPERTIES")
    with statements() as done, ThreadPoolExecutor(5) as callers:
        answers = list(callers.map(lambda _: Client().get("/readyz"), range(5)))
    assert {each.status_code for each in answers} == {503}
    assert "within 0.3 s" in answers[0].content.decode()
    assert len(done) == 1
    server.clear_faults()
    monkeypatch.setattr(readiness, "PATIENCE", seconds(20))
    assert client.get("/readyz").status_code == 200


def test_the_page_that_is_shown_instead_keeps_the_deadline(
    client: Client, nowhere: Namespace, server: LocalWarehouse, settings: Any
) -> None:
    settings.EDIP_REQUEST_TIMEOUT = 2.0
    server.fault("hang", times=None, match="information_schema")
    started = time.monotonic()
    response = client.get("/accounts/")
    assert time.monotonic() - started < 2.0 + seconds(1)
    assert text(parsed(response), "main h1") == "The tables were not found"
