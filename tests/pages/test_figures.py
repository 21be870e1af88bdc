"""The status page shows, on request, the tables' sizes and what the CRM has cost."""

from __future__ import annotations

import datetime as dt
import time
from io import StringIO

import pytest
from bs4 import BeautifulSoup
from django.core.management import call_command
from django.test import Client

from crm.model.own_tables import ALL_TABLES
from crm.model.schema import UPDATES
from crm.repository.tables import figures, inspection
from crm.views import admin_tools
from crm.warehouse import Warehouse, now

from ..conftest import LocalWarehouse, Statements
from ..patience import seconds
from .html import HTMX, parsed, text, texts

URL = "/admin-tools/?figures=1"


def facts(page: BeautifulSoup) -> dict[str, str]:
    return {text(each, "dt"): text(each, "dd") for each in page.select("#figures dl > div")}


def test_nothing_is_read_before_somebody_asks(
    client: Client, warehouse: Warehouse, statements: Statements
) -> None:
    with statements() as done:
        assert text(parsed(client.get("/admin-tools/")), "#figures button") == "Read"
    assert done == []


@pytest.mark.parametrize("htmx", [{}, HTMX], ids=["page", "htmx"])
def test_tables_backups_checks_and_cost(
    client: Client, sample: Warehouse, htmx: dict[str, str]
) -> None:
    # An earlier test may have checked the tables of this schema.
    assert figures.last_check(sample, now() + dt.timedelta(days=91)) is None
    before = facts(parsed(client.get(URL)))
    assert before["Last backup"].startswith("None")
    call_command("backup", stdout=StringIO())
    client.get("/admin-tools/integrity/")
    client.get("/accounts/", HTTP_X_REQUEST_ID="costs")
    page = parsed(client.get(URL, **htmx))
    assert bool(page.select("header")) != bool(htmx)
    table, slowest = page.select("#figures table")
    assert texts(table, "tbody th") == [each.name for each in ALL_TABLES]
    first = texts(table.select("tbody tr")[0], "td")
    assert "KB" in first[0]
    assert first[1:3] == [str(int(first[1])), str(int(first[2]))]
    assert first[4] == "365 days"
    found = facts(page)
    assert found["Last backup"].endswith("@localhost")
    assert "None" not in found["Last integrity check"]
    count, _, seconds = found["EDIP CRM’s statements today (UTC)"].partition(", ")
    assert int(count) > 20
    assert float(seconds.split()[0]) > 0
    assert 0 < len(slowest.select("tbody tr")) <= 10
    times = [int(cell.replace(",", "")) for cell in texts(slowest, "td:nth-child(3)")]
    assert times == sorted(times, reverse=True)


def test_what_cannot_be_read_says_why(
    client: Client, warehouse: Warehouse, server: LocalWarehouse
) -> None:
    table = warehouse.namespace.table(UPDATES)
    warehouse.execute(f"DROP TABLE {table}", repeatable=True)
    server.fault("error", times=None, match="system.query.history")
    page = parsed(client.get(URL))
    assert "updates" not in texts(page, "#figures tbody th")
    assert len(texts(page, "#figures tbody th")) == len(ALL_TABLES) - 1
    assert facts(page)["Last integrity check"].startswith("Unknown: ")
    assert "grant SELECT" in text(page, "#figures .quiet")


def test_a_warehouse_that_hangs_does_not_hold_the_page(
    client: Client, warehouse: Warehouse, server: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One limit counts for all figures, not one for each."""
    monkeypatch.setattr(admin_tools, "FIGURES_WITHIN", 1.0)
    server.fault("hang", times=None, match="system.query.history")
    started = time.monotonic()
    page = parsed(client.get(URL))
    assert time.monotonic() - started < seconds(10)
    assert facts(page)["Last integrity check"].startswith("Unknown: ")


def test_statements_of_other_tables_do_not_count(warehouse: Warehouse) -> None:
    """Another EDIP CRM of the workspace has the same tag and other tables."""
    since = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5)
    before = figures.cost_since(warehouse, since).statements
    inspection.ping(warehouse)
    assert figures.cost_since(warehouse, since).statements == before
    inspection.read_nothing(warehouse, UPDATES)
    cost = figures.cost_since(warehouse, since)
    assert cost.statements == before + 1
