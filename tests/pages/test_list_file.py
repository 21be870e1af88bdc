"""A list's file has the rows of the filtered list, in the same order."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

import openpyxl
import pytest
from bs4 import BeautifulSoup
from databricks.sql.result_set import ThriftResultSet
from django.test import Client

from crm.exporting import tabular
from crm.repository.records import accounts, updates
from crm.warehouse import Warehouse, results
from crm.warehouse.connector import PooledConnection

from ..conftest import LocalWarehouse, Statements


def rows_of(response) -> list[dict[str, str]]:
    assert response.status_code == 200
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def records_of(response, form: str) -> list[dict[str, Any]]:
    if form == "csv":
        return rows_of(response)
    book = openpyxl.load_workbook(io.BytesIO(b"".join(response.streaming_content)))
    heading, *rows = book.active.iter_rows(values_only=True)
    return [dict(zip(heading, row, strict=True)) for row in rows]


def test_the_page_links_to_what_it_shows(client: Client, sample: Warehouse) -> None:
    page = client.get("/accounts/?q=a&platform=Snowflake&sort=-team&page=1").content
    links = [a["href"] for a in BeautifulSoup(page, "html.parser").select(".exports [download]")]
    assert len(links) == 2
    for link in links:
        assert client.get(link).status_code == 200
    (first, *_) = links
    assert "q=a" in first
    assert "platform=Snowflake" in first
    assert "sort=-team" in first


def test_accounts_as_csv(client: Client, sample: Warehouse) -> None:
    response = client.get("/accounts/?platform=Snowflake&status=Completed&format=csv")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="accounts-' in response["Content-Disposition"]
    rows = rows_of(response)
    assert [row["bsnid"] for row in rows] == ["BSN002", "BSN004"]
    assert rows[0]["Snowflake"] == "Completed"
    assert rows[0]["use_cases"] == "2"
    assert rows[0]["team"] == accounts.get(sample, "BSN002").team


@pytest.mark.parametrize("path", ["/use-cases/", "/updates/"])
def test_children_as_csv_name_their_team(client: Client, sample: Warehouse, path: str) -> None:
    rows = rows_of(client.get(path + "?q=BSN001&format=csv"))
    everything = rows_of(client.get(path + "?format=csv"))
    assert len(everything) in (11, 28)
    assert {row["team"] for row in everything} > {"Claims Analytics"}
    assert len(rows) <= len(everything)


def test_the_order_is_the_list_s(client: Client, sample: Warehouse) -> None:
    rows = rows_of(client.get("/updates/?sort=date&format=csv"))
    dates = [row["date"] for row in rows]
    assert dates == sorted(dates)


def test_a_list_can_be_had_as_a_workbook(client: Client, sample: Warehouse) -> None:
    response = client.get("/updates/?q=claims&format=xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(b"".join(response.streaming_content))).active
    heading, *rows = sheet.iter_rows(values_only=True)
    assert heading[:3] == ("id", "account_bsnid", "team")
    assert rows


def test_no_formula_leaves(client: Client, sample: Warehouse) -> None:
    values = {"bsnid": "EVIL", "team": "=cmd|' /C calc'!A0", "business_area": "@SUM(1)"}
    accounts.create(sample, values)
    (row,) = rows_of(client.get("/accounts/?q=EVIL&format=csv"))
    assert row["team"] == "'=cmd|' /C calc'!A0"
    assert not row["business_area"].startswith(tabular.FORMULA_STARTS)


@pytest.fixture
def ten_rows_per_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connector fetches a result in parts of ten rows."""
    original = PooledConnection.cursor

    def cursor(self: PooledConnection) -> Any:
        found = original(self)
        found.arraysize = 10
        return found

    monkeypatch.setattr(PooledConnection, "cursor", cursor)
    monkeypatch.setattr(results, "ROWS_PER_FETCH", 10)


@pytest.mark.usefixtures("ten_rows_per_fetch")
@pytest.mark.parametrize("path", ["/accounts/", "/use-cases/", "/updates/"])
def test_the_file_costs_one_statement(
    client: Client, sample: Warehouse, statements: Statements, path: str
) -> None:
    with statements() as done:
        rows = rows_of(client.get(path + "?format=csv"))
    assert len(rows) == client.get(path).context["page"].total
    assert len(done) == 1


@pytest.mark.usefixtures("ten_rows_per_fetch")
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_the_file_shows_one_moment(
    client: Client, sample: Warehouse, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """Rows that others move, add or delete meanwhile are neither lost nor doubled."""
    before = [row["id"] for row in rows_of(client.get("/updates/?sort=date&format=csv"))]
    original = ThriftResultSet.fetchmany_arrow
    fetched: list[int] = []

    def fetch(self: Any, size: int) -> Any:
        found = original(self, size)
        fetched.append(found.num_rows)
        if len(fetched) == 1:
            updates.update(sample, before[0], {"date": dt.date(2099, 1, 1)}, seen_of(before[0]))
            updates.delete(sample, before[12])
            updates.create(sample, "BSN001", "new", {"description": "new"})
        return found

    def seen_of(id: str) -> Any:
        return updates.get(sample, id).updated_at

    monkeypatch.setattr(ThriftResultSet, "fetchmany_arrow", fetch)
    response = client.get(f"/updates/?sort=date&format={form}")
    monkeypatch.undo()
    assert fetched == [10, 10, 8, 0]
    assert [row["id"] for row in records_of(response, form)] == before
    assert rows_of(client.get("/updates/?sort=date&format=csv"))[-1]["id"] != before[-1]


@pytest.mark.usefixtures("ten_rows_per_fetch")
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_failure_half_way_is_answered_with_a_page(
    client: Client, sample: Warehouse, server: LocalWarehouse, form: str
) -> None:
    server.fault("drop_before", times=None, rpc="FetchResults")
    response = client.get(f"/updates/?format={form}")
    assert response.status_code == 503
    assert response["Content-Type"].startswith("text/html")
    assert "Content-Disposition" not in response


@pytest.mark.usefixtures("ten_rows_per_fetch")
def test_a_connection_that_breaks_half_way_is_no_failure(
    client: Client, sample: Warehouse, server: LocalWarehouse
) -> None:
    server.fault("drop_before", times=1, rpc="FetchResults")
    rows = rows_of(client.get("/updates/?format=csv"))
    assert len(rows) == len({row["id"] for row in rows}) == 28


@pytest.mark.parametrize("sort", ["team", "-use_cases", "last_update"])
def test_the_file_has_the_order_of_the_pages(client: Client, sample: Warehouse, sort: str) -> None:
    page = client.get(f"/accounts/?sort={sort}").context["page"]
    rows = rows_of(client.get(f"/accounts/?sort={sort}&format=csv"))
    assert [row["bsnid"] for row in rows] == [row.account.bsnid for row in page.rows]


def test_a_failing_warehouse_is_answered_with_a_page(
    client: Client, sample: Warehouse, server: LocalWarehouse
) -> None:
    server.fault("expired_token", times=None)
    response = client.get("/accounts/?format=csv")
    assert response.status_code == 503
    assert response["Content-Type"].startswith("text/html")


def test_an_unknown_format_is_the_page(client: Client, sample: Warehouse) -> None:
    assert client.get("/accounts/?format=exe")["Content-Type"].startswith("text/html")
