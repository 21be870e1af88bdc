"""A list's file has the rows of the filtered list, in the same order."""

from __future__ import annotations

import csv
import io

import openpyxl
import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.exporting import tabular
from crm.repository.records import accounts
from crm.views import _list_file
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse, Statements


def rows_of(response) -> list[dict[str, str]]:
    assert response.status_code == 200
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_the_page_links_to_what_it_shows(client: Client, sample: Warehouse) -> None:
    page = client.get("/accounts/?q=a&platform=Snowflake&sort=-team&page=1").content
    links = [a["href"] for a in BeautifulSoup(page, "html.parser").select(".exports a")]
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


def test_a_statement_per_thousand_rows(
    client: Client, sample: Warehouse, statements: Statements, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_list_file, "ROWS_PER_STATEMENT", 10)
    with statements() as done:
        rows = rows_of(client.get("/updates/?format=csv"))
    assert len(rows) == len({row["id"] for row in rows}) == 28
    assert len(done) == 3


def test_a_failing_warehouse_is_answered_with_a_page(
    client: Client, sample: Warehouse, server: LocalWarehouse
) -> None:
    server.fault("expired_token", times=None)
    response = client.get("/accounts/?format=csv")
    assert response.status_code == 503
    assert response["Content-Type"].startswith("text/html")


def test_an_unknown_format_is_the_page(client: Client, sample: Warehouse) -> None:
    assert client.get("/accounts/?format=exe")["Content-Type"].startswith("text/html")
