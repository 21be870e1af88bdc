from __future__ import annotations

from collections.abc import Callable

from bs4 import BeautifulSoup

from crm.repository.records import platforms
from crm.warehouse import Warehouse
from tests.conftest import Statements

from .html import text, texts

See = Callable[..., BeautifulSoup]
Make = Callable[..., str]


def test_the_overview_shows_the_figures(
    get_page: See,
    make_account: Make,
    make_use_case: Make,
    make_update: Make,
    warehouse: Warehouse,
    statements: Statements,
) -> None:
    make_account("BSN001", team="Claims")
    make_account("BSN002")
    make_use_case(status="Active")
    make_use_case(status="Paused")
    make_update(description="<i>Kick-off</i>")
    platforms.set_status(warehouse, "BSN001", "Databricks", "Completed", None)
    with statements() as done:
        page = get_page("/")
    assert len(done) == 1
    assert texts(page, ".figures b")[:3] == ["2", "2", "1"]
    databricks = page.select_one(".stack")
    assert text(databricks, ".stack-head p") == "50% completed"
    assert texts(page, ".stack-wanting")[:2] == [
        "100% of the 1 that wants it",
        "no account wants it",
    ]
    assert texts(databricks, ".legend a") == [
        "Not Started 1",
        "Requested 0",
        "In Progress 0",
        "Completed 1",
    ]
    assert len(databricks.select("svg rect")) == 2
    pipeline = {
        text(row, ".bar-word"): row
        for row in page.select("[aria-labelledby=pipeline-heading] li a")
    }
    assert pipeline["Paused"]["href"] == "/use-cases/?status=Paused"
    assert texts(page, ".timeline .prose") == ["<i>Kick-off</i>"]


def test_each_part_leads_to_its_accounts(get_page: See, make_account: Make, warehouse) -> None:
    make_account("BSN001", team="Claims")
    make_account("BSN002", team="Audit")
    platforms.set_status(warehouse, "BSN001", "Databricks", "Completed", None)
    for link in get_page("/").select_one(".stack").select(".legend a"):
        count = int(link.b.get_text())
        assert len(get_page(link["href"]).select("tbody tr")) == count


def test_the_first_run_says_what_to_do(get_page: See, warehouse: Warehouse) -> None:
    page = get_page("/")
    assert text(page, "h1") == "Welcome to EDIP CRM"
    assert page.select_one("main a[href='/accounts/new/']")
